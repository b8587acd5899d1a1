"""A detector and a segmenter of transformers against their literal use, one sentence at a time."""

import functools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import transformers
from foundation_inputs import SENTENCES, grounded, image_of, run
from PIL import Image

from mmrefseg.models.foundation.zero_shot_detector import as_phrase

PAIRS = [
    ('grounding_dino', 'sam'), ('mm_grounding_dino', 'sam_hq'), ('owlv2', 'sam2'), ('grounding_dino', 'sam2_video')]


@functools.cache
def loaded(auto_class, path):
    """A model or processor of transformers, read once."""
    part = getattr(transformers, auto_class).from_pretrained(path)
    return part.eval() if auto_class.startswith('AutoModel') else part


@torch.no_grad()
def literal_boxes(path, image, sentence):
    """All boxes (K, 4) and scores (K,) as the documentation of transformers has it, the likeliest first."""
    processor = loaded('AutoProcessor', path)
    model = loaded('AutoModelForZeroShotObjectDetection', path)
    sizes = [(image.height, image.width)]
    if 'owl' in model.config.model_type:
        inputs = processor(images=image, text=[[sentence]], return_tensors='pt', truncation=True, max_length=16)
        outputs = model(**inputs)
        result, = processor.post_process_grounded_object_detection(outputs, threshold=0, target_sizes=sizes)
    else:
        inputs = processor(images=image, text=as_phrase(sentence), return_tensors='pt', truncation=True, max_length=256)
        outputs = model(**inputs)
        result, = processor.post_process_grounded_object_detection(
            outputs, inputs.input_ids, threshold=0, text_threshold=0.25, target_sizes=sizes)
    order = result['scores'].argsort(descending=True)
    return result['boxes'][order], result['scores'][order]


