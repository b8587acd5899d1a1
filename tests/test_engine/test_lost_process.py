"""Distributed trainings that lose a process end in words and in time, and go on to the same weights."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from conftest import ROOT, TINY_CONFIG
from mmengine.config import Config

from mmrefseg.datasets.refshapes_generator import generate_refshapes
from mmrefseg.engine import LostProcessError, is_of_lost_process, other_processes, resume_after_restart, set_timeout
from mmrefseg.engine.lost_process import TIMEOUT, timeout_of

GLOO = '[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:4242'
SLOW = '[/pytorch/third_party/gloo/gloo/transport/tcp/unbound_buffer.cc:78] Timed out waiting 5000ms for recv'
PROCESSES, EPOCHS = 3, 2


def test_the_timeout_has_a_default_and_can_be_set():
    cfg = Config(dict(work_dir='w'))
    set_timeout(cfg)
    assert timeout_of(cfg).total_seconds() == TIMEOUT < 1800
    cfg = Config(dict(env_cfg=dict(dist_cfg=dict(backend='nccl', timeout=7))))
    set_timeout(cfg)
    assert timeout_of(cfg).total_seconds() == 7 and cfg.env_cfg.dist_cfg.backend == 'nccl'


@pytest.mark.parametrize('timeout', [0, -1, '10', None, True])
def test_wrong_timeouts_are_refused(timeout):
    with pytest.raises(ValueError, match=r'env_cfg\.dist_cfg\.timeout is .*, expected seconds'):
        set_timeout(Config(dict(env_cfg=dict(dist_cfg=dict(timeout=timeout)))))


@pytest.mark.parametrize('error,expected', [
    (RuntimeError(GLOO), 'has ended'),
    (RuntimeError(SLOW), r'did not answer for 7 s \(env_cfg.dist_cfg.timeout\)'),
    (torch.distributed.DistNetworkError('The client socket has timed out after 7000ms'), 'did not answer for 7 s')])
def test_errors_of_collectives_are_said_in_words(error, expected, monkeypatch):
    monkeypatch.setenv('RANK', '2')
    monkeypatch.setenv('WORLD_SIZE', '3')
    cfg = Config(dict(work_dir='work', env_cfg=dict(dist_cfg=dict(timeout=7))))
    with pytest.raises(LostProcessError, match=f'process 2 of 3 stops: another process of this run {expected}.*work'), \
            other_processes(cfg):
        raise error


@pytest.mark.parametrize('error', [RuntimeError('shapes differ'), ValueError(GLOO), KeyError('gloo/')])
def test_other_errors_stay(error):
    assert not is_of_lost_process(error)
    with pytest.raises(type(error)) as raised, other_processes(Config(dict())):
        raise error
    assert raised.value is error


def test_a_restarted_training_goes_on_and_no_other(tmp_path, monkeypatch):
    def settled(resume=False):
        cfg = Config(dict(work_dir=str(tmp_path), resume=resume, load_from='begin.pth'))
        return resume_after_restart(cfg), cfg.resume, cfg.load_from

    begin = (False, False, 'begin.pth')
    assert settled() == begin
    monkeypatch.setenv('TORCHELASTIC_RESTART_COUNT', '1')
    assert settled() == begin  # there is no checkpoint
    torch.save(dict(a=torch.zeros(1)), tmp_path / 'epoch_1.pth')
    assert settled() == (True, True, None)
    monkeypatch.setenv('TORCHELASTIC_RESTART_COUNT', '0')
    assert settled() == begin


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """RefShapes of which each of the processes gets six steps an epoch."""
    folder = tmp_path_factory.mktemp('data')
    generate_refshapes(folder, scenes=dict(train=18, val=1, testA=1, testB=1), variants=['refshapes'])
    return folder


@pytest.fixture
def start(root, tmp_path):
    """Starts a training, or one of its processes."""
    def run(folder, *command, stop=None, options=(), **environment):
        changes = dict(
            _base_=str(TINY_CONFIG),
            find_unused_parameters=True,  # or DDP sorts its sums anew behind the first step, to other roundings
            custom_imports=dict(imports=['helpers.stop_one'], allow_failed_imports=False),
            custom_hooks=[dict(type='EpochSeedHook')] + ([dict(type='StopOneHook', **stop)] if stop else []))
        config = tmp_path / f'{folder.name}.py'
        config.write_text(''.join(f'{name} = {value!r}\n' for name, value in changes.items()))
        roots = [f'{loader}_dataloader.dataset.data_root={root}' for loader in ('train', 'val', 'test')]
        return subprocess.Popen(
            [sys.executable, *command, '-m', 'mmrefseg', 'train', str(config), '--launcher', 'pytorch', '--work-dir',
             str(folder), '--cfg-options', *roots, f'max_epochs={EPOCHS}', 'train_cfg.val_interval=1',
             'train_dataloader.num_workers=1', 'train_dataloader.batch_size=1', *options],
            env=dict(os.environ, PYTHONPATH=os.pathsep.join([str(ROOT), str(ROOT / 'tests')]), OMP_NUM_THREADS='1',
                     PYTHONWARNINGS='ignore', **environment),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path)
    return run


def torchrun(port):
    return '-m', 'torch.distributed.run', f'--nproc-per-node={PROCESSES}', f'--master-port={port}', '--max-restarts=1'


def weights(folder):
    return torch.load(folder / f'epoch_{EPOCHS}.pth', weights_only=True)['state_dict']


@pytest.mark.slow
@pytest.mark.parametrize('kind,timeout,said', [
    ('SIGKILL', 600, 'another process of this run has ended'),
    ('SIGSTOP', 5, 'another process of this run did not answer for 5 s')])
def test_the_others_end_in_words_and_in_time(start, tmp_path, unused_port, kind, timeout, said):
    """No agent of torchrun ends them: they are started by hand, as by a launcher on other machines."""
    stop = dict(rank=1, iteration=1, signal=kind, said=str(tmp_path / 'stopped'))
    processes = [start(tmp_path / 'run', stop=stop, options=[f'env_cfg.dist_cfg.timeout={timeout}'], RANK=str(rank),
                       LOCAL_RANK=str(rank), WORLD_SIZE=str(PROCESSES), LOCAL_WORLD_SIZE=str(PROCESSES),
                       MASTER_ADDR='127.0.0.1', MASTER_PORT=str(unused_port)) for rank in range(PROCESSES)]
    try:
        others = [process for rank, process in enumerate(processes) if rank != 1]
        outputs = [process.communicate(timeout=300)[0] for process in others]
        seconds = time.time() - Path(stop['said']).stat().st_mtime
    finally:
        for process in processes:
            process.kill()
            process.wait()
    print(f'{kind} of one of {PROCESSES}, time-out {timeout} s: the others ended after {seconds:.1f} s')
    for rank, process, output in zip((0, 2), others, outputs):
        assert process.returncode == 2, output[-3000:]
        assert f'process {rank} of 3 stops: {said}' in output, output[-3000:]
    assert processes[1].returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_restart_ends_with_the_weights_of_one_life(start, tmp_path, unused_port):
    whole = start(tmp_path / 'whole', *torchrun(unused_port))
    assert whole.communicate(timeout=600) and whole.returncode == 0
    wanted = weights(tmp_path / 'whole')
    for name, iteration, options, goes_on_from in (
            ('between', 8, (), r'epoch_1\.pth'),
            ('within', 10, ['default_hooks.checkpoint.minutes=1e-6'], r'epoch_1_iter_(9|10)\.pth')):
        stop = dict(rank=1, iteration=iteration, signal='SIGKILL', said=str(tmp_path / 'stopped'))
        killed = start(tmp_path / name, *torchrun(unused_port), stop=stop, options=options)
        output = killed.communicate(timeout=600)[0]
        assert killed.returncode == 0 and 'exitcode: -9' in output, output[-3000:]
        logs = ''.join(path.read_text() for path in (tmp_path / name).glob('*/*.log'))
        assert re.search(f'Auto resumed from the latest checkpoint {tmp_path / name}/{goes_on_from}', logs)
        torch.testing.assert_close(weights(tmp_path / name), wanted, rtol=0, atol=1e-6)
        assert not list((tmp_path / name).glob('*iter*'))


@pytest.fixture
def unused_port():
    import socket
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        return found.getsockname()[1]
