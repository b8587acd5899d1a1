"""Predictions on disk, which a kill cannot spoil."""

import errno
import json
import os
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Union

import numpy as np

from mmrefseg.utils import write_text
from mmrefseg.utils.folder_lock import FolderLock
from mmrefseg.utils.whole_file import clear_parts_below, disk_full
from mmrefseg.visualization.panel import write_image

from .prediction_tasks import PredictionTask

ROW = {'image', 'expression', 'number', 'of', 'size', 'mask'}
PNG_BEGIN = b'\x89PNG\r\n\x1a\n'
PNG_END = b'IEND\xaeB`\x82'


class PredictionFolder:
    """Masks, a line for each in ``results.jsonl``, and ``settings.json``, which says what they were made with.

    Masks are written first, each whole or not at all, then all lines of an image at once. An image counts as done
    if each of its expressions has a whole line and the line's files are there and whole; everything else that a killed
    run left behind is dropped when the folder is opened again, and made anew.

    Several processes may fill it: the main one (rank 0) opens it before the others, and keeps it. Each writes its lines
    into a file of its own, ``results.<rank>.jsonl``; :meth:`done` brings them together, whoever wrote them.

    Args:
        path (str | Path): The folder; it is made.
        settings (dict): What the predictions depend on; ready for JSON.
        rank (int): The number of this process; of others than the main one the settings are not looked at.
            Defaults to 0.
        world_size (int): How many processes there are. Defaults to 1, which writes into ``results.jsonl``.

    Raises:
        ValueError: The folder holds predictions made with other settings, or of unknown ones, or something else.
        BlockingIOError: Another process writes there.

    Example:
        >>> from mmrefseg.apis.prediction_folder import PredictionFolder
        >>> from mmrefseg.apis.prediction_tasks import PredictionTask
        >>> folder = PredictionFolder('predictions', settings=dict(model='lavt'))
        >>> folder.done([PredictionTask('a.png', 'photos/a.png', ['the man'])])  # nothing is there yet
        []
        >>> folder.close()
    """

    def __init__(self, path: Union[str, Path], settings: dict, rank: int = 0, world_size: int = 1) -> None:
        self.path = Path(path)
        self.results = self.path / 'results.jsonl'
        self.own_results = self.results if world_size == 1 else self.path / f'results.{rank}.jsonl'
        self._file, self._lock = None, None
        if rank:
            return
        self._lock = FolderLock(self.path, 'a prediction')
        clear_parts_below(self.path)
        try:
            self._agree(settings)
        except ValueError:
            self._lock.release()
            raise

    def done(self, tasks: Sequence[PredictionTask]) -> List[PredictionTask]:
        """List the tasks that need nothing more, and bring all lines into ``results.jsonl``, in the order of the tasks.

        What belongs to none is dropped; lines of images that are no longer asked for stay, behind the others. Not to be
        called while a process writes.
        """
        data = self.results.read_bytes() if self.results.is_file() else b''
        parts = sorted(path for path in self.path.glob('results.*.jsonl') if path.name.split('.')[1].isdecimal())
        asked = {task.name: task.expressions for task in tasks}
        kept: Dict[str, List[dict]] = {}
        # The main file first: a kill may come before the parts that are in there are removed.
        for content in (data, *(path.read_bytes() for path in parts)):
            for name, rows in _rows_by_image(content).items():
                if name not in kept and self._is_whole(rows, asked.get(name)):
                    kept[name] = rows
        order = [*(name for name in asked if name in kept), *(name for name in kept if name not in asked)]
        text = ''.join(_line(row) for name in order for row in kept[name])
        if text.encode('utf-8') != data:
            write_text(self.results, text)
        for path in parts:
            path.unlink()
        return [task for task in tasks if task.name in kept]

    def add(self, task: PredictionTask, result: dict) -> None:
        """Write one image's predictions, as :class:`RefSegInferencer` returns them."""
        overlay = None
        if result['overlay'] is not None:
            overlay = f'overlays/{task.name}.png'
            (self.path / overlay).parent.mkdir(parents=True, exist_ok=True)
            os.replace(result['overlay'], self.path / overlay)
        lines = []
        for i, (mask, score) in enumerate(zip(result['masks'], result['scores'])):
            name = f'masks/{task.name}/{i:03d}.png'
            write_image(mask.astype(np.uint8) * 255, str(self.path / name))
            row = dict(row_of(task, i, score, mask), size=list(mask.shape), mask=name)
            if overlay is not None:
                row['overlay'] = overlay
            lines.append(_line(row))
        if self._file is None:
            self._file = open(self.own_results, 'a', encoding='utf-8', newline='')
        try:
            self._file.write(''.join(lines))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:  # the half line that may stand there is dropped when the folder is opened again
            if error.errno != errno.ENOSPC:
                raise
            raise OSError(errno.ENOSPC, disk_full(str(self.own_results), len(''.join(lines).encode()))) from error

    def close_results(self) -> None:
        """End the writing of lines."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Let other processes write there."""
        self.close_results()
        if self._lock is not None:
            self._lock.release()

    def _agree(self, settings: dict) -> None:
        path = self.path / 'settings.json'
        settings = json.loads(json.dumps(settings))
        if not path.is_file():
            if self.results.exists():
                raise ValueError(f'{self.path} holds a results.jsonl but no settings.json that says what it was made '
                                 'with: take another folder')
            write_text(path, _dumps(settings, indent=1) + '\n')
            return
        try:
            old = json.loads(path.read_text(encoding='utf-8'))
        except ValueError as error:
            raise ValueError(f'{path} is no JSON: {error}') from error
        changed = [f'{key}: {old.get(key)!r} there, {settings.get(key)!r} now'
                   for key in {**old, **settings} if old.get(key) != settings.get(key)]
        if changed:
            raise ValueError(f'{self.path} holds predictions made with other settings; take another folder, or remove '
                             'it to begin anew:\n  ' + '\n  '.join(changed))

    def _is_whole(self, rows: List[dict], expressions: Optional[List[str]]) -> bool:
        if len(rows) != rows[0]['of'] or [row['number'] for row in rows] != list(range(len(rows))):
            return False
        if expressions is not None and [row['expression'] for row in rows] != expressions:
            return False
        return all(is_whole_png(self.path / row['mask'], row['size']) for row in rows) and all(
            is_whole_png(self.path / row['overlay']) for row in rows[:1] if 'overlay' in row)


