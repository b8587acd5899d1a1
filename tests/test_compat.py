"""The bridges to upstream: versions, mmcv-lite, safe checkpoints, ``mmrefseg::`` configs."""

import importlib
import inspect
import logging
import os
import pickle
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.model import BaseModel
from mmengine.runner import Runner, load_checkpoint
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.utils.dl_utils import mmcv_full_available
from packaging.version import Version

from mmrefseg import compat
from mmrefseg.errors import CheckpointError

ROOT = Path(__file__).resolve().parent.parent
MMSEG = 'mmsegmentation' if compat.version_of('mmsegmentation') else 'onedl-mmsegmentation'

# --- versions --------------------------------------------------------------------------------


def test_this_environment_is_fine():
    compat.check_versions()


@pytest.mark.parametrize('name, lowest, below, line', compat.REQUIRED)
def test_the_lines_to_type_are_new_enough_and_not_too_new(name, lowest, below, line):
    match = re.fullmatch(r'pip install "?([\w-]+)(==|<)([\w.]+)"?', line)
    assert match, line
    if lowest:
        assert match[2] == '==' and Version(match[3]) >= Version(lowest)
    if below:
        assert match[2] == '==' and Version(match[3]) < Version(below)


def test_every_problem_is_listed_with_its_line():
    with pytest.raises(ImportError) as caught:
        compat.check_versions((
            ('no_such_package', '', '', 'pip install one'),
            ('json', '', '', 'pip install two'),
            ('torch', '999', '', 'pip install three'),
            ('mmengine', '0.1', '999', 'pip install four'),
            ('no_such_package_either', '2.0', '3', 'pip install five'),
        ))
    lines = str(caught.value).splitlines()[1:]
    assert [line.strip() for line in lines] == [
        'no_such_package is missing:  pip install one',
        f'torch {torch.__version__} is older than 999:  pip install three'.replace(
            torch.__version__, lines[1].split()[1]),
        'no_such_package_either is missing:  pip install five',
    ]


def test_setuptools_without_pkg_resources(tmp_path):
    """As of setuptools 81: mmengine's own look-ups, and a base of mmseg, by the stand-in."""
    (tmp_path / 'sitecustomize.py').write_text(
        'import importlib.machinery as m\noriginal = m.PathFinder.find_spec\n'
        'm.PathFinder.find_spec = classmethod(lambda cls, name, path=None, target=None: '
        'None if name == "pkg_resources" else original(name, path, target))\n')
    code = ('import mmrefseg, pkg_resources; assert pkg_resources.__file__.endswith("pkg_resources_stand_in.py"); '
            'pkg_resources.fixup_namespace_packages("here"); '
            'from mmengine.utils import get_installed_path, is_installed; '
            f'assert is_installed("{MMSEG}") and not is_installed("no_such_package"); '
            f'assert get_installed_path("{MMSEG}").endswith("mmseg"); '
            'from mmengine.config import Config; '
            'Config.fromfile("configs/mixing/segformer_mitb0_refshapes.py")')
    subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT,
                   env=dict(os.environ, PYTHONPATH=f'{tmp_path}{os.pathsep}{ROOT}', PYTHONWARNINGS='ignore'))


def test_version_of_a_package_under_another_distribution_name():
    """mmcv comes as mmcv-lite or mmcv; its own ``__version__`` counts."""
    with pytest.raises(ImportError, match='mmseg .* is older than 999:  pip install this'):
        compat.check_versions((('mmseg', '999', '', 'pip install this'),))


@pytest.mark.parametrize('lowest', ['', '0.1'])
def test_too_new(monkeypatch, lowest):
    there = dict(mmengine='2.2.0', torch='2.2.0')

    def version(name):
        if name not in there:
            raise PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr('importlib.metadata.version', version)
    rows = (('mmengine', lowest, '2.2', 'pip install this'), ('torch', lowest, '2.3', 'pip install that'))
    with pytest.raises(ImportError) as caught:
        compat.check_versions(rows)
    assert str(caught.value).splitlines()[1:] == [
        '  mmengine 2.2.0 is too new, it must be below 2.2:  pip install this']


