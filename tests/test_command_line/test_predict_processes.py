"""Many pictures by several processes: the results of one, each once, whoever dies and however many come after."""

import json
import multiprocessing
import os
import random
import signal
import socket
import sys
import time

import cv2
import numpy as np
import pytest
import torch
from conftest import TINY_CONFIG
from mmengine.runner import save_checkpoint

from mmrefseg.apis import RefSegInferencer
from mmrefseg.apis.prediction_folder import PredictionFolder
from mmrefseg.apis.prediction_tasks import PredictionTask
from mmrefseg.command_line import main
from mmrefseg.utils.processes import default_launcher, joined

COUNT = 24


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """Pictures, one of them broken, expressions, a checkpoint, and the results of one process."""
    place = tmp_path_factory.mktemp('processes')
    generator = np.random.default_rng(0)
    (place / 'pictures').mkdir()
    for number in range(COUNT):
        cv2.imwrite(str(place / f'pictures/{number:02d}.png'), generator.integers(0, 255, (24, 40, 3), dtype=np.uint8))
    (place / 'pictures/05.png').write_bytes(b'no picture')
    (place / 'said.txt').write_text('the red circle\nlargest star\n')
    torch.manual_seed(0)
    model = RefSegInferencer(str(TINY_CONFIG), device='cpu', show_progress=False).model
    save_checkpoint(dict(state_dict=model.state_dict()), str(place / 'one.pth'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MMREFSEG_KEEP_MEMORY', '0')
        assert main(arguments(place, place / 'alone')) == 3
    return place


def arguments(place, out_dir, *more):
    return ['predict', str(place / 'pictures'), str(place / 'said.txt'), '--model', str(TINY_CONFIG), '--weights',
            str(place / 'one.pth'), '--out-dir', str(out_dir), '--device', 'cpu', *more]


def work(rank, world_size, port, out_dir, given):
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(world_size), LOCAL_RANK=str(rank), MASTER_ADDR='127.0.0.1',
                      MASTER_PORT=str(port), MMREFSEG_KEEP_MEMORY='0')
    said = os.open(f'{out_dir}.{rank}.log', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(said, stream)
    sys.stdout, sys.stderr = open(1, 'w', closefd=False), open(2, 'w', closefd=False)
    status = main([*given, '--launcher', 'pytorch'])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def started(place, out_dir, world_size, *more):
    """Processes as torchrun starts them, but forked: nothing is imported again."""
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        port = found.getsockname()[1]
    context = multiprocessing.get_context('fork')
    processes = [context.Process(target=work, args=(rank, world_size, port, out_dir, arguments(place, out_dir, *more)))
                 for rank in range(world_size)]
    for process in processes:
        process.start()
    return processes


def finish(place, out_dir, world_size, *more):
    processes = started(place, out_dir, world_size, *more)
    for process in processes:
        process.join(500)
    return [process.exitcode for process in processes]


def assert_the_same(place, out_dir):
    alone, found = place / 'alone', out_dir
    assert (found / 'results.jsonl').read_text() == (alone / 'results.jsonl').read_text()
    for row in map(json.loads, (found / 'results.jsonl').read_text().splitlines()):
        assert (found / row['mask']).read_bytes() == (alone / row['mask']).read_bytes()
    assert sorted(path.name for path in found.iterdir()) == ['.lock', 'masks', 'results.jsonl', 'settings.json']


def masks(out_dir):
    return {path: path.stat().st_mtime_ns for path in (out_dir / 'masks').rglob('*.png')}


def lines(out_dir):
    """What stands in whole lines: of every image with all of them."""
    rows = [json.loads(line) for path in out_dir.glob('results*.jsonl')
            for line in path.read_bytes().split(b'\n')[:-1]]
    return {name for name in {row['image'] for row in rows} if sum(row['image'] == name for row in rows) >= 2}


@pytest.mark.parametrize('world_size', [1, 2, 3])
def test_the_results_of_one(place, tmp_path, world_size):
    out_dir = tmp_path / 'out'
    assert finish(place, out_dir, world_size) == [3] * world_size  # the broken picture, said by one
    assert_the_same(place, out_dir)
    said = [(tmp_path / f'out.{rank}.log').read_text() for rank in range(world_size)]
    assert '23 of 24 pictures' in said[0] and '05.png: picture' in said[0]
    assert not any('pictures could not be read' in text for text in said[1:])
    before = masks(out_dir)
    assert finish(place, out_dir, 3) == [3] * 3 and masks(out_dir) == before, 'what was done was done again'


@pytest.mark.parametrize('seed', [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))])
def test_killed_and_started_with_others(place, tmp_path, seed):
    """All or one of the processes are killed at any moment, twice; then others go on, of another number."""
    chance, out_dir = random.Random(seed), tmp_path / 'out'
    numbers = chance.sample([1, 2, 3], 3)
    for world_size in numbers[:2]:
        wanted = chance.randint(0, COUNT - 2)
        processes, deadline = started(place, out_dir, world_size), time.time() + 500
        while len(lines(out_dir)) < wanted and all(process.is_alive() for process in processes):
            assert time.time() < deadline
            time.sleep(chance.random() / 50)
        chosen = processes if chance.random() < 0.5 else chance.sample(processes, 1)
        # torchrun ends the others when one dies
        for process in (*chosen, *(each for each in processes if each not in chosen)):
            if process.is_alive():
                os.kill(process.pid, signal.SIGKILL)
        for process in processes:
            process.join()
        done, before = lines(out_dir), masks(out_dir)
    assert finish(place, out_dir, numbers[2]) == [3] * numbers[2]
    assert_the_same(place, out_dir)
    after = masks(out_dir)
    assert all(after[path] == when for path, when in before.items() if path.parent.name in done), 'done again'


