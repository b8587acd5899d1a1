"""The segmentor: every combination that should work does, grouped equals single, what cannot work says why."""


import pytest
import torch
from mmengine.structures import PixelData
from segmentor_inputs import COMBINATIONS, DECODER, FCN, HEAD, LAVT, SWIN, TEXT, UPER, build, make_batch

from mmrefseg.errors import RefDataError
from mmrefseg.structures import RefDataSample


@pytest.mark.parametrize('name', COMBINATIONS)
def test_trains_and_predicts(name):
    model = build(**COMBINATIONS[name])
    model.init_weights()
    inputs, samples = make_batch((('the red tie', 'dog'), ('a man', )))
    losses = model(inputs, samples, mode='loss')
    total = sum(value for key, value in losses.items() if 'loss' in key)
    assert total.isfinite()
    total.backward()
    without = [key for key, value in model.named_parameters() if value.requires_grad and value.grad is None]
    assert without == []
    model.eval()
    with torch.no_grad():
        predicted = model(inputs, samples, mode='predict')
        logits = model(inputs, samples, mode='tensor')
    assert logits.shape[:2] == (3, model.decode_head.out_channels
                                if name.startswith('mmseg') else model.decode_head.num_classes)
    for sample, count in zip(predicted, (2, 1)):
        assert sample.pred_sem_seg.data.shape == (count, 64, 96)
        assert sample.pred_sem_seg.data.dtype == torch.uint8
        assert sample.pred_scores.shape == (count, )


@pytest.mark.parametrize('name', ['lavt', 'late_fusion', 'mmseg_neck'])
@pytest.mark.parametrize('max_expressions', [1, 2, 16])
def test_grouped_equals_one_by_one(name, max_expressions):
    model = build(**COMBINATIONS[name], test_cfg=dict(max_expressions=max_expressions, keep_logits=True)).eval()
    said = (('the red tie', 'dog', 'a man left the dog'), ('a man', ), ('red dog', 'left'))
    inputs, samples = make_batch(said)
    with torch.no_grad():
        grouped = model(inputs, samples, mode='predict')
        for image, sample, expressions in zip(inputs, grouped, said):
            for i, expression in enumerate(expressions):
                _, (single, ) = make_batch(((expression, ), ))
                model(image[None], [single], mode='predict')
                torch.testing.assert_close(
                    sample.seg_logits.data[2 * i:2 * i + 2], single.seg_logits.data, atol=1e-4, rtol=1e-3)
                assert torch.equal(sample.pred_sem_seg.data[i], single.pred_sem_seg.data[0])


def test_the_image_is_encoded_once():
    model = build(**COMBINATIONS['late_fusion']).eval()
    calls = []
    model.backbone.register_forward_hook(lambda module, args, out: calls.append(len(args[0])))
    inputs, samples = make_batch((('the red tie', 'dog', 'a man'), ))
    with torch.no_grad():
        model(inputs, samples, mode='predict')
    assert calls == [1]


def test_many_single_expressions_in_chunks():
    model = build(**COMBINATIONS['late_fusion']).eval()
    inputs, samples = make_batch([('dog', ), ('man', ), ('red', ), ('left', ), ('tie', )])
    with torch.no_grad():
        whole = [sample.pred_sem_seg.data.clone() for sample in model(inputs, samples, mode='predict')]
        model.test_cfg.max_expressions = 2
        chunked = [sample.pred_sem_seg.data for sample in model(inputs, samples, mode='predict')]
    for a, b in zip(whole, chunked):
        assert torch.equal(a, b)


@pytest.mark.parametrize('padded', [True, False])
@pytest.mark.parametrize('threshold', [0.3, 0.5])
@pytest.mark.parametrize('classes', [1, 2])
def test_prediction_at_the_original_size(classes, threshold, padded):
    """Padding is cut off; at 0.5 logits are resized, else probabilities, at once where they can be (LTS §3.4)."""
    head = dict(HEAD, num_classes=classes)
    model = build(text_encoder=TEXT, backbone=LAVT, decoder=DECODER, decode_head=head,
                  test_cfg=dict(eval_size='original', threshold=threshold, keep_logits=True)).eval()
    inputs, (sample, ) = make_batch((('the red tie', 'dog'), ), size=(64, 96), ori_size=(50, 70))
    shape = (60, 90) if padded else (64, 96)
    sample.set_metainfo(dict(img_shape=shape))
    with torch.no_grad():
        raw = model(inputs, [sample], mode='tensor')
        model(inputs, [sample], mode='predict')

    def resize(x, size):
        return torch.nn.functional.interpolate(x, size=size, mode='bilinear', align_corners=False)

    def probability_of(logits):
        return logits.softmax(1)[:, 1] if classes == 2 else logits.sigmoid()[:, 0]

    def in_steps(maps):
        return resize(resize(maps, (64, 96))[..., :shape[0], :shape[1]], (50, 70))

    torch.testing.assert_close(sample.seg_logits.data.unflatten(0, (2, classes)), in_steps(raw))
    if threshold == 0.5:
        probability = probability_of(in_steps(raw))
    else:
        probability = probability_of(raw)[:, None]
        probability = (in_steps(probability) if padded else resize(probability, (50, 70)))[:, 0]
    mask = probability > threshold
    assert torch.equal(sample.pred_sem_seg.data, mask.to(torch.uint8))
    expected = torch.stack([p[m].mean() if m.any() else p.new_zeros(()) for p, m in zip(probability, mask)])
    torch.testing.assert_close(sample.pred_scores, expected)


