"""The registries: ours in our own scope, and each scope finds the others' parts."""

import subprocess
import sys
import warnings
from pathlib import Path

import mmseg.registry
import pytest
from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS
from mmengine.registry import INFERENCERS as MMENGINE_INFERENCERS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import DefaultScope, Registry

import mmrefseg.models
from mmrefseg import registry
from mmrefseg.registry import MODELS

OURS = [name for name, value in vars(registry).items() if isinstance(value, Registry)
        and name.isupper() and not name.startswith('MMENGINE')]
ROOT = Path(__file__).resolve().parent.parent
NANO_RNN = dict(vocab=['red', 'circle'], embed_dims=4, hidden_dims=4)


@pytest.mark.parametrize('name', OURS)
def test_each_is_a_child_of_the_right_parent(name):
    ours = getattr(registry, name)
    # Inferencers, which mmseg's configs never name, and functions, for which mmseg has no registry, stand directly
    # below mmengine's.
    of_mmengine = dict(INFERENCERS=MMENGINE_INFERENCERS, FUNCTIONS=MMENGINE_FUNCTIONS)
    parent = of_mmengine[name] if name in of_mmengine else getattr(mmseg.registry, name)
    assert ours.scope == 'mmrefseg' and ours.name == parent.name
    assert ours.parent is parent and parent.children['mmrefseg'] is ours


def test_every_registry_of_mmseg_has_a_child():
    """A missing child makes mmengine warn whenever something is built under our scope."""
    theirs = {name for name, value in vars(mmseg.registry).items() if isinstance(value, Registry)}
    assert len(theirs) > 15 and theirs | {'FUNCTIONS'} == set(OURS)


def test_our_parts_are_in_our_scope_only():
    assert {'BERTEncoder', 'RNNEncoder'} <= set(MODELS.module_dict)
    for name, part in MODELS.module_dict.items():
        assert part.__module__.startswith('mmrefseg.'), name
        assert mmseg.registry.MODELS.module_dict.get(name) is not part


@pytest.mark.parametrize('config, module', [
    (dict(type='RNNEncoder', **NANO_RNN), 'mmrefseg.models'),
    (dict(type='mmrefseg.RNNEncoder', **NANO_RNN), 'mmrefseg.models'),
    (dict(type='CrossEntropyLoss'), 'mmseg.models'),
    (dict(type='mmseg.CrossEntropyLoss'), 'mmseg.models'),
    (dict(type='ResNet', depth=18), 'mmseg.models'),
    (dict(type='mmdet.Darknet', depth=53), 'mmdet.models'),
    (dict(type='BN', num_features=2), 'torch.nn'),
])
def test_builds_from_our_scope(config, module):
    with DefaultScope.overwrite_default_scope('mmrefseg'):  # as a config's default_scope does
        for builder in (MODELS, MMENGINE_MODELS):
            assert type(builder.build(config)).__module__.startswith(module)


def test_ours_build_from_mmseg_scope():
    config = dict(type='mmrefseg.RNNEncoder', **NANO_RNN)
    with DefaultScope.overwrite_default_scope('mmseg'):
        for builder in (mmseg.registry.MODELS, MMENGINE_MODELS):
            assert isinstance(builder.build(config), mmrefseg.models.RNNEncoder)
        with pytest.raises(KeyError, match='RNNEncoder is not in the mmseg::model registry'):
            mmseg.registry.MODELS.build(dict(type='RNNEncoder', **NANO_RNN))


def test_builds_without_a_warning():
    with DefaultScope.overwrite_default_scope('mmrefseg'), warnings.catch_warnings():
        warnings.simplefilter('error')
        MMENGINE_MODELS.build(dict(type='RNNEncoder', **NANO_RNN))


# Run in a fresh interpreter.
FOREIGN = f"""
import importlib, pkgutil
import mmrefseg
import mmdet.registry, mmdet.utils, mmengine.registry, mmseg.registry, mmseg.utils
from mmrefseg.registry import MODELS

def registered():
    found = {{}}
    for package in (mmdet, mmengine, mmseg):
        for name, value in vars(package.registry).items():
            if isinstance(value, mmengine.registry.Registry):
                found[package.__name__, name] = dict(value.module_dict)
    return found

mmseg.utils.register_all_modules(init_default_scope=False)
mmdet.utils.register_all_modules(init_default_scope=False)
before = registered()
assert not MODELS.module_dict
MODELS.build(dict(type="RNNEncoder", **{NANO_RNN!r}))  # the registry imports what it searches
modules = [module.name for module in pkgutil.walk_packages(mmrefseg.__path__, 'mmrefseg.')]
for module in modules:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:  # of an extra in setup.py
        assert error.name in ('gradio', 'lmdb', 'onnx', 'onnxruntime', 'onnxscript', 'pyarrow'), (module, error)
assert len(modules) > 20 and sum(map(len, before.values())) > 500
for key, parts in registered().items():
    assert parts == before[key], (key, set(parts) ^ set(before[key]))
    for name, part in parts.items():
        assert not part.__module__.startswith('mmrefseg'), (key, name)
print('nothing foreign')
"""


def test_registers_nothing_in_a_foreign_scope():
    run = subprocess.run([sys.executable, '-W', 'ignore', '-c', FOREIGN], capture_output=True,
                         text=True, timeout=300, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    assert 'nothing foreign' in run.stdout


IN_A_NEW_PROCESS = '''
import mmrefseg.registry as registry
for name, key in (('HOOKS', 'SegVisualizationHook'), ('TRANSFORMS', 'PhotoMetricDistortion'), ('METRICS', 'IoUMetric'),
                  ('VISUALIZERS', 'SegLocalVisualizer'), ('DATASETS', 'ADE20KDataset')):
    assert getattr(registry, name).get(key) is not None, key
'''


def test_parts_of_mmseg_are_found_whatever_was_imported():
    run = subprocess.run([sys.executable, '-W', 'ignore', '-c', IN_A_NEW_PROCESS], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_register_all_modules_as_other_packages_have_it():
    """In a process of its own: everything is registered, and the scope is ours where there was none."""
    code = ('from mmrefseg.utils import register_all_modules; register_all_modules(False); '
            'from mmengine.registry import DefaultScope; assert DefaultScope.get_current_instance() is None; '
            'register_all_modules(); assert DefaultScope.get_current_instance().scope_name == "mmrefseg"; '
            'from mmrefseg import registry as r; '
            'assert "LAVTSwin" in r.MODELS.module_dict and "RefIoUMetric" in r.METRICS.module_dict '
            'and "RefSegInferencer" in r.INFERENCERS.module_dict')
    subprocess.run([sys.executable, '-c', code], check=True)