def test_an_mmcv_that_mmseg_refuses(tmp_path, monkeypatch):
    (tmp_path / 'choosy.py').write_text("raise AssertionError('MMCV==2.2.0 is used but incompatible.')")
    monkeypatch.syspath_prepend(tmp_path)
    message = 'choosy refuses to run: MMCV==2.2.0 is used .* pip install choosy && pip install mmcv-lite==2.1.0'
    with pytest.raises(ImportError, match=message):
        compat.check_versions((('choosy', '1.0', '2', 'pip install choosy'),))


def run_python(code):
    return subprocess.run([sys.executable, '-W', 'ignore', '-c', code], capture_output=True,
                          text=True, timeout=300, cwd=ROOT)


@pytest.mark.parametrize('missing', [
    ['pycocotools', 'ftfy'],
    ['mmengine'],  # without which mmcv is there but cannot be imported
    ['mmcv'],  # without which mmseg cannot
])
def test_import_of_mmrefseg_prints_the_line_to_type(missing):
    run = run_python(f'import sys\nfor name in {missing!r}: sys.modules[name] = None\n'
                     'import mmrefseg')
    assert run.returncode == 1
    error = run.stderr[run.stderr.index('\nImportError: ') + 1:].splitlines()
    assert error[0] == 'ImportError: mmrefseg cannot run here. Type:'
    lines = {name: line for name, _, _, line in compat.REQUIRED}
    assert error[1:] == [f'  {name} is missing:  {lines[name]}' for name in missing]


