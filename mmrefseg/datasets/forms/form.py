"""A form in which people keep referring-segmentation data: how it is recognised, and its rows."""

from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Union

from mmrefseg.errors import RefDataError, shown


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
        rows: The source's rows. Raises RefDataError for what is not as it should be.
        masks: The folder of mask files, None = the form has none.
    """

    name: str
    title: str
    matches: Callable[[Path], bool]
    rows: Callable[[Source], Iterator[FormRow]]
    masks: Callable[[Path], Optional[Path]] = lambda path: None

    def read(self, source: Source) -> Iterator[FormRow]:
        """Read a source's rows, whatever is in it.

        Args:
            source (Source): The files.

        Yields:
            FormRow: With values of the types that it states.

        Raises:
            RefDataError: Something in it is not as this form has it.
        """
        number, found = 0, self.rows(source)
        while True:
            try:
                row = next(found, None)
            except (RefDataError, OSError):
                raise
            except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError,
                    MemoryError) as error:
                raise RefDataError(f'{source.path}, behind row {number}: not as {self.title} has it '
                                   f'({type(error).__name__}: {error})') from error
            if row is None:
                return
            number += 1
            for key, kinds in _KINDS.items():
                if not isinstance(getattr(row, key), kinds):
                    raise RefDataError(f'{source.path}, row {number}: its {key} is {shown(getattr(row, key))}, '
                                       f'expected {_WORDS[key]}')
            yield row


#: Types of a row's attributes that forms take over as they are.
_KINDS = dict(image=str, split=str, mask=(str, list, dict), ref_id=(Integral, type(None)))
_WORDS = dict(image='the name of an image', split='a text', mask='polygons, RLEs or the name of a mask file',
              ref_id='an integer')


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
    if not isinstance(entry, dict) and not keys:
        raise RefDataError(f'{where}: expected an object, found {shown(entry)}')
    missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
    if missing:
        found = ', '.join(map(str, list(entry)[:12])) if isinstance(entry, dict) else type(entry).__name__
        raise RefDataError(f'{where} has no {" and no ".join(missing)}; found: {found or "nothing"}')
    return entry


def need_list(value: Any, where: str) -> list:
    """Check that a value is a list.

    Args:
        value (Any): What was read.
        where (str): Says in the error where it stands.

    Returns:
        list: The value.

    Raises:
        RefDataError: It is something else.
    """
    if not isinstance(value, list):
        raise RefDataError(f'{where}: expected a list, found {shown(value)}')
    return value


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
