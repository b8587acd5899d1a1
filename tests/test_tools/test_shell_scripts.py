"""The shell scripts, with stand-ins for what they call."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT

SCRIPTS = [*sorted(ROOT.glob('tools/*.sh')), ROOT / '.ci/run']


def run_script(script, *args, cwd=None, **environment):
    """Run a script with exactly these variables beside PATH; returns the finished process."""
    environment = {'PATH': os.environ['PATH'], **environment}
    return subprocess.run(['bash', str(script), *args], cwd=cwd, env=environment, capture_output=True, text=True)


def write_program(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(['#!/bin/sh', *lines, '']))
    path.chmod(0o755)


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
def test_syntax(script):
    done = subprocess.run(['bash', '-n', str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize('name, enough', [
    ('dist_train.sh', 2), ('dist_test.sh', 3), ('slurm_train.sh', 3), ('slurm_test.sh', 4), ('dist_predict.sh', 3),
    ('slurm_predict.sh', 4)])
def test_missing_arguments_print_the_usage(tmp_path, name, enough):
    for program in ('python', 'srun'):
        write_program(tmp_path / program, 'echo called')
    path = f'{tmp_path}:{os.environ["PATH"]}'
    for count in range(enough):
        done = run_script(ROOT / 'tools' / name, *['argument'] * count, PATH=path)
        assert done.returncode == 1 and not done.stdout
        assert done.stderr.startswith('Usage: ') and name in done.stderr
    assert 'called' in run_script(ROOT / 'tools' / name, *['argument'] * enough, PATH=path).stdout


@pytest.mark.parametrize('name, args', [
    ('dist_train.sh', ['my config.py', '2']), ('dist_test.sh', ['my config.py', 'my.pth', '2'])])
@pytest.mark.parametrize('before', [None, '/somewhere'])
def test_dist_scripts_call_torchrun(tmp_path, name, args, before):
    write_program(tmp_path / 'python', 'printf "%s\\n" "$PYTHONPATH" "$@"')
    environment = {} if before is None else dict(PYTHONPATH=before)
    done = run_script(ROOT / 'tools' / name, *args, '--cfg-options', 'a=b c', NNODES='3',
                      PATH=f'{tmp_path}:{os.environ["PATH"]}', **environment)
    assert done.returncode == 0, done.stderr
    python_path, *words = done.stdout.splitlines()
    assert python_path == f'{ROOT}/tools/..' + ('' if before is None else f':{before}')
    assert {'--nnodes=3', '--node_rank=0', '--nproc_per_node=2', '--master_port=29500'} <= set(words)
    tool = f'{ROOT}/tools/{name[5:-3]}.py'
    assert words[words.index(tool):] == [
        tool, *args[:-1], '--launcher', 'pytorch', '--cfg-options', 'a=b c']


@pytest.mark.parametrize('restarts', ['', '0', '3'])
def test_dist_train_starts_again_when_told_to(tmp_path, restarts):
    write_program(tmp_path / 'python', 'printf "%s\\n" "$@"')
    done = run_script(ROOT / 'tools/dist_train.sh', 'my config.py', '2', MAX_RESTARTS=restarts, PORT='4242',
                      PATH=f'{tmp_path}:{os.environ["PATH"]}')
    again = {'--max_restarts=3', '--rdzv_backend=c10d', '--rdzv_endpoint=127.0.0.1:4242'}
    assert again & set(done.stdout.splitlines()) == (again if restarts == '3' else set())


@pytest.mark.parametrize('name, args', [
    ('slurm_train.sh', ['my config.py']), ('slurm_test.sh', ['my config.py', 'my.pth'])])
def test_slurm_scripts_call_srun(tmp_path, name, args):
    write_program(tmp_path / 'srun', 'printf "%s\\n" "$@"')
    done = run_script(ROOT / 'tools' / name, 'gpu', 'job', *args, '--cfg-options', 'a=b c', GPUS='4',
                      SRUN_ARGS='--qos high', PATH=f'{tmp_path}:{os.environ["PATH"]}')
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        '-p', 'gpu', '--job-name=job', '--gres=gpu:8', '--ntasks=4', '--ntasks-per-node=8', '--cpus-per-task=5',
        '--kill-on-bad-exit=1', '--qos', 'high', 'python', '-u', f'{ROOT}/tools/{name[6:-3]}.py', *args,
        '--launcher', 'slurm', '--cfg-options', 'a=b c']


@pytest.mark.parametrize('name, before, launcher', [
    ('dist_predict.sh', [], 'pytorch'), ('slurm_predict.sh', ['gpu', 'job'], 'slurm')])
def test_scripts_of_predict(tmp_path, name, before, launcher):
    for program in ('python', 'srun'):
        write_program(tmp_path / program, 'printf "%s\\n" "$@"')
    after = ['2'] if launcher == 'pytorch' else []
    done = run_script(ROOT / 'tools' / name, *before, 'my photos', 'said.txt', *after, '--model', 'a b',
                      PATH=f'{tmp_path}:{os.environ["PATH"]}')
    assert done.returncode == 0, done.stderr
    words = done.stdout.splitlines()
    assert words[words.index('mmrefseg') - 1:] == [
        '-m', 'mmrefseg', 'predict', 'my photos', 'said.txt', '--launcher', launcher, '--model', 'a b']
    assert ('--nproc_per_node=2' if launcher == 'pytorch' else '--ntasks=8') in words


@pytest.fixture
def project(tmp_path):
    """What setup_env.sh looks at, and a .venv whose python only notes how it is called."""
    root = tmp_path / 'project'
    (root / 'tools').mkdir(parents=True)
    shutil.copy(ROOT / 'tools/setup_env.sh', root / 'tools')
    shutil.copy(ROOT / 'setup.py', root)
    shutil.copytree(ROOT / 'requirements', root / 'requirements')
    write_program(root / '.venv/bin/python', f'echo "$@" >> {tmp_path}/calls', f'test ! -e {tmp_path}/broken')
    return root


def calls_of(project: Path, *args):
    """Run setup_env.sh; returns the calls of .venv's python and the finished process."""
    notes = project.parent / 'calls'
    notes.unlink(missing_ok=True)
    done = run_script(project / 'tools/setup_env.sh', *args, PYTHON='false')
    return notes.read_text().splitlines() if notes.is_file() else [], done


