"""The configs of models without training: they build with tiny models in the place of the hub's, and predict."""

import pytest
import torch
from conftest import ROOT
from foundation_inputs import build, image_of, run
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrefseg.apis import find_zoo_model, list_foundation_models, zoo_models
from mmrefseg.models import brings_weights
from mmrefseg.registry import DATASETS, METRICS, MODELS

CONFIGS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / 'configs/foundation').glob('*.py'))
TINY = {
    'IDEA-Research/grounding-dino-tiny': 'grounding_dino', 'facebook/sam2.1-hiera-tiny': 'sam2_video',
    'openmmlab-community/mm_grounding_dino_tiny_o365v1_goldg_grit_v3det': 'mm_grounding_dino',
    'google/owlv2-base-patch16-ensemble': 'owlv2', 'CIDAS/clipseg-rd64-refined': 'clipseg',
    'facebook/sam3': 'sam3',
    'florence-community/Florence-2-base': 'florence2', 'florence-community/Florence-2-base-ft': 'florence2'}


def load(path):
    init_default_scope('mmrefseg')
    return Config.fromfile(ROOT / path)


def parts_from_the_hub(model):
    return [part for part in (model, model.get('detector'), model.get('segmenter')) if part and 'pretrained' in part]


def test_there_are_configs():
    assert len(CONFIGS) >= 20
    names = {model.config.rsplit('configs/')[-1]: model for model in zoo_models().values() if model.hub}
    assert sorted(f'configs/{name}' for name in names) == CONFIGS


@pytest.mark.parametrize('path', CONFIGS)
def test_everything_around_the_model(path):
    cfg = load(path)
    dataset = DATASETS.build(dict(cfg.test_dataloader.dataset, lazy_init=True))
    assert [type(step).__name__ for step in dataset.pipeline.transforms] == [
        'LoadRefImage', 'LoadRefAnnotations', 'PackRefInputs']
    metric = METRICS.build(cfg.test_evaluator)
    assert type(metric).__name__ == ('GRefMetric' if 'grefcoco' in path else 'RefIoUMetric')
    assert cfg.model.test_cfg.eval_size == 'original' and brings_weights(cfg.model)
    assert cfg.model.get('rule', 'best') == ('all' if 'grefcoco' in path else 'best')
    name = path.removeprefix('configs/foundation/').removesuffix('.py')
    hub = find_zoo_model(name).hub
    assert [part.pretrained for part in parts_from_the_hub(cfg.model)] == hub
    facts = find_zoo_model(name).entry['Metadata']
    assert set(facts) == {'Hub', 'Licence', 'Download', 'Seen'}
    assert cfg.train_dataloader is None and cfg.get('optim_wrapper') is None


@pytest.mark.parametrize('name', list_foundation_models())
def test_every_model_predicts(name, foundation_folder):
    cfg = load(find_zoo_model(name).config)
    for part in parts_from_the_hub(cfg.model):
        part.pretrained = foundation_folder(TINY[part.pretrained])
    if cfg.model.type == 'Florence2Segmentor':
        cfg.model.max_new_tokens = 8
    sample, = run(build(**cfg.model), [image_of('colour')], [['the left man', 'red']])
    assert sample.pred_sem_seg.data.shape == (2, 45, 70) and torch.isfinite(sample.pred_scores).all()


@pytest.mark.parametrize('path', [path for path in CONFIGS if '_lavt_' in path])
def test_a_reranker_needs_its_weights(path):
    cfg = load(path)
    with pytest.raises(ValueError, match='model.reranker.weights: none are published'):
        MODELS.build(cfg.model.reranker)
    assert cfg.model.reranker.config.split('_')[-1] == path.split('_')[-1].removesuffix('.py')
