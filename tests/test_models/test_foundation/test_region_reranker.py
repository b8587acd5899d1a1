"""The re-ranker chooses as a literal loop over regions and pixels does."""

from dataclasses import replace

import numpy as np
import pytest
import reranker as benchmark
import torch
from foundation_inputs import SENTENCES, build, grounded, image_of, run
from mmengine.registry import init_default_scope
from PIL import Image

from mmrefseg.analysis.results.image_objects import read_image_objects
from mmrefseg.apis import RefSegInferencer
from mmrefseg.datasets.masks.decode import decode_segmentation
from mmrefseg.registry import DATASETS, MODELS

ZOO = 'sadlr_lavt_nano_refshapes'
SAID = ['the red circle', 'the left square']


@pytest.fixture(scope='module')
def reranker():
    init_default_scope('mmrefseg')
    return MODELS.build(dict(type='RegionReranker', config=ZOO))


def literal_scores(probability, inside):
    """Expected overlap of each region, pixel by pixel; ``inside(k, y, x)`` says whether a pixel is in region k."""
    height, width = probability.shape
    scores = []
    for k in range(inside.number):
        overlap = union = 0.0
        for y in range(height):
            for x in range(width):
                p = float(probability[y, x])
                if inside(k, (y + 0.5) / height, (x + 0.5) / width):
                    overlap += p
                    union += 1
                else:
                    union += p
        scores.append(overlap / union if union else 0)
    return scores


class InBoxes:
    """Whether a place, as fractions of height and width, lies in a box."""

    def __init__(self, boxes, size):
        self.boxes, self.size, self.number = boxes, size, len(boxes)

    def __call__(self, k, y, x):
        x0, y0, x1, y1 = self.boxes[k].tolist()
        return x0 <= x * self.size[1] <= x1 and y0 <= y * self.size[0] <= y1


def test_box_scores_equal_a_literal_loop(reranker):
    size = (45, 70)
    boxes = torch.tensor([[20, 10, 50, 30], [-5, -5, 30, 20], [0, 0, 70, 45], [60, 40, 90, 60], [5, 5, 5, 5.]])
    probability = torch.rand(12, 16, generator=torch.Generator().manual_seed(0))
    scores = reranker.score_boxes(probability, boxes, size)
    assert scores.tolist() == pytest.approx(literal_scores(probability, InBoxes(boxes, size)), abs=1e-6)


def test_it_is_the_iou_where_the_segmentor_is_sure(reranker):
    mask = torch.zeros(45, 70)
    mask[10:30, 20:50] = 1
    boxes = torch.tensor([[20, 10, 50, 30], [20, 10, 35, 30], [50, 30, 70, 45.]])
    assert reranker.score_boxes(mask, boxes, (45, 70)).tolist() == pytest.approx([1, 0.5, 0])
    masks = torch.stack([mask, 1 - mask]) > 0
    assert reranker.score_masks(mask, masks).tolist() == [1, 0]
    assert reranker.score_boxes(torch.zeros(45, 70), boxes, (45, 70)).tolist() == [0, 0, 0]


def test_probabilities_are_those_of_the_inferencer(reranker):
    image = image_of('colour')
    with torch.no_grad():
        probability = reranker(image, SAID)
    inferencer = RefSegInferencer(ZOO, device='cpu', show_progress=False)
    inferencer.model.test_cfg = replace(inferencer.model.test_cfg, eval_size='input')
    sample, = inferencer.predict([np.ascontiguousarray(np.asarray(image)[..., ::-1])], [SAID])
    assert torch.equal(probability > 0.5, sample.pred_sem_seg.data > 0) and sample.pred_sem_seg.data.any()