def pretend(folder, name, version):
    """The metadata of a distribution that is not there."""
    (folder / f'{name.replace("-", "_")}-{version}.dist-info').mkdir()
    (folder / f'{name.replace("-", "_")}-{version}.dist-info/METADATA').write_text(
        f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n')


def test_a_fork_over_what_it_forks_is_refused(tmp_path, monkeypatch):
    """Both install ``mmfruit``: what to uninstall comes first."""
    assert compat.find_overlaid() == []
    pretend(tmp_path, 'mmfruit', '1.0')
    monkeypatch.syspath_prepend(tmp_path)
    groups = (('mmfruit', 'onedl-mmfruit'), )
    assert compat.find_overlaid(groups) == []
    pretend(tmp_path, 'onedl-mmfruit', '1.5')
    importlib.invalidate_caches()
    monkeypatch.setattr(compat.find_overlaid, '__defaults__', (groups, ))
    with pytest.raises(ImportError) as caught:
        compat.check_versions(())
    assert str(caught.value).splitlines()[1:] == [
        '  mmfruit==1.0 and onedl-mmfruit==1.5 install the same files:  pip uninstall -y mmfruit onedl-mmfruit  and '
        'then  pip install --no-deps mmfruit==1.0 or pip install --no-deps onedl-mmfruit==1.5']


def test_bases_of_a_fork(tmp_path, monkeypatch):
    """mmengine looks for the configs of a package beside its distribution, whose name the forks changed."""
    monkeypatch.setattr(compat, 'FORKS', dict(mmfruit='onedl-mmfruit', mmengine='onedl-mmfruit', mmgone='onedl-mmgone'))
    pretend(tmp_path, 'onedl-mmfruit', '1.5')
    monkeypatch.syspath_prepend(tmp_path)
    packages = dict(mmfruit='mmfruitation', mmengine='pip')
    compat.know_forks(packages)
    assert packages == dict(mmfruit='onedl-mmfruit', mmengine='pip')


def test_a_base_of_mmseg(tmp_path):
    """On either line."""
    (tmp_path / 'my.py').write_text("_base_ = 'mmseg::fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py'\n")
    assert Config.fromfile(tmp_path / 'my.py').model.decode_head.type == 'FCNHead'


# --- mmcv-lite -------------------------------------------------------------------------------


def test_compiled_operator_called_on_mmcv_lite(monkeypatch):
    from mmcv.ops import nms
    boxes, scores = torch.tensor([[0., 0., 1., 1.]]), torch.tensor([0.5])
    # On full mmcv the operators are there: take them away.
    monkeypatch.setattr(sys.modules[nms.__module__], 'ext_module', compat.MissingOps())
    with pytest.raises(RuntimeError, match=r'(?s)mmcv\._ext\.nms.*pip install mmcv=='):
        nms(boxes, scores, iou_threshold=0.5)


def test_stand_in_behaves_as_a_module():
    stand_in = compat.MissingOps()
    assert callable(stand_in.anything) and stand_in.anything.__name__ == 'anything'
    assert not hasattr(stand_in, '__path__')
    assert Path(inspect.getfile(stand_in)).is_file()


def test_mmengine_does_not_take_the_stand_in_for_full_mmcv():
    """mmengine's runner asks this at every start without a GPU."""
    is_stand_in = isinstance(sys.modules['mmcv._ext'], compat.MissingOps)
    if compat.version_of('onedl-mmengine') is None:
        assert mmcv_full_available() is not is_stand_in
    else:  # asks for a spec, which a stand-in has as well, and then imports these, of which none is an operator
        from mmcv.ops import DeformConv2d, ModulatedDeformConv2d, SyncBatchNorm
        assert all(issubclass(each, torch.nn.Module) for each in (DeformConv2d, ModulatedDeformConv2d, SyncBatchNorm))


def test_stand_in_takes_the_place_of_nothing(monkeypatch, tmp_path):
    import mmcv
    monkeypatch.delitem(sys.modules, 'mmcv._ext')
    monkeypatch.setattr(mmcv, '__path__', [str(tmp_path)])  # an mmcv without _ext
    assert compat.provide_mmcv_ext()
    stand_in = sys.modules['mmcv._ext']
    assert isinstance(stand_in, compat.MissingOps)
    assert compat.provide_mmcv_ext() and sys.modules['mmcv._ext'] is stand_in
    assert importlib.import_module('mmcv._ext') is stand_in


@pytest.mark.parametrize('imported', [False, True])
def test_stand_in_leaves_the_real_one_alone(monkeypatch, tmp_path, imported):
    import mmcv
    monkeypatch.delitem(sys.modules, 'mmcv._ext')
    (tmp_path / '_ext.py').write_text('nms = 3\n')
    monkeypatch.setattr(mmcv, '__path__', [str(tmp_path)])
    importlib.invalidate_caches()
    if imported:
        importlib.import_module('mmcv._ext')
    assert not compat.provide_mmcv_ext()
    assert importlib.import_module('mmcv._ext').nms == 3
    monkeypatch.delitem(sys.modules, 'mmcv._ext')  # before monkeypatch puts back what was there


# --- checkpoints -----------------------------------------------------------------------------


class Toy(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, inputs, mode='tensor'):
        return dict(loss=self.layer(inputs).sum())


def make_runner(work_dir, epochs, **kwargs):
    return Runner(
        model=Toy(), work_dir=str(work_dir), experiment_name=f'{work_dir.name}_{epochs}',
        train_dataloader=dict(dataset=[dict(inputs=torch.ones(1))] * 4, batch_size=2,
                              collate_fn=dict(type='default_collate'),
                              sampler=dict(type='DefaultSampler', shuffle=True)),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=0.1)),
        param_scheduler=dict(type='PolyLR', end=4, by_epoch=False), log_level='ERROR',
        default_hooks=dict(logger=dict(type='LoggerHook', interval=1)), **kwargs)


def test_checkpoint_of_mmengine_loads_and_resumes(tmp_path):
    runner = make_runner(tmp_path, epochs=1)
    runner.train()
    assert len(runner.message_hub.get_scalar('train/loss').data[0]) == 2
    checkpoint = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
    scalars = checkpoint['message_hub']['log_scalars']
    assert scalars['train/loss'].data[0].shape == (2,)
    assert set(checkpoint) >= {'meta', 'state_dict', 'optimizer', 'param_schedulers'}
    resumed = make_runner(tmp_path, epochs=2, resume=True)
    resumed.train()
    assert resumed.iter == 4
    assert len(resumed.message_hub.get_scalar('train/loss').data[0]) == 4


