"""MaskRIS equals two passes written out, hides exactly what it says, and leaves the model as it is."""

import copy

import pytest
import torch
import torch.nn.functional as F
from conftest import ROOT
from mmengine.config import Config, ConfigDict
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from torch import nn
from torch.distributed import destroy_process_group, init_process_group

from mmrefseg.engine import BFloat16OptimWrapper
from mmrefseg.models import MaskRIS, TwoPassDataParallel, compile_parts
from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample
from mmrefseg.utils import without_pretrained

SIZE = 96
METHODS = ['lavt/lavt_nano', 'sadlr/lavt_nano', 'm3att/m3att_nano', 'cgan/lts_nano', 'cmpc/cmpc_nano', 'vlt/vlt_nano',
           's2rm/s2rm-casg_nano']


def config(name, dataset='refshapes', **changes):
    """The model's config; without dropout and with patches that 96 pixels hold whole."""
    cfg = Config.fromfile(ROOT / f'configs/{name}_{dataset}.py')
    init_default_scope(cfg.default_scope)
    cfg.merge_from_dict({f'model.{key}': value for key, value in changes.items()})
    if 'FCNHead' in str(cfg.model.get('auxiliary_head')):  # mmseg's heads take no soft target
        cfg.model.auxiliary_head = None
    return without_pretrained(ConfigDict(cfg.model))


def build(name, masking=None, kind='MaskRIS', dataset='refshapes', **changes):
    torch.manual_seed(0)
    options = dict(masking={'patch_size': 16, **(masking or {})}) if kind == 'MaskRIS' else {}
    model = MODELS.build(dict(config(name, dataset, **changes), type=kind, **options)).train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.
    return model


def batch(said=(('the red square', 'left one'), ('big circle', )), padding=False):
    """As a loader gives it."""
    generator = torch.Generator().manual_seed(1)
    samples = []
    for expressions in said:
        sample = RefDataSample(metainfo=dict(expressions=list(expressions), img_shape=(SIZE, SIZE)))
        mask = (torch.rand(len(expressions), SIZE, SIZE, generator=generator) > 0.7).to(torch.uint8)
        if padding:
            mask[:, -20:] = 255
        sample.gt_sem_seg = PixelData(data=mask)
        samples.append(sample)
    images = torch.randint(0, 255, (len(said), 3, SIZE, SIZE), dtype=torch.uint8, generator=generator)
    return dict(inputs=list(images), data_samples=samples)


def wrapper(model, kind=OptimWrapper, lr=0., **kwargs):
    return kind(optimizer=torch.optim.SGD(model.parameters(), lr=lr), **kwargs)


class KeptGradients(OptimWrapper):
    """Does all but forget the gradients."""

    def zero_grad(self, **kwargs):
        pass


def gradients(model):
    return {name: value.grad for name, value in model.named_parameters() if value.grad is not None}


def soft_cross_entropy(logits, soft, counted):
    probability = logits.softmax(dim=1)
    pixels = -((1 - soft) * probability[:, 0].log() + soft * probability[:, 1].log())
    return pixels[counted].mean()


def soft_dice(logits, soft, counted):
    terms = []
    for row, truth, valid in zip(logits.softmax(dim=1), soft, counted):
        for p, g in ((row[0][valid], 1 - truth[valid]), (row[1][valid], truth[valid])):
            terms.append(1 - (2 * (p * g).sum() + 1e-3) / ((p * p).sum() + (g * g).sum() + 1e-3))
    return sum(terms) / len(terms)


def literal_losses(model, images, ids, mask, index, target, counted):
    """A pass written out: what the head's logits, upsampled, lose against a soft or hard target, and the logits."""
    text = model.text_encoder.encode(ids, mask)
    maps = model.fuse(model.encode_image(images), text, index)
    decoded = model.decode(maps)
    head = model.decode_head
    if hasattr(head, 'iterate'):
        scores, weights = head.iterate(decoded, maps), head.loss_weights
    else:
        scores, weights = [head(decoded, maps)], [1.]
    total, size = 0, dict(size=(SIZE, SIZE), mode='bilinear', align_corners=head.align_corners)
    for each, weight in zip(scores, weights):
        each = F.interpolate(each, **size)
        if each.shape[1] == 1:
            each = torch.cat([torch.zeros_like(each), each], dim=1)
        total = total + weight * (soft_cross_entropy(each, target, counted) + soft_dice(each, target, counted))
    for extra in model.auxiliary_head:  # M3Att's rebuilt words: they read no target
        total = total + sum(extra.loss(None, maps, None).values())
    return total, each.softmax(dim=1)[:, 1]