def test_others_hear_of_a_failure(place, tmp_path):
    """Other settings: one clear error in the main process, and the others end."""
    assert finish(place, tmp_path / 'out', 2, '--amp') == [3, 3]
    assert finish(place, tmp_path / 'out', 2) == [2, 2]
    said = [(tmp_path / f'out.{rank}.log').read_text() for rank in range(2)]
    assert 'holds predictions made with other settings' in said[0] and 'the main process failed' in said[1]


# --- the folder ------------------------------------------------------------------------------


def tasks_of(names):
    return [PredictionTask(f'{name}.png', '', ['x', 'y']) for name in names]


def add(folder, names):
    for task in tasks_of(names):
        folder.add(task, dict(masks=np.ones((2, 4, 5), bool), scores=[0.5, 0.25], overlay=None))
    folder.close_results()


def test_parts_become_one_in_the_order_of_the_tasks(tmp_path):
    main_one = PredictionFolder(tmp_path, {}, 0, 3)
    others = [PredictionFolder(tmp_path, {}, rank, 3) for rank in (1, 2)]
    for folder, names in zip((main_one, *others), ('ad', 'cz', 'b')):
        add(folder, names)
    assert not (tmp_path / 'results.jsonl').exists()
    assert main_one.done(tasks_of('abcde')) == tasks_of('abcd')
    rows = [json.loads(line) for line in (tmp_path / 'results.jsonl').read_text().splitlines()]
    assert [row['image'][0] for row in rows] == list('aabbccddzz')
    assert not list(tmp_path.glob('results.*.jsonl'))
    main_one.close()


def test_killed_between_writing_and_removing_the_parts(tmp_path):
    """The same lines stand in both then, and a half line of another image."""
    folder = PredictionFolder(tmp_path, {}, 0, 2)
    add(folder, 'ab')
    part = (tmp_path / 'results.0.jsonl').read_text()
    assert folder.done(tasks_of('abc')) == tasks_of('ab')
    whole = (tmp_path / 'results.jsonl').read_text()
    (tmp_path / 'results.0.jsonl').write_text(part)
    add(folder, 'c')
    torn = (tmp_path / 'results.0.jsonl').read_text()
    (tmp_path / 'results.0.jsonl').write_text(torn[:-9])
    folder.close()
    again = PredictionFolder(tmp_path, {})
    assert again.done(tasks_of('abc')) == tasks_of('ab') and (tmp_path / 'results.jsonl').read_text() == whole
    again.close()


# --- launchers -------------------------------------------------------------------------------


def test_torchrun_is_found_by_itself(monkeypatch):
    monkeypatch.delenv('TORCHELASTIC_RUN_ID', raising=False)
    assert default_launcher() == 'none'
    monkeypatch.setenv('TORCHELASTIC_RUN_ID', 'none')
    assert default_launcher() == 'pytorch'


def test_a_launcher_without_its_variables(monkeypatch):
    for name in ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT', 'SLURM_PROCID'):
        monkeypatch.delenv(name, raising=False)
    for launcher, message in dict(pytorch='no RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT, which torchrun sets',
                                  slurm='no SLURM_PROCID.*which srun sets').items():
        with pytest.raises(ValueError, match=message), joined(launcher):
            pass


def test_slurm_says_who_one_is(monkeypatch, tmp_path):
    """Of srun's variables and scontrol's answer; the port is free in this test."""
    (tmp_path / 'scontrol').write_text(
        '#!/bin/sh\n[ "$*" = "show hostnames node[1-2]" ] && printf "127.0.0.1\\nnode2\\n"\n')
    (tmp_path / 'scontrol').chmod(0o755)
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        port = found.getsockname()[1]
    for name, value in dict(
            PATH=f'{tmp_path}:{os.environ["PATH"]}', SLURM_PROCID='0', SLURM_NTASKS='1', SLURM_LOCALID='3',
            SLURM_NODELIST='node[1-2]', MASTER_PORT=str(port), RANK='9', WORLD_SIZE='9', LOCAL_RANK='9',
            MASTER_ADDR='').items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv('MASTER_ADDR')
    with joined('slurm') as local_rank:
        assert local_rank == 3 and os.environ['MASTER_ADDR'] == '127.0.0.1'
        assert torch.distributed.get_world_size() == 1
    assert not torch.distributed.is_initialized()
