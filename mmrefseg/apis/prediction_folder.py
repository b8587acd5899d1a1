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

    Args:
        path (str | Path): The folder; it is made.
        settings (dict): What the predictions depend on; ready for JSON.

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

    def __init__(self, path: Union[str, Path], settings: dict) -> None:
        self.path = Path(path)
        self.results = self.path / 'results.jsonl'
        self._lock = FolderLock(self.path, 'a prediction')
        clear_parts_below(self.path)
        try:
            self._agree(settings)
        except ValueError:
            self._lock.release()
            raise
        self._file = None

    def done(self, tasks: Sequence[PredictionTask]) -> List[PredictionTask]:
        """List the tasks that need nothing more, and drop from the results what belongs to none.

        Lines of images that are no longer asked for stay.
        """
        data = self.results.read_bytes() if self.results.is_file() else b''
        rows: Dict[str, List[dict]] = {}
        for line in data.split(b'\n')[:-1]:  # behind the last end of a line stands nothing, or a line cut off
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and ROW <= row.keys():
                rows.setdefault(row['image'], []).append(row)
        asked = {task.name: task.expressions for task in tasks}
        kept = {name: of_image for name, of_image in rows.items()
                if self._is_whole(of_image, asked.get(name))}
        text = ''.join(_line(row) for of_image in kept.values() for row in of_image)
        if text.encode('utf-8') != data:
            write_text(self.results, text)
        return [task for task in tasks if task.name in kept]

    def add(self, task: PredictionTask, result: dict) -> None:
        """Write one image's predictions, as :class:`RefSegInferencer` returns them."""
        overlay = None
        if result['picture'] is not None:
            overlay = f'overlays/{task.name}.png'
            (self.path / overlay).parent.mkdir(parents=True, exist_ok=True)
            os.replace(result['picture'], self.path / overlay)
        lines = []
        for i, (expression, mask, score) in enumerate(zip(task.expressions, result['masks'], result['scores'])):
            name = f'masks/{task.name}/{i:03d}.png'
            write_image(mask.astype(np.uint8) * 255, str(self.path / name))
            row = dict(image=task.name, expression=expression, number=i, of=len(task.expressions),
                       score=round(score, 4), pixels=int(mask.sum()), size=list(mask.shape), mask=name)
            if overlay is not None:
                row['overlay'] = overlay
            lines.append(_line(row))
        if self._file is None:
            self._file = open(self.results, 'a', encoding='utf-8', newline='')
        try:
            self._file.write(''.join(lines))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:  # the half line that may stand there is dropped when the folder is opened again
            if error.errno != errno.ENOSPC:
                raise
            raise OSError(errno.ENOSPC, disk_full(str(self.results), len(''.join(lines).encode()))) from error

    def close(self) -> None:
        """Let other processes write there."""
        if self._file is not None:
            self._file.close()
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
