"""Masks by a Ray cluster of two nodes: the rows of ``mmrefseg predict``, each once, from a bucket too, and where a node
is lost meanwhile (``pip install -r requirements/ray_tests.txt``)."""

import json
import os
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from conftest import ROOT
from pycocotools import mask as coco_mask

from mmrefseg.command_line import main

pytestmark = pytest.mark.slow
parquet = pytest.importorskip('pyarrow.parquet')
filesystems = pytest.importorskip('pyarrow.fs')
cluster_utils = pytest.importorskip('ray.cluster_utils')

MODEL = 'lavt_nano_refshapes'
SECRETS = dict(AWS_ACCESS_KEY_ID='of', AWS_SECRET_ACCESS_KEY='nobody', AWS_DEFAULT_REGION='us-east-1')
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
    os.environ.update(RAY_raylet_start_wait_time_s='900', **SECRETS)
    found = cluster_utils.Cluster(
        initialize_head=True, head_node_args=dict(num_cpus=1, object_store_memory=2 ** 27, include_dashboard=False))
    found.add_node(num_cpus=1, object_store_memory=2 ** 27)
    yield found
    found.shutdown()


def command(place, cluster, images, out, *options):
    """The command line, and what it needs in the environment."""
    return dict(args=[sys.executable, str(ROOT / 'tools/ray_predict.py'), str(images), str(place / 'said.txt'),
                      '--model', MODEL, '--out', str(out), '--address', cluster.address, *options],
                env=dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1'))


def test_a_bucket(place, cluster):
    server = pytest.importorskip('moto.server').ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        options = f'?scheme=http&endpoint_override={host}:{port}&allow_bucket_creation=true'
        files, _ = filesystems.FileSystem.from_uri(f's3://photos{options}')
        filesystems.copy_files(str(place / 'photos'), 'photos/of/us', destination_filesystem=files)
        done = subprocess.run(**command(place, cluster, f's3://photos/of/us{options}', f's3://photos/masks{options}'),
                              capture_output=True, text=True, check=False)
        assert done.returncode == 3, done.stderr[-3000:]
        rows = parquet.read_table('photos/masks', filesystem=files).to_pylist()
    finally:
        server.stop()
    assert sorted((row['image'], row['number']) for row in rows if row['problem'] is None) == [
        (f'{number % 2}/{number:02d}.png', which) for number in sorted(range(12), key=lambda n: (n % 2, n))
        for which in range(2)]
    assert ['0/broken.png'] == [row['image'] for row in rows if row['problem'] is not None]


def test_a_node_that_is_lost(place, cluster):
    generator, photos, out = np.random.default_rng(0), place / 'many', place / 'lost'
    photos.mkdir()
    for number in range(200):
        cv2.imwrite(str(photos / f'{number:03d}.png'), generator.integers(0, 255, (40, 60, 3), dtype=np.uint8))
    lost = cluster.add_node(num_cpus=2, object_store_memory=2 ** 27)
    run = subprocess.Popen(**command(place, cluster, photos, out, '--replicas', '3', '--batch-size', '2'),
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while not any(out.glob('*.parquet')) and run.poll() is None:
        time.sleep(0.05)
    assert run.poll() is None, run.stdout.read()[-3000:]
    cluster.remove_node(lost, allow_graceful=False)
    said = run.communicate(timeout=300)[0]
    assert run.returncode == 0 and '200 of 200 images' in said, said[-3000:]
    rows = parquet.read_table(out).to_pylist()
    assert sorted((row['image'], row['number']) for row in rows) == [
        (f'{number:03d}.png', which) for number in range(200) for which in range(2)]


def test_rows_are_those_of_predict(place, cluster, capsys):
    out = place / 'masks'
    done = subprocess.run(**command(place, cluster, place / 'photos', out, '--replicas', '2', '--batch-size', '3'),
                          capture_output=True, text=True, check=False)
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
    done = subprocess.run(**command(place, cluster, place / 'photos', place / 'taken'), capture_output=True, text=True,
                          check=False)
    assert done.returncode == 2 and 'is there already' in done.stderr