def test_the_host_does_not_wait_for_images_on_their_way_to_a_gpu():
    class Sent(RefDataSample):
        def to(self, *args, **kwargs):
            self.set_field(kwargs, 'how', field_type='metainfo')
            return self

    sample = build(**COMBINATIONS['lavt']).data_preprocessor.cast_data(dict(data_samples=[Sent()]))['data_samples'][0]
    assert sample.how == dict(non_blocking=True)


def test_an_empty_mask_scores_zero():
    model = build(**COMBINATIONS['one_channel']).eval()
    model.decode_head.classifier.bias.data.fill_(-100)
    inputs, samples = make_batch((('dog', ), ))
    with torch.no_grad():
        model(inputs, samples, mode='predict')
    assert samples[0].pred_sem_seg.data.sum() == 0 and samples[0].pred_scores.tolist() == [0.]


@pytest.mark.parametrize('parts,message', [
    (dict(text_encoder=TEXT, backbone=SWIN, decoder=DECODER, decode_head=HEAD),
     'model.backbone SwinTransformer takes no text, so model.fusion is needed'),
    (dict(text_encoder=TEXT, backbone=LAVT, decode_head=HEAD), 'model.decoder is needed'),
    (dict(text_encoder=TEXT, backbone=LAVT, decoder=DECODER, decode_head=dict(HEAD, in_channels=8)),
     'MaskHead has in_channels 8, but model.decoder LAVTDecoder gives Y of 16 channels'),
    (dict(text_encoder=TEXT, backbone=LAVT, decode_head=dict(UPER, num_classes=19)), 'UPerHead has 19 classes'),
    (dict(text_encoder=TEXT, backbone=LAVT, decode_head=UPER, auxiliary_head=HEAD),
     'model.auxiliary_head MaskHead turns one map Y into masks'),
    (dict(text_encoder=TEXT, backbone=LAVT, decoder=DECODER, decode_head=HEAD,
          auxiliary_head=dict(FCN, num_classes=19)), 'FCNHead has 19 classes'),
    (dict(text_encoder=TEXT, backbone=LAVT, decoder=DECODER, decode_head=dict(HEAD, num_classes=3)),
     'num_classes is 3, expected 2'),
    (dict(text_encoder=TEXT, backbone=LAVT, decoder=DECODER, decode_head=DECODER), 'LAVTDecoder is neither a head'),
])
def test_parts_that_cannot_work(parts, message):
    with pytest.raises(ValueError, match=message):
        build(**parts)


@pytest.mark.parametrize('test_cfg,message', [
    (dict(eval_size='big'), 'test_cfg.eval_size'), (dict(threshold=1.), 'test_cfg.threshold'),
    (dict(max_expressions=0), 'test_cfg.max_expressions'), (dict(mode='slide'), 'test_cfg.mode'),
    (dict(treshold=0.4), "unknown keys \\['treshold'\\]; known are"),
])
def test_test_cfg_errors(test_cfg, message):
    with pytest.raises(ValueError, match=message):
        build(**COMBINATIONS['lavt'], test_cfg=test_cfg)


def test_data_errors():
    model = build(**COMBINATIONS['lavt'])
    inputs, samples = make_batch()
    samples[0].gt_sem_seg = PixelData(data=torch.zeros(2, 64, 96, dtype=torch.uint8))
    with pytest.raises(RefDataError, match='x.jpg has 1 expressions but 2 masks'):
        model(inputs, samples, mode='loss')
    del samples[1].gt_sem_seg
    samples[0].gt_sem_seg = PixelData(data=torch.zeros(1, 64, 96, dtype=torch.uint8))
    with pytest.raises(RefDataError, match='x.jpg has no gt_sem_seg: the train pipeline needs LoadRefAnnotations'):
        model(inputs, samples, mode='loss')
    with pytest.raises(ValueError, match='needs data_samples'):
        model(inputs, None, mode='predict')
