"""A work dir a config, one training at a time, nothing overwritten."""

import os
import subprocess
import sys

import pytest
from mmengine.config import Config

from mmrefseg.engine import claim_work_dir, default_work_dir
from mmrefseg.utils import find_config, list_configs
from mmrefseg.utils.folder_lock import FolderLock


def test_every_config_has_one_of_its_own():
    names = list_configs()
    dirs = {default_work_dir(find_config(name)) for name in names}
    assert len(dirs) == len(names)
    assert default_work_dir(find_config('lavt/lavt_swinb_refcoco')) == 'work_dirs/lavt/lavt_swinb_refcoco'


def test_of_configs_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert default_work_dir('my.py') == 'work_dirs/my'
    assert default_work_dir('one/my.py') == 'work_dirs/one/my'
    assert default_work_dir('project/configs/set/my.py') == 'work_dirs/set/my'
    assert default_work_dir('/somewhere/else/my.py') == 'work_dirs/else/my'


def test_checkpoints_are_not_overwritten(tmp_path):
    folder = tmp_path / 'run'
    claim_work_dir(Config(dict(work_dir=str(folder)))).release()
    (folder / 'epoch_1.pth').write_bytes(b'')
    with pytest.raises(FileExistsError, match=r'run holds checkpoints \(epoch_1.pth\).*--resume .*--work-dir .*run_2'):
        claim_work_dir(Config(dict(work_dir=str(folder)))).release()
    claim_work_dir(Config(dict(work_dir=str(folder), resume=True)))


def test_one_training_at_a_time(tmp_path):
    hold = ('import sys, time; from mmrefseg.utils.folder_lock import FolderLock; '
            f'lock = FolderLock({str(tmp_path)!r}, "a training"); print("held", flush=True); time.sleep(60)')
    with subprocess.Popen([sys.executable, '-c', hold], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b'held\n'
        with pytest.raises(BlockingIOError, match=rf'a training \(process {process.pid}\) is at work in'):
            claim_work_dir(Config(dict(work_dir=str(tmp_path))))
        process.kill()
    FolderLock(tmp_path, 'a training').release()  # a kill lets it go


def test_a_forked_worker_does_not_keep_the_folder(tmp_path):
    """The workers of a loader live on for seconds when their training was killed."""
    lock = FolderLock(tmp_path, 'a training')
    go_on, stop = os.pipe()
    is_there, there = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(stop)
        os.write(there, b'.')
        os.read(go_on, 1)
        os._exit(0)
    os.read(is_there, 1)
    with pytest.raises(BlockingIOError):
        FolderLock(tmp_path, 'another')
    lock.release()
    FolderLock(tmp_path, 'another').release()
    os.close(stop)
    assert os.waitpid(child, 0)[1] == 0


def test_other_processes_of_a_training_do_not_ask(tmp_path, monkeypatch):
    monkeypatch.setenv('RANK', '1')
    (tmp_path / 'epoch_1.pth').write_bytes(b'')
    claim_work_dir(Config(dict(work_dir=str(tmp_path))))
