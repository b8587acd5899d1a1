"""History of a training, read from its work dir: records, log, tests."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Dict, List, Optional, Union

from mmengine.config import Config

from mmrefseg.engine.hooks.run_record_hook import RECORD, list_records

# In a line of the log, beside the metrics.
NO_METRICS = ('step', 'time', 'data_time')


@dataclass
class RunHistory:
    """A training, from its first start to where its last resumed one got, and the tests in the same work dir.

    Args:
        path (Path): The work dir.
        starts (list[dict]): The training's records (``run.json``), in order; empty if it was made without.
        config (dict): The last start's config.
        train (list[dict]): The log's lines of training: ``iter``, ``epoch``, ``loss``, ``time`` …
        validations (list[dict]): The log's lines of validation: ``step`` (the epoch, in an epoch-based run) and the
            metrics in percent.
        tests (dict): Split -> ``metrics``, ``checkpoint`` and ``started`` of its last test.
    """

    path: Path
    starts: List[dict] = field(default_factory=list)
    config: dict = field(default_factory=dict)
    train: List[dict] = field(default_factory=list)
    validations: List[dict] = field(default_factory=list)
    tests: Dict[str, dict] = field(default_factory=dict)

    @property
    def last(self) -> dict:
        """dict: The record of the last start, or nothing."""
        return self.starts[-1] if self.starts else {}

    @property
    def metrics(self) -> List[str]:
        """list[str]: Names of what validation measured."""
        return list(dict.fromkeys(name for row in self.validations for name in row if name not in NO_METRICS))

    def curve(self, metric: str) -> Dict[int, float]:
        """Epoch (or iteration) -> value."""
        return {row['step']: row[metric] for row in self.validations if metric in row}

    def seconds_a_step(self) -> Optional[float]:
        """The median over the log's lines of an iteration's time; the first, which starts things, left out."""
        return median(row['time'] for row in self.train[1:] or self.train) if self.train else None

    def memory(self) -> Dict[str, float]:
        """The most memory, MB: ``gpu`` from the log, ``host`` from the records."""
        gpu = [row['memory'] for row in self.train if row.get('memory')]
        host = [start['peak_memory_mb'] for start in self.starts if start.get('peak_memory_mb')]
        return {name: max(values) for name, values in dict(gpu=gpu, host=host).items() if values}


def read_run(work_dir: Union[str, Path]) -> RunHistory:
    """Read a work dir.

    mmengine makes a folder in it for every start. A start that was not resumed begins the training anew, so what came
    before it is left out; from a resumed one on, lines of the log that its predecessor wrote beyond the checkpoint
    are. Work dirs without records (older runs, other programs on mmengine) are read too, as far as the log goes.

    Raises:
        FileNotFoundError: No training was started there.
        ValueError: A record or a line of a log cannot be read.
    """
    path = Path(work_dir)
    run = RunHistory(path)
    for folder in sorted(path.glob('*/')):
        log = folder / 'vis_data' / 'scalars.json'
        texts = [(file, file.read_text(encoding='utf-8')) for file in list_records(folder)]
        records = [_read_json(text, file) for file, text in texts if text]  # of a killed run it may be empty
        for record in records or [None] * log.is_file():
            if record and record['mode'] == 'test':
                for split, metrics in record.get('results', {}).items():
                    run.tests[split] = dict(metrics=metrics, checkpoint=record['load_from'], started=record['started'])
            else:
                _add_start(run, folder, record, log)
    if not run.config:
        raise FileNotFoundError(f'{path} holds no log of a training: expected a work dir, with '
                                f'<time>/{RECORD} or <time>/vis_data/scalars.json in it')
    return run


def _add_start(run: RunHistory, folder: Path, record: Optional[dict], log: Path) -> None:
    lines = log.read_text(encoding='utf-8').splitlines() if log.is_file() else []
    # The last line of a run that was killed may be cut off.
    rows = [_read_json(line, log) for line in lines[:-1]]
    rows += [json.loads(line) for line in lines[-1:] if line.endswith('}')]
    train = [row for row in rows if 'iter' in row]
    validations = [row for row in rows if 'iter' not in row and 'step' in row]
    if record:
        resumed = record['resumed_at']
    else:  # a log that begins with a later epoch goes on from the one before
        first = train[0] if train else {}
        resumed = dict(iter=first['iter'] - 1, epoch=first['epoch'] - 1) if first.get('epoch', 1) > 1 else None
    if resumed is None:
        run.starts, run.train, run.validations = [], [], []
    else:
        loop = run.config.get('train_cfg') or {}
        step = resumed['epoch' if loop.get('by_epoch', 'Iter' not in loop.get('type', '')) else 'iter']
        run.train = [row for row in run.train if row['iter'] <= resumed['iter']]
        run.validations = [row for row in run.validations if row['step'] <= step]
    run.train += train
    run.validations += validations
    if record:
        run.starts.append(record)
    run.config = record['config'] if record else Config.fromfile(folder / 'vis_data' / 'config.py').to_dict()


def _read_json(text: str, path: Path) -> dict:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f'{path} is no JSON: {error}') from error