@torch.no_grad()
def literal_mask(path, image, box):
    """The mask (H, W) of one box."""
    model = loaded('AutoModelForMaskGeneration', path)
    if 'sam2' not in path:
        processor = loaded('AutoProcessor', path)
        inputs = processor(images=image, input_boxes=[[box.tolist()]], return_tensors='pt')
        inputs['input_boxes'] = inputs['input_boxes'].float()
        outputs = model(**{key: value for key, value in inputs.items() if not key.endswith('sizes')},
                        multimask_output=False)
        masks, = processor.post_process_masks(
            outputs.pred_masks, inputs['original_sizes'], inputs['reshaped_input_sizes'])
        return masks[0, 0]
    # Its processor needs torchvision: the same, written out.
    side = model.config.vision_config.backbone_config.image_size[0]
    pixels = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR), np.float32) / 255
    pixels = (pixels - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
    scale = torch.tensor([side / image.width, side / image.height] * 2)
    outputs = model(pixel_values=torch.from_numpy(pixels).permute(2, 0, 1)[None], input_boxes=(box * scale)[None, None],
                    multimask_output=False)
    return F.interpolate(outputs.pred_masks[0], (image.height, image.width), mode='bilinear')[0, 0] > 0


@pytest.mark.parametrize('detector,segmenter,kind', [
    (*PAIRS[0], 'colour'), (*PAIRS[0], 'grey'), (*PAIRS[0], '1x1'), (*PAIRS[1], 'colour'), (*PAIRS[2], 'grey'),
    (*PAIRS[2], '1x1'), (*PAIRS[3], 'colour')])
def test_equals_literal_use_one_sentence_at_a_time(foundation_folder, detector, segmenter, kind):
    image = image_of(kind)
    sample, = run(grounded(foundation_folder, detector, segmenter), [image], [SENTENCES])
    for i, sentence in enumerate(SENTENCES):
        boxes, scores = literal_boxes(foundation_folder(detector), image, sentence)
        mask = literal_mask(foundation_folder(segmenter), image, boxes[0])
        assert torch.equal(sample.pred_sem_seg.data[i].bool(), mask)
        assert torch.allclose(sample.pred_boxes[i], boxes[:1], atol=1e-4)
        assert sample.pred_scores[i] == pytest.approx(float(scores[0]) if mask.any() else 0, abs=1e-5)
    assert kind == '1x1' or len(set(sample.pred_scores.tolist())) > 1  # or the sentence would not matter
    assert 'pred_existence' not in sample


@pytest.mark.parametrize('detector,segmenter', PAIRS[:1] + PAIRS[2:3])
def test_the_generalized_rule_unites_all_above_the_threshold(foundation_folder, detector, segmenter):
    image = image_of('colour')
    scores = {text: literal_boxes(foundation_folder(detector), image, text)[1] for text in SENTENCES}
    threshold = float(np.median([values[1] for values in scores.values()]))  # several boxes, one or none
    model = grounded(foundation_folder, detector, segmenter, rule='all', test_cfg=dict(existence_threshold=threshold))
    sample, = run(model, [image], [SENTENCES])
    counts = []
    for i, sentence in enumerate(SENTENCES):
        boxes, values = literal_boxes(foundation_folder(detector), image, sentence)
        boxes = boxes[values > threshold]
        union = torch.zeros(image.height, image.width, dtype=torch.bool)
        for box in boxes:
            union |= literal_mask(foundation_folder(segmenter), image, box)
        assert torch.equal(sample.pred_sem_seg.data[i].bool(), union)
        assert len(sample.pred_boxes[i]) == len(boxes)
        assert sample.pred_existence[i] == pytest.approx(float(values[0]) if len(boxes) else 0, abs=1e-5)
        counts.append(len(boxes))
    assert max(counts) > 1


def test_no_box_above_the_threshold_says_that_there_is_no_such_object(foundation_folder):
    model = grounded(foundation_folder, 'grounding_dino', 'sam', rule='all', test_cfg=dict(existence_threshold=0.9999))
    sample, = run(model, [image_of('colour')], [['the left man', 'red']])
    assert not sample.pred_sem_seg.data.any() and sample.pred_sem_seg.data.shape == (2, 45, 70)
    assert sample.pred_scores.tolist() == sample.pred_existence.tolist() == [0, 0]
    assert [len(boxes) for boxes in sample.pred_boxes] == [0, 0]


def test_an_image_is_encoded_once_for_all_its_expressions(foundation_folder):
    model = grounded(foundation_folder, 'mm_grounding_dino', 'sam2')
    calls = []
    for part in (model.detector.model.model.backbone, model.segmenter.model.vision_encoder):
        first = next(module for module in part.modules() if isinstance(module, torch.nn.Conv2d))
        first.register_forward_hook(lambda module, *_: calls.append(module))
    run(model, [image_of('colour'), image_of('grey')], [SENTENCES, SENTENCES[:2]])
    assert len(calls) == 4 and len(set(calls)) == 2


def test_expressions_together_are_those_alone_and_a_second_time_costs_nothing(foundation_folder):
    model = grounded(foundation_folder, 'owlv2', 'sam')
    said = [SENTENCES[0], SENTENCES[1], SENTENCES[0]]
    images = [image_of('colour'), image_of('1x1')]
    together = run(model, images, [said, said])
    asked = []
    model.detector.model.register_forward_hook(lambda *_: asked.append(1))
    for image, sample in zip(images, together):
        for i, sentence in enumerate(said):
            alone, = run(model, [image], [[sentence]])
            assert torch.equal(alone.pred_sem_seg.data[0], sample.pred_sem_seg.data[i])
            assert torch.equal(alone.pred_scores[0], sample.pred_scores[i])
    assert len(asked) == 6
    run(model, images, [said, said])
    assert len(asked) == 10


def test_masks_take_the_size_that_the_evaluation_asks_for(foundation_folder):
    for eval_size, size in (('input', (45, 70)), ('original', (90, 140))):
        model = grounded(foundation_folder, 'owlv2', 'sam', test_cfg=dict(eval_size=eval_size, keep_logits=True))
        sample, = run(model, [image_of('colour')], [['red', 'left']], ori_shape=(90, 140), img_shape=(45, 70))
        assert sample.pred_sem_seg.data.shape == sample.seg_logits.data.shape == (2, *size)
        assert torch.equal(sample.pred_sem_seg.data > 0, sample.seg_logits.data > 0)


def test_a_sentence_is_one_phrase():
    assert as_phrase('The Left man') == 'the left man.'
    assert as_phrase('the man. in St. Louis?') == 'the man, in st, louis.'
    assert as_phrase('...') == '.'


def test_the_phrase_is_what_the_processor_makes_of_a_label(foundation_folder):
    processor = transformers.AutoProcessor.from_pretrained(foundation_folder('grounding_dino'))
    assert processor._preprocess_input_text([['The Left man']]) == [as_phrase('The Left man')]


def test_nothing_trains(foundation_folder):
    model = grounded(foundation_folder, 'owlv2', 'sam')
    with torch.enable_grad():
        assert not run.__wrapped__(model, [image_of('1x1')], [['red']])[0].pred_scores.requires_grad
    with pytest.raises(NotImplementedError, match='GroundedSegmentor is for prediction alone'):
        model([torch.zeros(3, 8, 8)], None, mode='loss')


def test_settings_that_make_no_sense(foundation_folder):
    with pytest.raises(ValueError, match="model.rule is 'first', expected one of best, all"):
        grounded(foundation_folder, 'owlv2', 'sam', rule='first')
    with pytest.raises(ValueError, match='model.reranker chooses one box'):
        grounded(foundation_folder, 'owlv2', 'sam', rule='all', reranker=dict(type='RegionReranker', config='x'))
    with pytest.raises(ValueError, match='model.candidates is 0'):
        grounded(foundation_folder, 'owlv2', 'sam', candidates=0)
