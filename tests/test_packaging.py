"""The wheel carries configs, tools and the model zoo, and finds them from outside the repository."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile

import cv2
import numpy as np
import pytest
from conftest import ROOT


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """A copy, so that no build folder is left in the repository."""
    source = tmp_path_factory.mktemp('source') / 'mmrefseg'
    ignored = ('--exclude=.git', '--exclude=.venv*', '--exclude=work_dirs', '--exclude=./data')
    source.mkdir()
    pack = subprocess.run(['tar', '-C', str(ROOT), *ignored, '-cf', '-', '.'], check=True, capture_output=True)
    subprocess.run(['tar', '-C', str(source), '-xf', '-'], input=pack.stdout, check=True)
    return source


@pytest.fixture(scope='module')
def wheel(tmp_path_factory, source):
    out = tmp_path_factory.mktemp('wheel')
    build = [sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--no-build-isolation', '-w', str(out)]
    subprocess.run([*build, str(source)], check=True, capture_output=True)
    path, = out.glob('mmrefseg-*.whl')
    return path


def test_the_source_archive_is_complete(source, tmp_path):
    """Tests and site read files beside the package."""
    build = 'from setuptools import build_meta; build_meta.build_sdist(__import__("sys").argv[1])'
    subprocess.run([sys.executable, '-c', build, str(tmp_path)], cwd=source, check=True, capture_output=True)
    path, = tmp_path.glob('mmrefseg-*.tar.gz')
    with tarfile.open(path) as archive:
        names = {name.partition('/')[2] for name in archive.getnames()}
    wanted = [source / name for name in ('CONTRIBUTING.md', '.readthedocs.yaml', '.ci/run', 'model-index.yml')]
    for folder in ('benchmarks', 'configs', 'docs', 'mmrefseg', 'requirements', 'tests', 'tools', 'zoo'):
        wanted += [path for path in (source / folder).rglob('*.*') if path.is_file()]
    ignored = re.compile(r'\.pyc$|^docs/en/_build/|^mmrefseg/\.mim/')
    wanted = {path.relative_to(source).as_posix() for path in wanted}
    assert not sorted(name for name in wanted - names if not ignored.search(name))


def test_the_wheel_carries_mim(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in ('configs/lavt/lavt_swinb_refcoco.py', 'tools/train.py', 'tools/dist_train.sh', 'model-index.yml'):
        assert f'mmrefseg/.mim/{name}' in names
    assert not [name for name in names if '__pycache__' in name or name.startswith('tests')]
    for name in ('quickstart.sh', 'setup_env.sh', 'run_tests.sh', 'test_versions.sh', 'misc/model_zoo.py'):
        assert (ROOT / 'tools' / name).is_file() and f'mmrefseg/.mim/tools/{name}' not in names  # of a checkout alone
    for path in (ROOT / 'zoo').iterdir():
        assert f'mmrefseg/.mim/zoo/{path.name}' in names
    assert wheel.stat().st_size < 16e6


def test_configs_are_found_from_outside(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / 'site')
    (tmp_path / 'my.py').write_text("_base_ = 'mmrefseg::lavt/lavt_swinb_refcoco.py'\n")
    program = ('import mmrefseg; from mmengine.config import Config; '
               "print(Config.fromfile('my.py').model.backbone.type, mmrefseg.__file__)")
    environment = dict(os.environ, PYTHONPATH=str(tmp_path / 'site'), PYTHONWARNINGS='ignore')
    done = subprocess.run(
        [sys.executable, '-c', program], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == 'LAVTSwin' and str(tmp_path) in done.stdout.split()[1]


def test_the_script_predicts_from_outside(wheel, tmp_path):
    """A photograph, a file of expressions and a name of the zoo."""
    install = [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--no-index', '--target']
    subprocess.run([*install, str(tmp_path / 'site'), str(wheel)], check=True, capture_output=True)
    cv2.imwrite(str(tmp_path / 'photograph.jpg'), np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8))
    (tmp_path / 'said.txt').write_text('the red circle\nlargest star\n')
    environment = dict(os.environ, PYTHONPATH=str(tmp_path / 'site'), PYTHONWARNINGS='ignore')
    done = subprocess.run(
        [str(tmp_path / 'site/bin/mmrefseg'), 'predict', 'photograph.jpg', 'said.txt', '--model',
         'sadlr_lavt-nano_refshapes', '--device', 'cpu'], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / 'predictions/results.jsonl').read_text().splitlines()) == 2
    for i in range(2):
        assert cv2.imread(str(tmp_path / f'predictions/masks/photograph.jpg/{i:03d}.png')).shape == (60, 90, 3)
