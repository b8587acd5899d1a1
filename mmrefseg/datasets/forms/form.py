"""A form in which people keep referring-segmentation data: how it is recognised, and its rows."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Union

from mmrefseg.errors import RefDataError


@dataclass
class FormRow:
    """A mask and what is said of it.

    Attributes:
        image: Name of the image's file, relative to the folder of images.
        expressions: One or more.
        mask: Polygons or RLEs, in pixels; or the name of a mask file, relative to the folder of masks.
        split: Its split, '' = not stated.
        foreground: The values of the object in the mask file, None = all but 0.
        content: All of the image's file, where it lies inside the source.
        mask_content: All of the mask's file, where it lies inside the source.
        ref_id: What the source calls the ref, None = nothing.
        ignore: Polygons of pixels that count neither as object nor as background.
    """

    image: str
    expressions: List[str]
    mask: Any
    split: str = ''
    foreground: Union[None, int, List[int]] = None
    content: Optional[bytes] = None
    mask_content: Optional[bytes] = None
    ref_id: Optional[int] = None
    ignore: List[list] = field(default_factory=list)


@dataclass
class Source:
    """Source of a conversion: the files to be read.

    Attributes:
        path: A file or a folder.
        masks: Folder of mask files, None = where the form has them.
        columns: Names of ``image``, ``expression``, ``mask`` and ``split`` where the source has others than its form.
    """

    path: Path
    masks: Optional[Path] = None
    columns: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Form:
    """A form.

    Attributes:
        name: One word, for the command line.
        title: What people call it.
        matches: Whether a source is of this form, by its content; raises nothing.
        read: The source's rows. Raises RefDataError for what is not as it should be.
        masks: The folder of mask files, None = the form has none.
    """

    name: str
    title: str
    matches: Callable[[Path], bool]
    read: Callable[[Source], Iterator[FormRow]]
    masks: Callable[[Path], Optional[Path]] = lambda path: None


def need(entry: Any, keys: List[str], where: str) -> dict:
    """Check that an entry is an object with some keys.

    Args:
        entry (Any): What was read.
        keys (list[str]): The keys.
        where (str): Says in the error where it stands.

    Returns:
        dict: The entry.

    Raises:
        RefDataError: It is something else.
    """
    missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
    if missing:
        found = ', '.join(map(str, list(entry)[:12])) if isinstance(entry, dict) else type(entry).__name__
        raise RefDataError(f'{where} has no {" and no ".join(missing)}; found: {found or "nothing"}')
    return entry


def texts_of(value: Any, where: str) -> List[str]:
    """Check that a value is a text or texts.

    Args:
        value (Any): What was read.
        where (str): Says in the error where it stands.

    Returns:
        list[str]: The texts that are not blank.

    Raises:
        RefDataError: It is something else, or all are blank.
    """
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)) or not all(isinstance(text, str) for text in found):
        raise RefDataError(f'{where}: expected a text or texts, found {type(value).__name__}')
    found = [text for text in found if text.strip()]
    if not found:
        raise RefDataError(f'{where}: no expression')
    return found
