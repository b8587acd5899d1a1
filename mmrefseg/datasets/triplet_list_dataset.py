"""A list of images, masks and expressions as a dataset."""

import glob
import os
import re
from typing import Dict, List, Optional, Tuple

from mmengine.dataset import force_full_init
from mmengine.fileio import join_path
from mmengine.utils import is_abs

from mmrefseg.errors import RefDataError
from mmrefseg.registry import DATASETS

from .image_files import find_image_dir
from .masks.files import Foreground
from .refer_dataset import ReferDataset
from .triplets.cells import place
from .triplets.index import TripletIndex, open_triplet_index
from .triplets.reader import TripletList

PATTERN = '{split}'


@DATASETS.register_module()
class TripletListDataset(ReferDataset):
    """Images, masks and expressions of a list; samples, chance and errors are those of :class:`ReferDataset`.

    A row has ``image`` and ``expression`` (a text or a list of texts), and as far as there are ``mask``, ``split``,
    ``ref_id`` (an integer) and ``foreground`` (the values of the row's object in its mask file, where rows share an
    index image). ``mask`` is the name of a mask file, a list of polygons ``[x0, y0, x1, y1, …]``, an RLE
    ``{size: [H, W], counts}``, compressed or plain, or several; points may be pairs ``[[x0, y0], …]``; in a CSV these
    are JSON. Without one it is the file of the folder of masks that has the image's name and ``mask_suffix``.

    Rows of the same image, mask and split are one ref with several expressions, or those of the same ``ref_id``
    where rows have one; the refs of an image belong to one image. ``text_field='sent'`` is the text in lower case
    without punctuation.

    All masks and the headers of all images are read once and kept as an index beside the list (see
    ``open_refer_index``), until the list or one of the files changes.

    Args:
        ann_file (str): The list, relative to ``data_root``: .json, .jsonl, .csv, .tsv, .parquet, or .txt with
            lines ``<name> <expression>``. May hold ``{split}``, where each split has a list of its own.
        split (str, optional): The rows whose ``split`` is this. Default: all rows.
        data_root (str): Root of the data.
        data_prefix (dict): Folders relative to ``data_root``: ``img`` of the images, ``mask`` of the mask files.
            Each may be a list of candidates. Both default to ``data_root`` itself.
        columns (dict, optional): Names in the list of ``image``, ``mask``, ``expression``, ``split``, ``ref_id`` and
            ``foreground``, where they differ from these: ``dict(expression='sent')``.
        img_suffix (str): Is appended to the names of images.
        mask_suffix (str): Of the mask files that have the name of their image. Defaults to ``'.png'``.
        foreground (int | Sequence[int], optional): The values in mask files that are the object. Default: all but 0.
        allow_empty (bool): Whether a mask may be empty (``[]``, or a file without foreground): an expression without a
            target. Defaults to False: an error.
        allow_outside (bool): Whether names of images and masks may be absolute paths or lead out of their folders.
            Defaults to False: an error, since a list from elsewhere could have any file of the machine read.
        ignore (int | Sequence[int], optional): The values in mask files of pixels that count neither as object nor as
            background, in no loss and no metric. Default: none. Rows may have an ``ignore`` of their own: a value, or
            polygons and RLEs.
        kwargs: As :class:`ReferDataset`.

    Raises:
        RefDataError: The list is missing or rows of it are not as they should be; with ``on_error='raise'`` also for
            a missing image or mask, a mask of another size than its image or without foreground and an empty
            expression: with file and line, what was found and what was expected, the first ten together.

    Example:
        >>> from mmrefseg.datasets import TripletListDataset
        >>> dataset = TripletListDataset('list.jsonl', split='train', data_root='my_set',
        ...                              data_prefix=dict(img='images', mask='masks'))
        >>> dataset.get_data_info(0)['expressions']
        ['the red square']
    """

    index: Optional[TripletIndex]

    def __init__(self,
                 ann_file: str,
                 split: Optional[str] = None,
                 *,
                 data_root: str = '',
                 data_prefix: Optional[dict] = None,
                 columns: Optional[Dict[str, str]] = None,
                 img_suffix: str = '',
                 mask_suffix: str = '.png',
                 foreground: Foreground = None,
                 allow_empty: bool = False,
                 allow_outside: bool = False,
                 ignore: Foreground = None,
                 **kwargs) -> None:
        if PATTERN in ann_file and split is None:
            raise RefDataError(f'ann_file={ann_file!r} needs a split, found None')
        self.ann_pattern = ann_file if is_abs(ann_file) else join_path(data_root, ann_file)
        # Plain types: a config's own would not go into the index' name.
        self._options = dict(
            columns=None if columns is None else dict(columns), img_suffix=img_suffix, mask_suffix=mask_suffix,
            foreground=foreground if foreground is None or isinstance(foreground, int) else list(foreground),
            allow_empty=bool(allow_empty), allow_outside=bool(allow_outside),
            ignore=ignore if ignore is None or isinstance(ignore, int) else list(ignore))
        super().__init__(ann_dir='', split=split, data_root=data_root, allow_outside=allow_outside,
                         data_prefix=dict(img='', mask='') | (data_prefix or {}), **kwargs)

    @property
    def refs_file(self) -> str:
        """str: Path of the list."""
        return self.ann_pattern.replace(PATTERN, self.split or '')

    @property
    def dataset_name(self) -> str:
        """str: Such as ``'triplets_val'``."""
        stem = os.path.splitext(os.path.basename(self.refs_file))[0]
        return stem if self.split is None or PATTERN in self.ann_pattern else f'{stem}_{self.split}'

    @force_full_init
    def images_of_splits(self) -> Dict[Tuple[str, str], List[str]]:
        """Paths of the images of all splits, by (path of the list, name of the split): with ``{split}`` in
        ``ann_file``, of all files that it can mean.

        Raises:
            RefDataError: One of these cannot be read as a list.
        """
        if PATTERN not in self.ann_pattern:
            return super().images_of_splits()
        before, *others = self.ann_pattern.split(PATTERN)
        pattern = re.compile(re.escape(before) + r'(?P<split>[^/\\]+)' + '(?P=split)'.join(map(re.escape, others)))
        images = {}
        for path in sorted(glob.glob('*'.join(map(glob.escape, [before, *others])))):
            if match := pattern.fullmatch(path):
                try:
                    index = self._open(path)
                except RefDataError as error:
                    raise RefDataError(
                        f'{path} matches ann_file={self.ann_pattern!r}, as the list of a split {match["split"]!r}, and '
                        f'cannot be read as one. If it is something else, rename or move it. {error}') from error
                refs = index.refs_of_split(match['split'])
                images[os.path.realpath(path), match['split']] = self._images_of(index, refs)
        return images

    def _read_index(self) -> TripletIndex:
        index = self._open(self.refs_file)
        if self.split is not None and not index.has_splits and PATTERN not in self.ann_pattern:
            raise RefDataError(
                f'{self.refs_file} has no column of splits, so that split={self.split!r} cannot be found in it: give '
                f"each row a split, have a list for each split (ann_file='{PATTERN}.jsonl'), or take all rows "
                '(split=None)')
        lines = index.rows_without_split() if self.split is not None and index.has_splits else []
        if len(lines):
            raise RefDataError(
                f'{self.refs_file}: {len(lines)} expressions are without a split where others state one, the first in '
                f'{place(int(lines[0]))}: expected a split in every row or in none')
        return index

    def _open(self, path: str) -> TripletIndex:
        folders = {name: find_image_dir(self.data_prefix[name]) for name in ('img', 'mask')}
        if folders['mask'] is None:  # is wanted only where a row names a file
            folders['mask'] = self.data_prefix['mask'][0]
        for name, folder in folders.items():
            if folder is None or '://' in folder:
                raise RefDataError(f'data_prefix={name!r}: found no folder {" or ".join(self.data_prefix[name])}; '
                                   'expected one on this machine, for sizes and masks to be read')
        if not os.path.isfile(path):
            raise RefDataError(f'the list {path} is missing (ann_file, relative to data_root)')
        return open_triplet_index(TripletList(
            path=path, image_dir=folders['img'], mask_dir=folders['mask'], **self._options))

    def _blank_reason(self, row: int) -> str:
        return f'{place(int(self.index.expression_line[row]))}: its expression is empty: no {self.text_field!r} text'

    def _join_prefix(self) -> None:
        joined = {}
        for name in ('img', 'mask'):
            self.data_prefix, prefix = dict(img=self.data_prefix[name]), self.data_prefix
            super()._join_prefix()
            joined[name], self.data_prefix = self.data_prefix['img'], prefix
        self.data_prefix = joined