@pytest.mark.parametrize('name', ['lavt/lavt_nano', 'sadlr/lavt_nano', 'm3att/m3att_nano'])
def test_equals_two_passes_written_out(name):
    model, data = build(name, dict(first_weight=0.25)), batch(padding=True)
    literal = copy.deepcopy(model)
    seen = {}
    encode, look = model.text_encoder.encode, model.mask_images

    def watched_encode(ids, mask):
        seen.setdefault('text', []).append((ids, mask))
        return encode(ids, mask)

    model.text_encoder.encode = watched_encode
    model.mask_images = lambda images: seen.setdefault('images', look(images))
    log = model.train_step(copy.deepcopy(data), KeptGradients(optimizer=torch.optim.SGD(model.parameters(), lr=0.)))

    given = literal.data_preprocessor(data, True)
    target = torch.cat([sample.gt_sem_seg.data for sample in given['data_samples']])
    counted, index = target != 255, torch.tensor([0, 0, 1])
    (ids, mask), (hidden, _) = seen['text']
    first, prediction = literal_losses(literal, given['inputs'], ids, mask, index, (target == 1).float(), counted)
    (0.25 * first).backward()
    masked, _ = literal_losses(literal, seen['images'], hidden, mask, index, prediction.detach(), counted)
    (0.75 * masked).backward()
    torch.testing.assert_close(log['loss'], (0.25 * first + 0.75 * masked).detach())
    expected, found = gradients(literal), gradients(model)
    assert expected.keys() == found.keys()
    for parameter, gradient in expected.items():
        torch.testing.assert_close(found[parameter], gradient, atol=2e-6, rtol=2e-3, msg=parameter)


@pytest.mark.parametrize('name', METHODS)
def test_every_method_trains(name):
    model = build(name)
    log = model.train_step(batch(), KeptGradients(optimizer=torch.optim.SGD(model.parameters(), lr=0.)))
    plain = {key for key in log if not key.startswith('masked.')} - {'loss'}
    assert {key.removeprefix('masked.') for key in log if key.startswith('masked.')} == plain
    assert all(torch.as_tensor(value).isfinite().all() for value in log.values())
    idle = {name for name, value in model.named_parameters() if value.requires_grad and value.grad is None}
    assert idle == set()


def test_existence_learns_the_first_passs_probability():
    model = build('lavt/lavt_nano', dataset='grefshapes')
    given = model.data_preprocessor(batch(), True)
    losses, lesson = model(**given, mode='teach')
    features = model.extract_feat(given['inputs'], given['data_samples'])
    logits = model.existence_head(model.decode(features), features)
    torch.testing.assert_close(lesson.existence, logits.detach().sigmoid())
    assert not lesson.existence.requires_grad and not lesson.target.requires_grad
    model.masking = type(model.masking)(image_ratio=0, word_ratio=0)
    learned = model(**given, mode='learn', lesson=lesson)
    expected = F.binary_cross_entropy_with_logits(logits, lesson.existence)
    torch.testing.assert_close(learned['existence.loss_existence'], model.existence_head.loss_weight * expected)


def test_half_alone_and_no_masks():
    data = batch()
    for masking, images_differ, words_differ in ((dict(word_ratio=0), True, False), (dict(image_ratio=0), False, True)):
        model = build('lavt/lavt_nano', masking)
        given = model.data_preprocessor(copy.deepcopy(data), True)
        assert torch.equal(model.mask_images(given['inputs']), given['inputs']) != images_differ
        ratios, mask_words = [], model.text_encoder.mask_words
        model.text_encoder.mask_words = lambda ids, mask, ratio, to=ratios, do=mask_words: (
            to.append(ratio), do(ids, mask, ratio))[1]
        model(**given, mode='learn', lesson=model(**given, mode='teach')[1])
        assert ratios == [0.15] * words_differ
    model = build('lavt/lavt_nano', dict(first_weight=1))
    plain = build('lavt/lavt_nano', kind='RefSegmentor')
    logs = [each.train_step(copy.deepcopy(data), wrapper(each)) for each in (model, plain)]
    assert logs[0].keys() == logs[1].keys() and torch.equal(logs[0]['loss'], logs[1]['loss'])
    truth = build('lavt/lavt_nano', dict(distill=False))
    assert not truth(**truth.data_preprocessor(data, True), mode='teach')[1].target.is_floating_point()


def test_it_is_the_segmentor_for_everything_else():
    masked, plain = build('sadlr/lavt_nano'), build('sadlr/lavt_nano', kind='RefSegmentor')
    assert masked.state_dict().keys() == plain.state_dict().keys()
    for value in masked.parameters():
        nn.init.normal_(value, std=0.05)
    plain.load_state_dict(masked.state_dict())
    one, other = (model.eval().test_step(batch()) for model in (masked, plain))
    for found, expected in zip(one, other):
        assert torch.equal(found.pred_sem_seg.data, expected.pred_sem_seg.data)
        assert torch.equal(found.pred_scores, expected.pred_scores)


def test_accumulation_counts_a_step_once_and_amp_and_checkpointing_go_with_it():
    model = build('lavt/lavt_nano')
    steps = []
    optim = wrapper(model, accumulative_counts=2, clip_grad=dict(max_norm=1.))
    optim.optimizer.step = lambda **kwargs: steps.append(optim._inner_count)
    optim.initialize_count_status(model, 0, 5)
    for _ in range(5):
        model.train_step(batch(), optim)
    assert steps == [2, 4, 5]
    for kind, changes in ((BFloat16OptimWrapper, {}), (OptimWrapper, dict(with_cp=True))):
        model = build('lavt/lavt_nano', **changes)
        assert torch.as_tensor(model.train_step(batch(), wrapper(model, kind))['loss']).isfinite()