@pytest.mark.parametrize('value', [
    np.float64(1.5), np.float32(1.5), np.float16(1.5), np.int64(3), np.int32(3), np.uint8(3),
    np.bool_(True), np.arange(3.), np.array([True]), np.zeros((2, 0), dtype=np.uint16),
], ids=lambda value: f'{value.dtype}-{value.ndim}')
@pytest.mark.parametrize('numpy_1', [False, True])
def test_harmless_numpy_in_a_checkpoint_loads(tmp_path, value, numpy_1):
    path = tmp_path / 'checkpoint.pth'
    torch.save(dict(value=value), path, _use_new_zipfile_serialization=False)
    if numpy_1:  # which calls the same functions by another address
        path.write_bytes(path.read_bytes().replace(b'cnumpy._core.', b'cnumpy.core.'))
    loaded = torch.load(path, weights_only=True)['value']
    assert loaded.dtype == value.dtype and np.array_equal(loaded, value)


def test_message_hub_state_loads(tmp_path):
    hub = MessageHub.get_instance('test_message_hub_state_loads')
    hub.update_scalar('train/loss', 0.5)
    hub.update_scalar('train/lr', np.float64(1e-4))
    hub.update_scalar('train/grad', torch.tensor(2.))
    hub.update_info('iter', 7)
    torch.save(dict(message_hub=hub.state_dict()), tmp_path / 'hub.pth')
    state = torch.load(tmp_path / 'hub.pth', weights_only=True)['message_hub']
    assert {name: buffer.current() for name, buffer in state['log_scalars'].items()} == {
        'train/loss': 0.5, 'train/lr': 1e-4, 'train/grad': 2.}
    assert state['runtime_info'] == dict(iter=7)


class Malicious:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


def test_malicious_checkpoint_is_refused(tmp_path):
    victim = tmp_path / 'victim.txt'
    checkpoint = tmp_path / 'malicious.pth'
    torch.save(dict(state_dict=Toy().state_dict(), message_hub=Malicious(victim)), checkpoint)
    with pytest.raises(CheckpointError, match=f'names .{open.__module__}.open., which weights do not need'):
        load_checkpoint(Toy(), str(checkpoint), map_location='cpu')
    unsafe = getattr(mmengine_checkpoint, '_safe_torch_load', None)
    if unsafe is not None:  # of onedl-mmengine, which would try again without the safety
        with pytest.raises(CheckpointError):
            unsafe(str(checkpoint))
        with pytest.raises(pickle.UnpicklingError), open(checkpoint, 'rb') as file:
            unsafe(file)
    assert not victim.exists()
    torch.load(checkpoint, weights_only=False)
    assert victim.exists()  # it would have


class Reaching:
    """Unpickles to ``getattr(owner, name)``: a history needs it, and more must not be had by it."""

    def __init__(self, owner, name):
        self.arguments = owner, name

    def __reduce__(self):
        return getattr, self.arguments


@pytest.mark.parametrize('owner, name', [
    (HistoryBuffer, '__init__'), (HistoryBuffer, 'statistics'), (np.ndarray, 'tofile'),
    (np.ndarray, 'mean'), (Reaching(HistoryBuffer, 'mean'), '__globals__'),
])
def test_getattr_in_a_checkpoint_is_refused(tmp_path, owner, name):
    torch.save(Reaching(owner, name), tmp_path / 'reaching.pth')
    with pytest.raises(pickle.UnpicklingError, match='(?i)weights.only'):
        torch.load(tmp_path / 'reaching.pth', weights_only=True)


# --- configs ---------------------------------------------------------------------------------


def test_configs_of_the_package_can_be_a_base(tmp_path, monkeypatch):
    package = tmp_path / 'mmrefseg'  # as the wheel installs it
    (package / '.mim' / 'configs' / '_base_').mkdir(parents=True)
    (package / '.mim' / 'model-index.yml').write_text('Import: []\n')
    (package / '.mim' / 'configs' / '_base_' / 'some.py').write_text('depth = 1\nwidth = 2\n')
    monkeypatch.setattr('mmrefseg.__file__', str(package / '__init__.py'))
    config = tmp_path / 'config.py'
    config.write_text("_base_ = 'mmrefseg::_base_/some.py'\nwidth = 3\n")
    loaded = Config.fromfile(config)
    assert (loaded.depth, loaded.width) == (1, 3)


def test_debugging_is_not_printed(capsys):
    from mmengine.logging import print_log
    print_log('Could not import OneDL', level=logging.DEBUG)
    assert capsys.readouterr().out == ''
    print_log('a warning', level=logging.WARNING)
    assert capsys.readouterr().out == 'a warning\n'
