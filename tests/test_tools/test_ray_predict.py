"""Masks by a Ray cluster of two nodes: the rows of ``mmrefseg predict``, each once."""

import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from conftest import ROOT
from pycocotools import mask as coco_mask

from mmrefseg.command_line import main

pytestmark = pytest.mark.slow
parquet = pytest.importorskip('pyarrow.parquet')
cluster_utils = pytest.importorskip('ray.cluster_utils')

MODEL = 'lavt_nano_refshapes'
EXPRESSIONS = ['the red circle', 'leftmost shape']


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """Images in two folders, one of them broken, and what to look for."""
    root = tmp_path_factory.mktemp('ray')
    generator = np.random.default_rng(0)
    for number in range(12):
        path = root / f'photos/{number % 2}/{number:02d}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), generator.integers(0, 255, (40 + number, 60, 3), dtype=np.uint8))
    (root / 'photos/0/broken.png').write_bytes(b'no image')
    (root / 'said.txt').write_text('\n'.join(EXPRESSIONS) + '\n')
    return root


@pytest.fixture(scope='module')
def cluster():
    """Two nodes with a CPU each."""
    os.environ['RAY_raylet_start_wait_time_s'] = '900'
    found = cluster_utils.Cluster(
        initialize_head=True, head_node_args=dict(num_cpus=1, object_store_memory=2 ** 27, include_dashboard=False))
    found.add_node(num_cpus=1, object_store_memory=2 ** 27)
    yield found.address
    found.shutdown()


def test_rows_are_those_of_predict(place, cluster, capsys):
    out = place / 'masks'
    command = [sys.executable, str(ROOT / 'tools/ray_predict.py'), str(place / 'photos'), str(place / 'said.txt'),
               '--model', MODEL, '--out', str(out), '--replicas', '2', '--batch-size', '3', '--address', cluster]
    environment = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1')
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 3, done.stderr[-3000:]
    assert '12 of 13 images' in done.stdout and '0/broken.png' in done.stderr
    rows = parquet.read_table(out).to_pylist()
    broken = [row for row in rows if row['problem'] is not None]
    assert [row['image'] for row in broken] == ['0/broken.png'] and broken[0]['mask'] is None

    assert main(['predict', str(place / 'photos'), str(place / 'said.txt'), '--model', MODEL, '--out-dir',
                 str(place / 'predictions'), '--device', 'cpu', '--batch-size', '3']) == 3
    lines = (place / 'predictions/results.jsonl').read_text().splitlines()
    expected = {(row['image'], row['number']): row for row in map(json.loads, lines)}
    found = [(row['image'], row['number']) for row in rows if row['problem'] is None]
    assert sorted(found) == sorted(expected) and len(found) == 24
    for row in rows:
        if row['problem'] is None:
            other = expected[row['image'], row['number']]
            assert {key: row[key] for key in ('expression', 'of', 'score', 'pixels')} == {
                key: other[key] for key in ('expression', 'of', 'score', 'pixels')}
            mask = cv2.imread(str(place / 'predictions' / other['mask']), cv2.IMREAD_GRAYSCALE) > 0
            assert (coco_mask.decode(row['mask']).astype(bool) == mask).all()


def test_what_is_there_stays(place, cluster):
    (place / 'taken').mkdir()
    command = [sys.executable, str(ROOT / 'tools/ray_predict.py'), str(place / 'photos'), str(place / 'said.txt'),
               '--model', MODEL, '--out', str(place / 'taken'), '--address', cluster]
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2 and 'is there already' in done.stderr
