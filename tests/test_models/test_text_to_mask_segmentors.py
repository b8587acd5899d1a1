"""CLIPSeg and Florence-2 against their literal use in transformers, one sentence at a time."""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
import transformers
from foundation_inputs import SENTENCES, build, image_of, run

from mmrefseg.models.foundation.florence2_segmentor import TASK, fill


def count_calls(module):
    """A list that grows by one at every call of the first convolution inside."""
    calls = []
    first = next(part for part in module.modules() if isinstance(part, torch.nn.Conv2d))
    first.register_forward_hook(lambda *_: calls.append(1))
    return calls


@pytest.mark.parametrize('kind', ['colour', 'grey', '1x1'])
def test_clipseg_equals_literal_use(foundation_folder, kind):
    image = image_of(kind)
    ours = build(type='CLIPSegSegmentor', pretrained=foundation_folder('clipseg'), test_cfg=dict(keep_logits=True))
    calls = count_calls(ours.model.clip.vision_model)
    sample, = run(ours, [image], [SENTENCES])
    assert len(calls) == 1
    processor = transformers.AutoProcessor.from_pretrained(foundation_folder('clipseg'))
    model = transformers.CLIPSegForImageSegmentation.from_pretrained(foundation_folder('clipseg')).eval()
    for i, sentence in enumerate(SENTENCES):
        inputs = processor(text=[sentence], images=[image], padding=True, truncation=True, max_length=77,
                           return_tensors='pt')
        with torch.no_grad():
            logits = model(**inputs).logits.view(1, 1, 64, 64)
        logits = F.interpolate(logits, (image.height, image.width), mode='bilinear')[0, 0]
        assert torch.allclose(sample.seg_logits.data[i], logits, atol=1e-5)
        mask = logits > 0
        assert torch.equal(sample.pred_sem_seg.data[i].bool(), mask)
        inside = float(logits.sigmoid()[mask].mean()) if mask.any() else 0
        assert sample.pred_scores[i] == pytest.approx(inside, abs=1e-5)
    assert kind == '1x1' or not torch.equal(sample.seg_logits.data[0], sample.seg_logits.data[1])
    assert 'pred_existence' not in sample and 'pred_boxes' not in sample


def test_clipseg_has_a_threshold(foundation_folder):
    image = image_of('colour')
    settings = dict(type='CLIPSegSegmentor', pretrained=foundation_folder('clipseg'))
    sample, = run(build(**settings, test_cfg=dict(threshold=0.56, keep_logits=True)), [image], [['the left man']])
    expected = sample.seg_logits.data.sigmoid() > 0.56
    assert torch.equal(sample.pred_sem_seg.data.bool(), expected) and 0 < expected.float().mean() < 0.7


@pytest.mark.parametrize('kind,beams', [('colour', 3), ('grey', 1), ('1x1', 3)])
def test_florence2_equals_literal_use(foundation_folder, kind, beams):
    image = image_of(kind)
    path = foundation_folder('florence2')
    ours = build(type='Florence2Segmentor', pretrained=path, num_beams=beams, max_new_tokens=30)
    calls = count_calls(ours.model.model.vision_tower)
    sentences = SENTENCES[:3] + ['a <OCR> in an <image>']
    sample, = run(ours, [image], [sentences])
    assert len(calls) == 1
    processor = transformers.AutoProcessor.from_pretrained(foundation_folder('florence2'))
    model = transformers.Florence2ForConditionalGeneration.from_pretrained(foundation_folder('florence2')).eval()
    for i, sentence in enumerate(sentences):
        said = sentence.replace('<', ' ').replace('>', ' ')  # as tasks and places are marked
        inputs = processor(text=TASK + said, images=image, return_tensors='pt')
        ids = model.generate(**inputs, max_new_tokens=30, num_beams=beams, do_sample=False)
        text = processor.batch_decode(ids, skip_special_tokens=False)[0]
        answer = processor.post_process_generation(text, task=TASK, image_size=(image.width, image.height))[TASK]
        expected = np.zeros((image.height, image.width), bool)
        for instance in answer['polygons']:
            for polygon in instance:
                expected |= fill([polygon], image.height, image.width).numpy()
        assert np.array_equal(sample.pred_sem_seg.data[i].bool().numpy(), expected)
        with torch.no_grad():  # the probability of each token that was written, by a second pass
            steps = model(**inputs, decoder_input_ids=ids).logits[0].log_softmax(1)
        logs = [float(steps[at, token]) for at, token in enumerate(ids[0, 1:])]
        if len(logs) == 30:
            logs[-1] = 0  # the end is forced there
        score = np.exp(np.sum(logs) / len(logs)) if expected.any() else 0
        assert sample.pred_scores[i] == pytest.approx(score, abs=1e-4)
    assert kind == '1x1' or sample.pred_sem_seg.data.any()


