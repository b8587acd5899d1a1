"""From a wheel alone, in an empty folder: what an installed user does, command by command, without the repository."""

import os
import re
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from conftest import ROOT
from console_noise import assert_no_noise

PAGE = (ROOT / 'docs/en/adding_a_method.md').read_text(encoding='utf-8')
INIT, PART, CONFIG, _ = re.findall(r'```python\n(.*?)```', PAGE, flags=re.DOTALL)

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def installed(tmp_path_factory):
    """A virtual environment with the wheel; what mmrefseg stands on is that of this one. Its folder of programs."""
    place = tmp_path_factory.mktemp('installed')
    source = place / 'source'
    shutil.copytree(ROOT, source, symlinks=True,
                    ignore=shutil.ignore_patterns('.git', '.venv*', 'work_dirs', 'data', '__pycache__', '_build'))
    (source / 'data').unlink(missing_ok=True)
    build = [sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--no-build-isolation', '-w', str(place)]
    subprocess.run([*build, str(source)], check=True, capture_output=True)
    shutil.rmtree(source)
    wheel, = place.glob('mmrefseg-*.whl')
    venv.create(place / 'venv', with_pip=False)
    own, = (place / 'venv').glob('lib/python*/site-packages')
    (own / 'shared.pth').write_text('\n'.join(site.getsitepackages()) + '\n')
    install = [sys.executable, '-m', 'pip', '--python', str(place / 'venv'), 'install', '--quiet', '--no-deps']
    # The shared folder may hold mmrefseg as well, which is no reason to leave this one out.
    subprocess.run([*install, '--no-index', '--ignore-installed', str(wheel)], check=True, capture_output=True)
    return place / 'venv/bin'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('empty')


@pytest.fixture(scope='module')
def call(installed, folder):
    """Runs a program of the environment in the folder; returns what it printed."""

    def call(*words, status=0):
        environment = {name: value for name, value in os.environ.items() if name != 'PYTHONWARNINGS'}
        environment.update(PATH=f'{installed}{os.pathsep}{os.environ["PATH"]}', PYTHONPATH='.')
        done = subprocess.run([str(installed / words[0]), *map(str, words[1:])], cwd=folder, env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == status, f'{" ".join(map(str, words))}:\n{done.stdout}'
        return done.stdout

    return call


@pytest.fixture(scope='module')
def started(call, folder):
    """The quickstart's output, on few scenes."""
    assert str(ROOT) not in call('python', '-c', 'import mmrefseg; print(mmrefseg.__file__)')
    return call('mmrefseg', 'quickstart', '--share', '0.005')


def test_quickstart(started, call, folder):
    for name in ('data/refshapes/instances.json', 'work_dirs/lavt_nano_refshapes_1e/epoch_1.pth',
                 'work_dirs/lavt_nano_refshapes_1e/metrics.json', 'work_dirs/lavt_nano_refshapes_1e/predictions.png'):
        assert (folder / name).is_file(), name
    assert list((folder / 'outputs/quickstart').glob('*.png'))
    assert_no_noise(started)
    told = started.partition('Answers of the zoo')[2]
    assert '  mmrefseg test lavt/lavt_nano_refshapes_1e ' in told and str(ROOT) not in told and 'tools/' not in told
    again = call('mmrefseg', 'quickstart', '--share', '0.005')  # what is done is not done again
    assert 'nothing to do' in again and 'Training' not in again and '| testB ' in again


def test_base_and_a_package_of_ones_own(started, call, folder):
    """A config whose base is in the wheel, with a part from a folder of one's own: train, test, predict."""
    (folder / 'my_parts').mkdir()
    (folder / 'my_parts/__init__.py').write_text(INIT)
    (folder / 'my_parts/gate_fusion.py').write_text(PART)
    (folder / 'my_gate.py').write_text(CONFIG)
    assert "'mmrefseg::" in CONFIG and 'custom_imports' in CONFIG
    assert 'GateFusion' in call('mmrefseg', 'info', 'my_gate.py')
    console = call('mmrefseg', 'train', 'my_gate.py', '--cfg-options', 'max_epochs=1')
    assert_no_noise(console)
    assert 'GateFusion' in console and len(console.splitlines()) < 30
    checkpoint = 'work_dirs/my_gate/epoch_1.pth'
    assert '| val ' in call('mmrefseg', 'test', 'my_gate.py', checkpoint)
    (folder / 'said.txt').write_text('the red circle\nlargest star\n')
    images = 'data/images/refshapes/*_val_*.jpg'
    call('mmrefseg', 'predict', images, 'said.txt', '--model', 'my_gate.py', '--weights', checkpoint)
    rows = (folder / 'predictions/results.jsonl').read_text().splitlines()
    assert len(rows) == 2 * len(list(folder.glob(images)))
    wrong = call('mmrefseg', 'predict', images, 'said.txt', '--model', checkpoint, status=2)
    assert f'--weights {checkpoint}' in wrong


def test_a_program_that_imports_mmrefseg_first(call):
    """Without that import mmengine has not heard of the name."""
    read = "from mmengine.config import Config; print(Config.fromfile('my.py').model.backbone.type)"
    write = "open('my.py', 'w').write(\"_base_ = 'mmrefseg::lavt/lavt_swinb_refcoco.py'\")"
    call('python', '-c', write)
    assert call('python', '-c', f'import mmrefseg; {read}').split()[-1] == 'LAVTSwin'
    assert 'mmrefseg' in call('python', '-c', read, status=1)


def test_tools_of_the_wheel(call, folder):
    """Those that are there can run; those of a checkout alone are left out."""
    listed = call('mmrefseg', 'tool', '--help')
    names = re.findall(r'^  (\w+) ', listed, flags=re.MULTILINE)
    assert {'change_vocab', 'export', 'image_demo', 'prediction_grid'} <= set(names) and 'model_zoo' not in names
    for name in ('change_vocab', 'export', 'image_demo', 'prediction_grid'):
        assert f'usage: mmrefseg tool {name}' in call('mmrefseg', 'tool', name, '--help')
    assert 'near it are change_vocab' in call('mmrefseg', 'tool', 'chnge_vocab', status=2)
    printed = call('mmrefseg', 'prepare-refcoco', 'data', status=1)
    assert 'refcoco' in printed and 'Unpack' in printed
    assert not (Path(folder) / 'build').exists()
