"""Costs in metafiles and READMEs are what get_flops.py prints."""

import importlib.util
import re

import pytest
import yaml
from conftest import ROOT
from mmengine.config import Config

from mmrefseg.analysis.model_cost import build_for_counting, count_macs

METAFILES = sorted((ROOT / 'configs').glob('*/metafile.yml'))


@pytest.fixture(scope='module')
def costs():
    spec = importlib.util.spec_from_file_location('costs', ROOT / 'tools/misc/costs.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def published():
    """(config, GMACs, parameters) of each model that is not of the zoo, one for all that have the same numbers."""
    found = {}
    for path in METAFILES:
        for model in yaml.safe_load(path.read_text())['Models']:
            metadata = model.get('Metadata', {})
            if 'GMACs' in metadata and 'Weights' not in model:
                key = (path.parent.name, metadata['GMACs'], metadata['Parameters (M)'])
                found.setdefault(key, model['Config'])
    return [(config, *key[1:]) for key, config in found.items()]


@pytest.mark.slow
@pytest.mark.parametrize('config,macs,parameters', published())
def test_metafile(costs, config, macs, parameters):
    found = costs.costs_of(config)[2]['all']
    assert (f'{found[0]:.1f}', f'{found[1]:.2f}') == (f'{macs:.1f}', f'{parameters:.2f}')


@pytest.mark.slow
@pytest.mark.parametrize('path', METAFILES, ids=lambda path: path.parent.name)
def test_readme(costs, path):
    readme = path.with_name('README.md').read_text()
    assert costs.with_table(readme, path) == readme


def test_a_recurrent_model_without_its_vocabulary(costs, run_tool):
    """At its own size and with as many words as it reads; what is printed is what the metafile says."""
    config = 'configs/m3att/m3att_darknet53_refcoco.py'
    out = run_tool('tools/analysis_tools/get_flops.py', ROOT / config).stdout
    assert '416x416, 1 expression(s) of 15 words' in out
    printed, = re.findall(r'\| +all \| +([\d.]+) \| +([\d.]+) \|', out)
    (size, words, counted) = costs.costs_of(config)
    assert (size, words) == ((416, 416), 15)
    assert tuple(f'{value:.2f}' for value in counted['all']) == printed
    assert 'GMACs: 36.6, Parameters (M): 50.62' in (ROOT / 'configs/m3att/metafile.yml').read_text()
    # An LSTM is one operator on a CPU: 4 gates of (300 + 128) x 128, two directions, 15 words.
    assert counted['text_encoder'][0] == pytest.approx(15 * 2 * 4 * 128 * (300 + 128) / 1e9)


@pytest.mark.slow
def test_another_size_makes_the_model_for_it(run_tool):
    out = run_tool('tools/analysis_tools/get_flops.py', ROOT / 'configs/s2rm/s2rm-casg_nano_refshapes.py',
                   '--shape', 128, 128, '--words', 4).stdout
    assert '128x128, 1 expression(s) of 4 words' in out


def test_more_words_than_are_read():
    cfg = Config.fromfile(ROOT / 'configs/lts/lts_darknet53_refcoco.py')
    model = build_for_counting(cfg)
    with pytest.raises(ValueError, match='of 16 words were asked for, and model.text_encoder.max_length is 15'):
        count_macs(model, 416, 416, words=16)
    fewer, all_words = (sum(count_macs(model, 416, 416, words=words).values()) for words in (7, 15))
    assert fewer < all_words