def test_florence2_reads_as_much_as_fits(foundation_folder):
    ours = build(type='Florence2Segmentor', pretrained=foundation_folder('florence2'), num_beams=1, max_new_tokens=4)
    assert ours.shorten('the left man') == 'the left man'
    short = ours.shorten(SENTENCES[3])
    assert SENTENCES[3].startswith(short) and 50 < len(short) < 128
    sample, = run(ours, [image_of('colour')], [[SENTENCES[3]]])
    assert sample.pred_sem_seg.data.shape == (1, 45, 70)


def test_polygons_are_filled():
    square = [2, 1, 8, 1, 8, 5, 2, 5]
    mask = fill([square, [0, 0, 1, 1], []], 10, 12).numpy()
    expected = np.zeros((10, 12), np.uint8)
    cv2.rectangle(expected, (2, 1), (7, 4), 1, -1)
    assert np.array_equal(mask, expected > 0)
    assert not fill([[0, 0, 5, 5]], 10, 12).any()


@pytest.mark.parametrize('kind', ['colour', 'grey', '1x1'])
@pytest.mark.parametrize('rule', ['best', 'all'])
def test_sam3_equals_literal_use(foundation_folder, kind, rule):
    """Its own post-processing of instances, one sentence at a time."""
    image, path = image_of(kind), foundation_folder('sam3')
    ours = build(type='SAM3Segmentor', pretrained=path, rule=rule, test_cfg=dict(existence_threshold=0.3))
    calls = count_calls(ours.model.vision_encoder)
    sample, = run(ours, [image], [SENTENCES])
    assert len(calls) == 1
    model = transformers.Sam3Model.from_pretrained(path).eval()
    pixels = torch.from_numpy(np.asarray(image.resize((56, 56), 2))).permute(2, 0, 1)[None] / 127.5 - 1
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    found = []
    for i, sentence in enumerate(SENTENCES):
        text = tokenizer([sentence], padding='max_length', truncation=True, max_length=32, return_tensors='pt')
        with torch.no_grad():
            outputs = model(pixel_values=pixels, **text)
            scores = (outputs.pred_logits.sigmoid() * outputs.presence_logits.sigmoid())[0]
            masks = F.interpolate(outputs.pred_masks.sigmoid(), (image.height, image.width), mode='bilinear')[0] > 0.5
        taken = scores == scores.max() if rule == 'best' else scores > 0.3
        mask = masks[taken].any(0)
        found.append(bool(taken.any()))
        assert torch.equal(sample.pred_sem_seg.data[i].bool(), mask)
        assert sample.pred_scores[i] == pytest.approx(float(scores[taken].max()) if mask.any() else 0, abs=1e-5)
        width, height = image.size
        expected = outputs.pred_boxes[0, taken] * torch.tensor([width, height, width, height])
        torch.testing.assert_close(sample.pred_boxes[i], expected, atol=1e-4, rtol=0)
    assert ('pred_existence' in sample) == (rule == 'all')
    assert rule == 'best' or torch.equal(sample.pred_existence > 0.3, torch.tensor(found))


def test_sam3_has_two_rules(foundation_folder):
    with pytest.raises(ValueError, match="model.rule is 'first', expected one of best, all"):
        build(type='SAM3Segmentor', pretrained=foundation_folder('sam3'), rule='first')
