"""COCO's annotations without the images that referring data sets hold out."""

import importlib.util
import json
import pickle

import pytest
from conftest import ROOT
from mmengine.config import Config

from mmrefseg.errors import RefDataError

TOOL = 'tools/dataset_converters/coco_without_refs.py'


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location('coco_without_refs', ROOT / TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def data(tmp_path):
    """Eight images; RefCOCO validates on 3 and tests on 4, RefCOCOg's partitions on 5 and 3, image 9 is not COCO's."""
    instances = dict(info=dict(year=2017), categories=[dict(id=1, name='cat')],
                     images=[dict(id=i, file_name=f'{i:012}.jpg', height=9, width=9) for i in range(1, 9)],
                     annotations=[dict(id=10 * i + k, image_id=i, category_id=1) for i in range(1, 9) for k in (0, 1)])
    (tmp_path / 'instances.json').write_text(json.dumps(instances))
    for name, refs in {
            'refcoco/refs(unc).p': [(1, 'train'), (2, 'train'), (3, 'val'), (4, 'testA'), (9, 'testB')],
            'refcocog/refs(umd).p': [(2, 'train'), (5, 'val')], 'refcocog/refs(google).p': [(5, 'train'), (3, 'val')]
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pickle.dumps([dict(image_id=i, split=split, ref_id=i) for i, split in refs], protocol=2))
    return tmp_path


def test_held_out_images_leave(data, run_tool):
    out = run_tool(TOOL, data / 'instances.json', data / 'refcoco', data / 'refcocog').stdout
    assert 'refcocog/refs(umd).p val: 1 images, 1 of them' in out and 'refcoco/refs(unc).p testB: 1 images, 0 of' in out
    assert '5 of 8 images, 10 of 16 annotations' in out and 'Held-out images left: 0' in out
    found = json.loads((data / 'instances_without_refs.json').read_text())
    assert [image['id'] for image in found['images']] == [1, 2, 6, 7, 8]
    assert {each['image_id'] for each in found['annotations']} == {1, 2, 6, 7, 8}
    assert found['categories'] == [dict(id=1, name='cat')] and found['info'] == dict(year=2017)


def test_what_is_left_is_found(data, tool):
    assert tool.left_over(data / 'instances.json', {3, 4, 9}) == [3, 4]


def test_errors(data, tool):
    with pytest.raises(RefDataError, match='has no refs'):
        tool.held_out_images([data])
    (data / 'refcoco/refs(bad).p').write_bytes(pickle.dumps([dict(ref_id=1)], protocol=2))
    with pytest.raises(RefDataError, match='entry 0 has no split or no image_id'):
        tool.held_out_images([data / 'refcoco'])


def test_the_config_is_mmdets_on_fewer_images():
    ours = Config.fromfile(ROOT / 'configs/_base_/pretraining/yolov3_d53_coco_without_refs.py')
    assert ours.train_dataloader.dataset.ann_file == 'annotations/instances_train2017_without_refs.json'
    assert ours.train_cfg.max_epochs == 273 and ours.train_dataloader.batch_size == 8
    assert ours.model.backbone.type == 'Darknet' and ours.model.backbone.depth == 53
    assert 'val2017' in ours.val_evaluator.ann_file
