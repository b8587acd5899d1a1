"""The forms in which people have referring-segmentation data, one a file, and which of them a source is of."""

from pathlib import Path
from typing import Optional

from mmrefseg.errors import RefDataError

from . import (
    boxes,
    coco,
    cris,
    cvat,
    label_studio,
    labelme,
    lmdb,
    mdetr,
    parquet,
    phrasecut,
    polyformer,
    reasonseg,
    seqtr,
)
from .form import Form, FormRow, Source

#: By name. Earlier ones are asked first: those that others could be taken for.
FORMS = {module.FORM.name: module.FORM for module in (
    parquet, lmdb, polyformer, cvat, cris, phrasecut, label_studio, reasonseg, labelme, mdetr, coco, seqtr, boxes)}

__all__ = ['FORMS', 'Form', 'FormRow', 'Source', 'recognise']


def recognise(path: Path, name: Optional[str] = None) -> Form:
    """Say which form a source is of, by its content.

    Args:
        path (Path): A file or a folder.
        name (str, optional): The form's name, where the user gives it.

    Returns:
        Form: The form.

    Raises:
        RefDataError: There is no such file or folder, or it is of none of the forms.
    """
    if not path.exists():
        raise RefDataError(f'{path} is missing')
    if name is not None:
        return FORMS[name]
    for form in FORMS.values():
        if form.matches(path):
            return form
    known = '; '.join(form.title for form in FORMS.values())
    raise RefDataError(f'{path} is of none of the forms that are known by their content: {known}. --form NAME takes it '
                       'for one all the same')
