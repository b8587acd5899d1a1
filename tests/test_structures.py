"""What passes between the parts: the two dataclasses and the data sample."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmrefseg.structures import (
    MultiModalFeatures,
    RefDataSample,
    TextFeatures,
    image_index_of,
    masks_on_host,
)


@pytest.fixture
def text():
    mask = torch.tensor([[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 1, 0]]).bool()
    return TextFeatures(words=torch.randn(4, 3, 5), mask=mask, sentence=torch.randn(4, 5))


@pytest.mark.parametrize('index', [
    slice(1, 3), slice(0, 0), torch.tensor([2, 0, 0]), torch.tensor([True, False, True, False]),
])
def test_text_features_of_some_expressions(text, index):
    part = text[index]
    assert isinstance(part, TextFeatures)
    assert len(part) == len(torch.arange(4)[index])
    for name in ('words', 'mask', 'sentence'):
        assert torch.equal(getattr(part, name), getattr(text, name)[index])


def test_text_features_length(text):
    assert len(text) == 4


def test_multi_modal_features_default_to_no_queries_and_no_prior(text):
    features = MultiModalFeatures(maps=(torch.zeros(4, 2, 8, 8),), text=text)
    assert features.queries is None and features.prior is None


def test_with_maps_keeps_the_rest(text):
    features = MultiModalFeatures(maps=(torch.zeros(4, 2, 8, 8),), text=text,
                                  queries=torch.zeros(4, 6, 5), prior=torch.zeros(4, 1, 8, 8))
    maps = [torch.ones(4, 3, 8, 8), torch.ones(4, 3, 4, 4)]
    other = features.with_maps(maps)
    assert isinstance(other.maps, tuple) and list(other.maps) == maps
    assert other.text is text
    assert other.queries is features.queries and other.prior is features.prior
    assert len(features.maps) == 1  # the first is as it was


def make_sample(expressions):
    sample = RefDataSample(metainfo=dict(expressions=expressions, ori_shape=(4, 6)))
    sample.gt_sem_seg = PixelData(
        data=torch.zeros(len(expressions), 4, 6, dtype=torch.uint8))
    return sample


def test_sample_is_one_of_mmseg():
    sample = make_sample(['red', 'blue'])
    assert isinstance(sample, SegDataSample)
    assert sample.gt_sem_seg.shape == (4, 6) and sample.gt_sem_seg.data.shape == (2, 4, 6)
    assert sample.expressions == ['red', 'blue'] and 'expressions' in sample.metainfo_keys()


def test_sample_scores():
    sample = make_sample(['red', 'blue'])
    assert 'pred_scores' not in sample
    sample.pred_scores = torch.tensor([0.25, 0.75])
    assert 'pred_scores' in sample and sample.pred_scores.tolist() == [0.25, 0.75]
    assert sample.clone().pred_scores.tolist() == [0.25, 0.75]
    assert sample.to(torch.float64).pred_scores.dtype == torch.float64
    del sample.pred_scores
    assert 'pred_scores' not in sample


def test_sample_scores_must_be_a_tensor():
    with pytest.raises(AssertionError, match='Tensor'):
        make_sample(['red']).pred_scores = [0.5]


@pytest.mark.parametrize('counts, expected', [
    ((1, 1, 1), [0, 1, 2]), ((2, 1), [0, 0, 1]), ((1, 3, 2), [0, 1, 1, 1, 2, 2]), ((4,), [0] * 4),
])
def test_image_index(counts, expected):
    samples = [make_sample([f'expression {number}' for number in range(count)])
               for count in counts]
    index = image_index_of(samples)
    assert index.tolist() == expected and index.dtype == torch.int64
    assert image_index_of(samples, device='meta').shape == (sum(counts),)


def test_masks_on_host():
    torch.manual_seed(0)
    masks = [(torch.rand(shape) > 0.5).to(dtype)
             for shape, dtype in (((2, 5, 7), torch.uint8), ((1, 3, 3), torch.bool), ((3, 8, 8), torch.uint8))]
    found = masks_on_host(masks)
    assert all(mask.dtype == bool for mask in found)
    assert all(torch.equal(torch.from_numpy(a), b.bool()) for a, b in zip(found, masks))