def row_of(task: PredictionTask, number: int, score: float, mask: np.ndarray) -> dict:
    """The row of one expression of an image, without the mask, which is kept in ways of its own.

    Args:
        task (PredictionTask): The image and its expressions.
        number (int): Of the expression among them.
        score (float): How sure the model is.
        mask (np.ndarray): (H, W) bool.

    Returns:
        dict: ``image``, ``expression``, ``number``, ``of``, ``score`` of four digits and ``pixels``.
    """
    return dict(image=task.name, expression=task.expressions[number], number=number, of=len(task.expressions),
                score=round(score, 4), pixels=int(mask.sum()))


def is_whole_png(path: Path, size: Optional[Sequence] = None) -> bool:
    """Whether a PNG that we wrote is still all there.

    Args:
        path (Path): The file.
        size (Sequence[int], optional): Its height and width.

    Returns:
        bool: Whether it begins as a PNG (of this size) and ends as one.
    """
    try:
        with open(path, 'rb') as file:
            head = file.read(24)
            file.seek(-len(PNG_END), os.SEEK_END)
            tail = file.read()
    except OSError:  # missing, or shorter than the end
        return False
    found = [int.from_bytes(head[20:24], 'big'), int.from_bytes(head[16:20], 'big')]
    return head[:8] == PNG_BEGIN and tail == PNG_END and size in (None, found)


def _rows_by_image(content: bytes) -> Dict[str, List[dict]]:
    """The rows of a file of results, by image, without lines that are none."""
    rows: Dict[str, List[dict]] = {}
    for line in content.split(b'\n')[:-1]:  # behind the last end of a line stands nothing, or a line cut off
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and ROW <= row.keys():
            rows.setdefault(row['image'], []).append(row)
    return rows


def _line(row: dict) -> str:
    return _dumps(row) + '\n'


def _dumps(value: dict, **options) -> str:
    """JSON as people read it; names that are no UTF-8 are escaped, so that the file is UTF-8 all the same."""
    text = json.dumps(value, ensure_ascii=False, **options)
    try:
        text.encode('utf-8')
    except UnicodeEncodeError:
        text = json.dumps(value, **options)
    return text
