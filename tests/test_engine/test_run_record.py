"""What a run's record says of code and machine."""

import json
import os
import subprocess

import pytest
from mmengine.config import Config

from mmrefseg.engine import make_deterministic
from mmrefseg.engine.hooks.run_record_hook import _claim, add_results, list_records, write_patches
from mmrefseg.environment import collect_hardware, collect_versions
from mmrefseg.utils import write_text
from mmrefseg.utils.git_state import git_state


def git(folder, *arguments):
    command = ['git', '-c', 'user.name=a', '-c', 'user.email=a@b', '-C', str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / 'checkout'
    folder.mkdir()
    git(folder, 'init', '-b', 'trunk')
    (folder / '.gitignore').write_text('ignored/\n')
    (folder / 'ignored').mkdir()
    (folder / 'code.py').write_bytes('x = 1  # é\n'.encode('latin-1'))
    git(folder, 'add', '.')
    git(folder, 'commit', '-m', 'one')
    return folder


def test_clean_checkout(checkout):
    state = git_state(checkout)
    assert state.commit == git(checkout, 'rev-parse', 'HEAD').strip() and state.branch == 'trunk'
    assert (state.root, state.dirty, state.untracked, state.patch) == (str(checkout), False, [], '')
    git(checkout, 'checkout', '--detach')
    assert git_state(checkout).branch is None


def test_changes_can_be_applied_again(checkout, tmp_path):
    git(checkout, 'clone', '.', str(tmp_path / 'again'))
    (checkout / 'code.py').write_bytes('x = 2  # é\n'.encode('latin-1'))
    (checkout / 'new part.py').write_text('y = 1\n')
    (checkout / '.env').write_text('PASSWORD=secret\n')
    state = git_state(checkout)
    assert state.dirty and state.untracked == ['.env', 'new part.py']
    write_text(tmp_path / 'p.patch', state.patch)
    git(tmp_path / 'again', 'apply', str(tmp_path / 'p.patch'))
    assert (tmp_path / 'again/code.py').read_bytes() == (checkout / 'code.py').read_bytes()
    assert 'secret' not in state.patch and not (tmp_path / 'again/new part.py').exists()  # named alone


def test_outside_of_a_checkout(checkout, tmp_path, monkeypatch):
    assert git_state(tmp_path) is None
    assert git_state(checkout / 'ignored') is None
    monkeypatch.setenv('PATH', str(tmp_path))  # no git there
    assert git_state(checkout) is None


def test_before_the_first_commit(tmp_path):
    git(tmp_path, 'init', '-b', 'trunk')
    state = git_state(tmp_path)
    assert state.commit is None and state.branch == 'trunk' and not state.dirty


def test_the_folder_of_a_run_may_be_another_checkout(checkout, tmp_path, monkeypatch):
    (checkout / 'code.py').write_text('x = 3\n')
    monkeypatch.chdir(checkout)
    written = write_patches(tmp_path / 'log')
    assert written['folder']['root'] == str(checkout) and len(written['folder']['patch_sha256']) == 64
    assert b'+x = 3' in (tmp_path / 'log' / written['folder']['patch']).read_bytes()
    monkeypatch.chdir(tmp_path)
    assert write_patches(tmp_path / 'log')['folder'] is None


def test_a_file_is_whole_or_absent(tmp_path):
    write_text(tmp_path / 'new/file', 'old')
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / 'new/file', 'abc\ud800')
    assert (tmp_path / 'new/file').read_text() == 'old'
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['file']


def test_environment():
    versions = collect_versions()
    assert {'python', 'torch', 'mmengine', 'mmcv', 'mmseg', 'transformers', 'cuda'} <= versions.keys()
    assert versions['mmrefseg'] and versions['numpy'][0].isdigit()
    hardware = collect_hardware()
    assert hardware['cores'] >= 1 and hardware['threads'] >= 1 and hardware['processor']


def test_make_deterministic(monkeypatch):
    monkeypatch.delenv('CUBLAS_WORKSPACE_CONFIG', raising=False)
    cfg = Config(dict(randomness=dict(seed=3), env_cfg=dict(cudnn_benchmark=True, dist_cfg=dict(backend='gloo'))))
    make_deterministic(cfg)
    assert cfg.randomness == dict(seed=3, deterministic=True)
    assert cfg.env_cfg == dict(cudnn_benchmark=False, dist_cfg=dict(backend='gloo'))
    monkeypatch.setenv('CUBLAS_WORKSPACE_CONFIG', ':0:0')
    make_deterministic(Config(dict()))  # there is no cuBLAS on a CPU
    monkeypatch.setattr('mmrefseg.engine.deterministic.get_device', lambda: 'cuda')
    with pytest.raises(ValueError, match="':4096:8' or ':16:8', found ':0:0'"):
        make_deterministic(cfg)


def test_runs_of_one_second_have_a_record_each(tmp_path):
    paths = [_claim(tmp_path) for _ in range(11)]
    assert [path.name for path in paths[:3]] == ['run.json', 'run_2.json', 'run_3.json']
    assert list_records(tmp_path) == paths
    for number, path in enumerate(paths):
        write_text(path, json.dumps(dict(process=os.getpid() if number == 4 else 1)))
    add_results(tmp_path, dict(val=dict(mIoU=1.)))
    assert [number for number, path in enumerate(paths) if 'results' in json.loads(path.read_text())] == [4]
