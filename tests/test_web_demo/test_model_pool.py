"""The models that the demo offers: names, and how many stay in memory."""

import pytest
from conftest import TINY_CONFIG

from mmrefseg.apis import RefSegInferencer
from mmrefseg.web_demo import ModelPool, list_sources, model_pool


@pytest.fixture
def zoo(monkeypatch):
    monkeypatch.setattr(RefSegInferencer, 'list_models', staticmethod(lambda: ['zoo_model']))


@pytest.mark.usefixtures('zoo')
def test_names():
    assert list_sources() == {'zoo_model': ('zoo_model', None)}
    assert list_sources(weights=['runs/a/best.pth']) == {
        'a/best.pth': (None, 'runs/a/best.pth'), 'zoo_model': ('zoo_model', None)}
    own = list_sources(['x.py', 'y.py'], ['1/a/best.pth', '2/a/best.pth'])
    assert own['1/a/best.pth'] == ('x.py', '1/a/best.pth') and own['2/a/best.pth'] == ('y.py', '2/a/best.pth')
    with pytest.raises(ValueError, match='1 configs and 0 checkpoints: expected one each'):
        list_sources(['x.py'])


def test_few_stay_loaded(monkeypatch):
    loads = []
    monkeypatch.setattr(model_pool, 'RefSegInferencer', lambda config, *args, **kwargs: loads.append(config) or config)
    pool = ModelPool({name: (name, None) for name in 'abc'}, capacity=2)
    assert pool.names == ['a', 'b', 'c'] and pool.loaded == []
    for name in 'abacb':
        assert pool.get(name) == name
    # a was used after b, so b made room for c; then a for b
    assert loads == ['a', 'b', 'c', 'b'] and pool.loaded == ['c', 'b']


def test_a_model_that_does_not_load_leaves_the_others():
    pool = ModelPool({'good': (str(TINY_CONFIG), None), 'bad': (str(TINY_CONFIG), 'missing.pth')}, device='cpu')
    good = pool.get('good')
    with pytest.raises(FileNotFoundError, match='missing.pth'):
        pool.get('bad')
    assert pool.loaded == ['good'] and pool.get('good') is good


def test_bad_arguments():
    with pytest.raises(ValueError, match='there is no model: give --weights'):
        ModelPool({})
    with pytest.raises(ValueError, match='capacity is 0, expected 1 or more'):
        ModelPool({'a': ('a', None)}, capacity=0)
    with pytest.raises(ValueError, match="no model 'b'; there are a"):
        ModelPool({'a': ('a', None)}).get('b')