@pytest.mark.parametrize('regions', ['boxes', 'masks'])
def test_the_choice_is_that_of_a_literal_loop(foundation_folder, regions):
    image = image_of('colour')
    said = SAID + SENTENCES[:1]
    model = grounded(foundation_folder, 'grounding_dino', 'sam', candidates=4,
                     reranker=dict(type='RegionReranker', config=ZOO, regions=regions))
    sample, = run(model, [image], [said])
    plain = grounded(foundation_folder, 'grounding_dino', 'sam')
    changed = 0
    for i, sentence in enumerate(said):
        with torch.no_grad():
            candidates = [values[:4] for values in next(plain.detector(image, [sentence]))]
            masks = [mask > 0 for mask in plain.segmenter(image, candidates[0])]
            probability = model.reranker(image, [sentence])[0]
        if regions == 'boxes':
            scores = model.reranker.score_boxes(probability, candidates[0], (45, 70)).tolist()
        else:
            scores = [float(model.reranker.score_masks(probability, mask[None])) for mask in masks]
        index = max(range(4), key=lambda k: scores[k])
        changed += index != 0
        assert torch.equal(sample.pred_boxes[i], candidates[0][index:index + 1])
        assert torch.equal(sample.pred_sem_seg.data[i].bool(), masks[index])
        assert sample.pred_scores[i] == pytest.approx(float(candidates[1][index]), abs=1e-6)
    assert changed  # or the detector alone would do


def test_weights_of_a_checkpoint(tmp_path, reranker):
    path = tmp_path / 'own.pth'
    weights = {name: torch.zeros_like(value) for name, value in reranker.segmentor.state_dict().items()}
    torch.save(dict(state_dict=weights), path)
    own = build(type='RegionReranker', config=ZOO, weights=str(path))
    assert all(not value.any() for value in own.segmentor.parameters())
    with torch.no_grad():
        assert own(image_of('colour'), ['red'])[0].unique().tolist() == [0.5]


def test_what_it_cannot_be():
    init_default_scope('mmrefseg')
    with pytest.raises(ValueError, match="model.reranker.regions is 'pixels'"):
        MODELS.build(dict(type='RegionReranker', config=ZOO, regions='pixels'))
    with pytest.raises(ValueError, match="model.reranker.weights: none are published for 'lavt/lavt_swinb_refcoco'"):
        MODELS.build(dict(type='RegionReranker', config='lavt/lavt_swinb_refcoco'))
    with pytest.raises(FileNotFoundError, match='no_such_model'):
        MODELS.build(dict(type='RegionReranker', config='no_such_model'))


def test_the_benchmark_counts_what_a_loop_counts(reranker, refshapes_root, monkeypatch, capsys):
    command = ['reranker.py', ZOO, '--data-root', str(refshapes_root), '--splits', 'val']
    monkeypatch.setattr('sys.argv', command)
    benchmark.main()
    printed = capsys.readouterr().out
    dataset = DATASETS.build(dict(type='RefShapesDataset', data_root=str(refshapes_root), split='val',
                                  sample_by='image', test_mode=True, pipeline=[]))
    info, right = dataset.get_data_info(0), []
    objects = read_image_objects(dataset.instances_file, [info['image_id']])
    masks = [decode_segmentation(one.segmentation, info['height'], info['width'])
             for one in objects[info['image_id']]]
    boxes = torch.tensor([benchmark.box_of(mask > 0) for mask in masks])
    with torch.no_grad():
        probabilities = reranker(Image.open(info['img_path']).convert('RGB'), info['expressions'])
    for probability, index in zip(probabilities[:3], info['object_index']):
        truth = decode_segmentation(info['segmentations'][index], info['height'], info['width'])
        own = next(k for k, mask in enumerate(masks) if (mask == truth).all())
        scores = literal_scores(probability, InBoxes(boxes, (info['height'], info['width'])))
        right.append(max(range(len(scores)), key=lambda k: scores[k]) == own)
    counted = benchmark.choose_all(reranker, dataset)
    assert [bool(value) for value in counted['boxes'][:len(right)]] == right
    assert f'{100 * np.mean(counted["boxes"]):.1f}' in printed
    assert f'expressions: {len(counted["boxes"])} (val)' in printed
