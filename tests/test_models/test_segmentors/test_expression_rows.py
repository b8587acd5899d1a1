"""A prediction computes nothing twice, and never asks the device for a value."""

import pytest
import torch
from segmentor_inputs import COMBINATIONS, build, make_batch
from torch import nn

from mmrefseg.models.segmentors.expression_rows import ExpressionRows
from mmrefseg.structures import TextFeatures

SAID = (('dog', 'a man', 'dog'), ('left', ), ('a man', 'dog', 'a man', 'tie'))


def test_rows_of_a_batch():
    rows = ExpressionRows.of(make_batch(SAID)[1])
    assert rows.texts == ['dog', 'a man', 'left', 'tie']
    assert rows.text_of == [0, 1, 2, 1, 0, 3] and rows.image_of == [0, 0, 1, 2, 2, 2]
    assert rows.row_of == [[0, 1, 0], [0], [0, 1, 0, 2]]
    assert len(rows) == 6 and rows.counts == [2, 1, 3]
    assert rows.spread(2, torch.tensor([5, 6, 7])).tolist() == [5, 6, 5, 7]
    values = torch.tensor([1])
    assert rows.spread(1, values) is values


def test_chunks_hold_the_images_of_their_rows():
    rows = ExpressionRows.of(make_batch(SAID)[1])
    text = TextFeatures(torch.arange(4.)[:, None, None], torch.ones(4, 1, dtype=torch.bool), torch.arange(4.)[:, None])
    feats = (torch.arange(3)[:, None], (7, 8))
    chunks = [(images[0].flatten().tolist(), images[1], chunk.sentence.flatten().tolist(),
               None if index is None else index.tolist()) for images, chunk, index in rows.chunks(feats, text, 2)]
    assert chunks == [([0], (7, 8), [0, 1], [0, 0]), ([1, 2], (7, 8), [2, 1], None), ([2], (7, 8), [0, 3], [0, 0])]


@pytest.mark.parametrize('name', ['lavt', 'late_fusion'])
@pytest.mark.parametrize('max_expressions', [2, 16])
@torch.no_grad()
def test_repeats_are_computed_once(name, max_expressions):
    model = build(**COMBINATIONS[name], test_cfg=dict(max_expressions=max_expressions, keep_logits=True)).eval()
    encoded, decoded = [], []
    model.text_encoder.register_forward_pre_hook(lambda module, args: encoded.append(args[0]))
    model.decoder.register_forward_hook(lambda module, args, out: decoded.append(len(out)))
    images, samples = make_batch(SAID)
    grouped = model(images, samples, mode='predict')
    assert encoded == [['dog', 'a man', 'left', 'tie']] and sum(decoded) == 6
    for image, sample, said in zip(images, grouped, SAID):
        assert len(sample.pred_sem_seg.data) == len(sample.pred_scores) == len(said)
        for i, expression in enumerate(said):
            _, (single, ) = make_batch(((expression, ), ))
            model(image[None], [single], mode='predict')
            torch.testing.assert_close(sample.seg_logits.data[2 * i:2 * i + 2], single.seg_logits.data,
                                       atol=1e-4, rtol=1e-3)
            torch.testing.assert_close(sample.pred_scores[i], single.pred_scores[0])


class GivenText(nn.Module):
    """Features of any strings, on the device."""

    def forward(self, expressions):
        shape = len(expressions), 5
        return TextFeatures(torch.empty(*shape, 16, device='meta'), torch.empty(shape, dtype=torch.bool, device='meta'),
                            torch.empty(len(expressions), 16, device='meta'))


@pytest.mark.parametrize('name', ['lavt', 'late_fusion', 'mmseg_neck'])
@pytest.mark.parametrize('eval_size', ['input', 'original'])
@torch.no_grad()
def test_nothing_waits_for_the_device(name, eval_size):
    """Tensors without values stand for a device: whatever asks for one fails."""
    model = build(**COMBINATIONS[name], test_cfg=dict(max_expressions=2, eval_size=eval_size)).eval().to('meta')
    model.text_encoder = GivenText()
    images, samples = make_batch(SAID)
    model(images.to('meta'), samples, mode='predict')
    size = (64, 96) if eval_size == 'input' else (50, 70)
    assert [tuple(sample.pred_sem_seg.data.shape) for sample in samples] == [(3, *size), (1, *size), (4, *size)]