def test_setup_env_does_nothing_twice(project):
    calls, done = calls_of(project)
    assert done.returncode == 0 and done.stdout.startswith('Installing into .venv')
    assert calls == [
        '-m pip --version', '-m pip install --quiet --no-compile -rrequirements/runtime.txt -rrequirements/mm.txt',
        '-m pip install --quiet --no-deps --no-build-isolation --editable .',
        '-c import mmrefseg; mmrefseg.utils.register_all_modules()']
    calls, done = calls_of(project)
    assert calls == [] and done.returncode == 0 and not done.stdout
    calls, _ = calls_of(project, 'requirements/tests.txt')
    assert calls[1].endswith('-rrequirements/tests.txt')
    assert calls_of(project)[0] == calls_of(project, 'requirements/tests.txt')[0] == []


def test_setup_env_knows_what_was_installed_last(project):
    """Requirements go from A to B and back to A: the environment holds B."""
    path = project / 'requirements/runtime.txt'
    first = path.read_text()
    calls_of(project, 'requirements/tests.txt')
    for text in (first + 'more\n', first):
        path.write_text(text)
        assert calls_of(project)[0]
        assert calls_of(project, 'requirements/tests.txt')[0] == []


@pytest.mark.parametrize('lines,found', [
    (['case $1 in --version) echo Python 3.10.14;; *) exit 1;; esac'], 'found Python 3.10.14'), ([], 'found no ')])
def test_setup_env_wants_a_newer_python(project, lines, found):
    shutil.rmtree(project / '.venv')
    python = project.parent / 'python'
    if lines:
        write_program(python, *lines)
    done = run_script(project / 'tools/setup_env.sh', PYTHON=str(python))
    assert done.returncode == 1 and 'Python 3.11 or newer is needed, ' + found in done.stderr
    assert 'set PYTHON=' in done.stderr and not (project / '.venv').exists()


def test_setup_env_after_an_interrupted_installation(project):
    calls_of(project)
    path, broken = project / 'requirements/mm.txt', project.parent / 'broken'
    first = path.read_text()
    path.write_text(first + 'more\n')
    broken.touch()
    # Without a pip that works .venv is made anew, here by `false`.
    assert calls_of(project)[1].returncode == 1
    write_program(project / '.venv/bin/python', f'echo "$@" >> {project.parent}/calls', 'test "$3" != install')
    assert calls_of(project)[1].returncode == 1
    path.write_text(first)
    assert calls_of(project)[0], 'half of the other requirements may be installed'