def test_with_cp_gives_the_same_gradients():
    found = []
    for with_cp in (False, True):
        model = build('sadlr/lavt_nano', with_cp=with_cp)
        torch.manual_seed(5)
        model.train_step(batch(), KeptGradients(optimizer=torch.optim.SGD(model.parameters(), lr=0.)))
        found.append(gradients(model))
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, atol=1e-6, rtol=1e-4, msg=name)


@pytest.mark.slow
def test_compiled_parts_are_called():
    model = build('lavt/lavt_nano')
    compile_parts(model, backend='eager')
    assert torch.as_tensor(model.train_step(batch(), wrapper(model))['loss']).isfinite()


def fixed_masks(model):
    """The same patches and words on every process: what is hidden depends on the place alone."""
    checks = (torch.arange(SIZE) // 16 % 2).bool()
    model.mask_images = lambda images: images * (checks[:, None] ^ checks)
    model.text_encoder.mask_words = lambda ids, mask, ratio: ids.index_fill(1, torch.tensor([1]), 0)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()  # over the rows of a process alone
    return model


def distributed_step(rank, world, init_file, said, out):
    """A step of one process on its share of the batch; the first writes its gradients."""
    torch.set_num_threads(1)
    init_process_group('gloo', init_method=f'file://{init_file}', rank=rank, world_size=world)
    try:
        model = fixed_masks(revert_sync_batchnorm(build('sadlr/lavt_nano')))
        data = batch(said)
        share = slice(rank * len(said) // world, (rank + 1) * len(said) // world)
        parallel = TwoPassDataParallel(model)
        log = parallel.train_step({key: value[share] for key, value in data.items()},
                                  KeptGradients(optimizer=torch.optim.SGD(model.parameters(), lr=0.)))
        if world > 1:
            with pytest.raises(RuntimeError, match="model_wrapper_cfg = dict.type='TwoPassDataParallel'"):
                model(**model.data_preprocessor(batch(said), True), mode='loss')
        if rank == 0:
            torch.save((gradients(model), log['loss']), out)
    finally:
        destroy_process_group()


SAID = (('the red square', 'left one'), ('big circle', 'the star'))


def single_step():
    model = fixed_masks(revert_sync_batchnorm(build('sadlr/lavt_nano')))
    log = model.train_step(batch(SAID), KeptGradients(optimizer=torch.optim.SGD(model.parameters(), lr=0.)))
    return gradients(model), log['loss']


@pytest.mark.parametrize('world', [1, pytest.param(2, marks=pytest.mark.slow)])
def test_several_processes_equal_one(world, tmp_path):
    out = tmp_path / 'gradients.pth'
    if world == 1:
        distributed_step(0, 1, tmp_path / 'init', SAID, out)
    else:
        torch.multiprocessing.spawn(distributed_step, (world, tmp_path / 'init', SAID, out), nprocs=world)
    expected, loss = single_step()
    found, found_loss = torch.load(out)
    assert expected.keys() == found.keys()
    for name, gradient in expected.items():
        assert (found[name] - gradient).abs().max() <= 1e-3 * gradient.abs().max() + 1e-6, name
    if world == 1:
        torch.testing.assert_close(found_loss, loss)


FCN = dict(type='FCNHead', in_channels=32, channels=8, num_classes=2, norm_cfg=dict(type='BN'))


@pytest.mark.parametrize('changes,message', [
    (dict(masking=dict(image_ratio=1.5)), 'model.masking.image_ratio is 1.5, expected a number from 0 to 1'),
    (dict(masking=dict(patches=32)), "model.masking has the key 'patches', expected some of image_ratio, patch_size"),
    (dict(masking=dict(patch_size=0)), 'model.masking.patch_size is 0, expected 1 pixel or more'),
    (dict(masking=dict(grid=True, image_ratio=0.5)), 'image_ratio is 0.5, but a grid keeps one patch of four'),
    (dict(decode_head=FCN), 'model.decode_head FCNHead has losses that take no soft target'),
    (dict(auxiliary_head=dict(FCN, in_channels=256, in_index=3)), 'model.auxiliary_head FCNHead is a head of mmseg'),
])
def test_errors(changes, message):
    parts = dict(config('lavt/lavt_nano'), type='MaskRIS', **changes) if 'decode_head' not in changes else {
        **config('lavt/lavt_nano'), 'type': 'MaskRIS', **changes}
    with pytest.raises(ValueError, match=message):
        MODELS.build(parts)


def test_images_that_patches_do_not_fill():
    model = build('lavt/lavt_nano', dict(patch_size=36))
    with pytest.raises(ValueError, match='patch_size is 36, but the images are 96 x 96 .* multiples of 36'):
        model.train_step(batch(), wrapper(model))
    assert isinstance(model, MaskRIS)
