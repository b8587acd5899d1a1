"""Record of a run in its work dir, from which it can be repeated."""

import hashlib
import itertools
import json
import os
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Dict, List, Optional, Union

import mmengine
import torch
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

import mmrefseg
from mmrefseg.environment import collect_hardware, collect_versions
from mmrefseg.registry import HOOKS
from mmrefseg.utils.git_state import git_state
from mmrefseg.utils.write_text import write_text

RECORD = 'run.json'


@HOOKS.register_module()
class RunRecordHook(Hook):
    """Writes ``run.json`` beside mmengine's log when a training or a test begins, and again when it has ended.

    A work dir gets one such file, and one folder with a log, each time a run starts in it: a resumed run adds its own
    and nothing is overwritten, whoever trains and tests there at the same time. In it are the command and its folder,
    the whole config, the seed that holds (a resumed run's is that of its checkpoint), versions, the machine, the
    checkouts of mmrefseg and of the folder the run was started in (commit, branch, changes), from where it was resumed
    and, at its end, how long it took, the most memory it had and the metrics of a test. Uncommitted changes lie
    beside it as ``git_<name>.patch``. Runs that begin in the same second share the folder: the others' records
    are ``run_2.json`` and so on. The first process of a distributed run writes.

    The tools add this hook to every config; ``default_hooks.run_record=None`` takes it away.
    ``tools/analysis_tools/compare_runs.py`` reads the files.
    """

    # The last to be told that a run has ended: it has then.
    priority = 'VERY_LOW'

    def __init__(self) -> None:
        self.record: Dict[str, object] = {}
        self.path: Optional[Path] = None
        self.began = 0.

    def before_train(self, runner: Runner) -> None:
        """Called by the runner, after it has resumed."""
        resumed = dict(epoch=runner.epoch, iter=runner.iter) if runner.iter else None
        self._begin(runner, mode='train', resumed_at=resumed)

    def before_test(self, runner: Runner) -> None:
        """Called by the runner before each split; the record is of the first."""
        if not self.record:
            self._begin(runner, mode='test')

    def after_run(self, runner: Runner) -> None:
        """Called by the runner."""
        self._end(runner)

    @master_only
    def _begin(self, runner: Runner, mode: str, resumed_at: Optional[dict] = None) -> None:
        self.began = time.perf_counter()
        self.record = dict(
            format=1,
            mode=mode,
            command=[sys.executable, *sys.orig_argv[1:]],
            folder=str(Path.cwd()),
            process=os.getpid(),
            started=_now(),
            ended=None,
            resumed_at=resumed_at,
            load_from=runner._load_from,
            seed=runner.seed,
            deterministic=torch.are_deterministic_algorithms_enabled(),
            launcher=runner.launcher,
            processes=runner.world_size,
            versions=collect_versions(),
            hardware=collect_hardware(),
            git=write_patches(runner.log_dir),
            config_file=runner.cfg.filename and str(runner.cfg.filename),
            config=runner.cfg.to_dict())
        self.path = _claim(runner.log_dir)
        _write(self.path, self.record)

    @master_only
    def _end(self, runner: Runner) -> None:
        if self.record:
            self.record.update(
                ended=_now(), seconds=round(time.perf_counter() - self.began, 1), peak_memory_mb=peak_memory())
            _write(self.path, self.record)


def list_records(log_dir: Union[str, Path]) -> List[Path]:
    """List the records of a log folder: runs that began in one second share it, and each has its own.

    Returns:
        list[Path]: ``run.json``, ``run_2.json``, …, in order.
    """
    found = {int(path.stem[4:] or 1): path for path in Path(log_dir).glob('run*.json')
             if re.fullmatch(r'run(_\d+)?', path.stem)}
    return [found[number] for number in sorted(found)]


def _claim(log_dir: Union[str, Path]) -> Path:
    """A record's path that no other run of the same second has."""
    for number in itertools.count(1):
        path = Path(log_dir, RECORD if number == 1 else f'run_{number}.json')
        try:
            path.touch(exist_ok=False)
            return path
        except FileExistsError:
            continue


def write_patches(log_dir: Union[str, Path]) -> Dict[str, Optional[dict]]:
    """Write the uncommitted changes of mmrefseg's checkout and of the one that this process was started in.

    Returns:
        dict: ``mmrefseg`` and, where that is another checkout, ``folder`` -> root, commit, branch, dirty, untracked,
        the patch's file name and its SHA-256, or None where there is no checkout.
    """
    states = dict(mmrefseg=git_state(Path(mmrefseg.__file__).parent), folder=git_state(Path.cwd()))
    if states['folder'] and states['mmrefseg'] and states['folder'].root == states['mmrefseg'].root:
        del states['folder']
    written = {}
    for name, state in states.items():
        written[name] = state and dict(state._asdict(), patch=None)
        if state and state.patch:
            digest = hashlib.sha256(state.patch.encode('utf-8', 'surrogateescape')).hexdigest()
            written[name].update(patch=f'git_{name}.patch', patch_sha256=digest)
            write_text(Path(log_dir, f'git_{name}.patch'), state.patch)
    return written


@master_only
def add_results(log_dir: Union[str, Path], results: Dict[str, dict]) -> None:
    """Put the metrics of a test's splits into its record; without a record do nothing."""
    for path in list_records(log_dir):
        record = mmengine.load(path) if path.stat().st_size else {}
        if record.get('process') == os.getpid():
            _write(path, dict(record, results=results))


def peak_memory() -> Optional[float]:
    """The most main memory this process had so far, in MB; None on Windows. The graphics card's is in the log."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == 'darwin' else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)


def _write(path: Path, record: dict) -> None:
    # Objects of a config that JSON does not know are written as Python does.
    write_text(path, json.dumps(record, indent=1, default=repr, ensure_ascii=False) + '\n')


def _now() -> str:
    return datetime.now(UTC).astimezone().isoformat(timespec='seconds')
