"""RefShapes for a semantic segmentor: what each pixel shows, against the masks and attributes that lie on disk."""

import json

import numpy as np
import pytest
import torch
from conftest import ROOT
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from pycocotools import mask as mask_utils

from mmrefseg.datasets import RefShapesAttributesDataset
from mmrefseg.datasets.refshapes_generator import HELD_OUT, SHAPE_ATTRIBUTES, generate_refshapes
from mmrefseg.datasets.transforms.shape_attributes import attribute_classes
from mmrefseg.errors import RefDataError
from mmrefseg.models.decode_heads import ShapeAttributesHead
from mmrefseg.registry import DATASETS, MODELS

SCENES = dict(train=12, val=3, testA=2, testB=4)
ATTRIBUTES = ('kind', 'colour', 'texture', 'size', 'column', 'row')


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp('attributes')
    generate_refshapes(path, scenes=SCENES, size=64)
    return path


def dataset(root, split='train', attributes=ATTRIBUTES):
    init_default_scope('mmrefseg')
    return RefShapesAttributesDataset(
        data_root=str(root), split=split,
        pipeline=[dict(type='LoadRefImage'), dict(type='LoadShapeAttributes', attributes=attributes),
                  dict(type='PackSegInputs', meta_keys=('img_path', ))])


@pytest.mark.parametrize('split', SCENES)
def test_every_pixel_has_the_attributes_of_its_shape(root, split):
    instances = json.loads((root / 'refshapes/instances.json').read_text())
    files = {image['id']: image['file_name'] for image in instances['images']}
    data = dataset(root, split)
    assert len(data) == SCENES[split]
    for item in data:
        sample = item['data_samples']
        codes = sample.gt_sem_seg.data[0]
        name = sample.img_path.rsplit('/', 1)[1]
        assert name.startswith(f'refshapes_{split}_')
        expected = np.zeros((len(ATTRIBUTES), 64, 64), int)
        for shape in instances['annotations']:
            if files[shape['image_id']] != name:
                continue
            x, y, w, h = shape['bbox']
            classes = [values.index(shape['attributes'][key]) + 1 for key, values in SHAPE_ATTRIBUTES.items()]
            classes += [int((x + w / 2) / 8) + 1, int((y + h / 2) / 8) + 1]
            expected[:, mask_utils.decode(shape['segmentation']).astype(bool)] = np.array(classes)[:, None]
        found = torch.stack([attribute_classes(codes, number) for number in range(len(ATTRIBUTES))])
        assert np.array_equal(found.numpy(), expected)


def test_the_config_trains_every_weight(root):
    cfg = Config.fromfile(ROOT / 'configs/mixing/attributes_nano_refshapes.py')
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    data = DATASETS.build(dict(cfg.train_dataloader.dataset, data_root=str(root)))
    batch = pseudo_collate([data[number] for number in range(2)])
    losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
    assert {f'decode.loss_{name}' for name in (*cfg.attributes, 'background')} == set(losses)
    sum(losses.values()).backward()
    assert [name for name, value in model.named_parameters() if value.grad is None] == []
    shown = {name: int(attribute_classes(batch['data_samples'][0].gt_sem_seg.data, number).max())
             for number, name in enumerate(cfg.attributes)}
    assert all(0 < shown[name] <= classes for name, classes in cfg.attributes.items())


def test_training_sees_no_held_out_pair(root):
    pairs = set()
    for number in range(SCENES['train']):
        for shape in dataset(root).get_data_info(number)['shapes']:
            pairs.add((shape['attributes']['kind'], shape['attributes']['colour']))
    assert pairs and not pairs & HELD_OUT


def test_one_attribute_is_its_class(root):
    classes = np.unique(dataset(root, attributes=('colour', ))[0]['data_samples'].gt_sem_seg.data)
    assert classes.min() == 0 and classes.max() <= len(SHAPE_ATTRIBUTES['colour'])


def test_errors(root, tmp_path):
    with pytest.raises(ValueError, match="dataset.split is 'test', expected one of train, val, testA, testB"):
        dataset(root, 'test')
    with pytest.raises(ValueError, match=r"attributes are \('age',\), expected some of kind, colour"):
        dataset(root, attributes=('age', ))
    with pytest.raises(FileNotFoundError, match='mmrefseg make-refshapes makes it'):
        dataset(tmp_path)
    (tmp_path / 'refshapes').mkdir()
    other = dict(images=[], annotations=[dict(id=5, image_id=1, attributes=dict(kind='house'))])
    (tmp_path / 'refshapes/instances.json').write_text(json.dumps(other))
    with pytest.raises(RefDataError, match='annotation 5 .* has the attributes .*house.* is it RefShapes'):
        dataset(tmp_path)
    (tmp_path / 'refshapes/instances.json').write_text('{"images": [], "annotations": []}')
    with pytest.raises(RefDataError, match="has no image of the split 'train'"):
        dataset(tmp_path)


def test_head_learns_each_attribute_where_a_shape_is(root):
    torch.manual_seed(0)
    head = ShapeAttributesHead(
        dict(kind=10, colour=7), in_channels=[4, 6], align_corners=False, dropout_ratio=0.,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True))
    maps = [torch.randn(2, 4, 16, 16, requires_grad=True), torch.randn(2, 6, 8, 8)]
    samples = [dataset(root)[number]['data_samples'] for number in range(2)]
    logits = head(maps)
    losses = head.loss_by_feat(logits, samples)
    codes = torch.cat([sample.gt_sem_seg.data for sample in samples])
    kinds, colours = (attribute_classes(codes, number) for number in range(2))
    full = torch.nn.functional.interpolate(logits, size=(64, 64), mode='bilinear')
    shown = colours > 0
    kind = -full[:, :10].log_softmax(1).gather(1, kinds[:, None])[:, 0]
    colour = -full[:, 10:].log_softmax(1).gather(1, (colours - 1).clamp(min=0)[:, None])[:, 0][shown].mean()
    torch.testing.assert_close(losses, dict(
        loss_background=kind[~shown].mean(), loss_kind=kind[shown].mean(), loss_colour=colour))
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in head.parameters()) and maps[0].grad.abs().sum() > 0
    predicted = head.predict_by_feat(logits, [dict(img_shape=(64, 64))] * 2)
    assert predicted.shape == (2, 10, 64, 64)
