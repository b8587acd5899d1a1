"""On a card as on the CPU: the same masks, losses and gradients, no tensor of the other device, nothing waited for.

The card is a stand-in (helpers/stand_in_card.py): what is about devices is tested, no kernel of CUDA and no autocast.
"""

import copy
import importlib
import runpy

import cv2
import foundation_inputs
import numpy as np
import pytest
import torch
from conftest import ROOT, TINY_CONFIG
from mmengine.runner import ValLoop
from segmentor_inputs import make_batch
from stand_in_card import stand_in_card
from tiny_methods import METHODS, SIZE, build

from mmrefseg.apis import RefSegInferencer
from mmrefseg.command_line import train
from mmrefseg.models import RefSegmentor
from mmrefseg.utils import zoo_entries
from mmrefseg.utils.paired import build as build_config

pytestmark = pytest.mark.skipif(
    not hasattr(torch.utils.backend_registration, '_setup_privateuseone_for_python_backend'),
    reason=f'torch {torch.__version__} has no devices written in Python')
NANO = ('caris/caris_nano_refshapes', 'cmpc/cmpc_nano_refshapes', 'cris/cris_nano_refshapes',
        'detris/detris_nano_refshapes', 'lavt/lavt_nano_refshapes', 'rela/rela_nano_grefshapes',
        'sadlr/lavt_nano_grefshapes')
SAID = (('red circle left', 'the cross'), ('a star', ))
# transformers' BERT asks once whether its mask hides anything.
WITH_BERT = ('lavt', 'caris/caris_nano_refshapes')


@pytest.fixture
def card():
    with stand_in_card() as there:
        yield there


def made(name):
    """A tiny model of a method, or the nano model of a config."""
    if name in METHODS:
        return build(METHODS[name])
    torch.manual_seed(0)
    return build_config(str(ROOT / f'configs/{name}.py'))


@torch.no_grad()
def answer(model, images, samples):
    return [sample.pred_sem_seg.data for sample in model.eval()(images, copy.deepcopy(samples), mode='predict')]


def learn(model, images, samples):
    torch.manual_seed(2)
    losses = model.train()(images, samples, mode='loss')
    model.parse_losses(losses)[0].backward()
    return losses


@pytest.mark.parametrize('name', [*METHODS, *NANO])
def test_answers_and_learns_as_on_the_cpu(name):
    model = made(name)
    side = 96 if name in NANO else SIZE
    images, samples = make_batch(SAID, size=(side, side), ori_size=(50, 70))
    expected = copy.deepcopy(model)
    masks, losses = answer(expected, images, samples), learn(expected, images, samples)
    with stand_in_card() as card:
        model.to(card.device)
        images, samples = images.to(card.device), [sample.to(card.device) for sample in samples]
        answer(model, images, samples)  # after which windows' layouts and the like are there
        card.waits.clear()
        found = answer(model, images, samples)
        waited = +card.waits
        found_losses = learn(model, images, samples)
        gradients = {key: parameter.grad for key, parameter in model.named_parameters()}
        assert all(x.is_card for x in (*found, *filter(lambda x: x is not None, gradients.values())))
        assert waited == ({'aten._local_scalar_dense.default': 1} if name in WITH_BERT else {})
        for own, mask in zip(found, masks):
            torch.testing.assert_close(own.cpu(), mask)
        for key, loss in losses.items():
            torch.testing.assert_close(found_losses[key].cpu(), loss, atol=1e-4, rtol=1e-4)
        for key, parameter in expected.named_parameters():
            assert (gradients[key] is None) == (parameter.grad is None), key
            if parameter.grad is not None:
                torch.testing.assert_close(gradients[key].cpu(), parameter.grad, atol=1e-3, rtol=1e-3)


FOUNDATION = dict(clipseg='CLIPSegSegmentor', sam3='SAM3Segmentor')


@pytest.mark.parametrize('kind', ['grounding_dino sam', 'owlv2 sam2', *FOUNDATION])
def test_foundation_models_answer_as_on_the_cpu(kind, foundation_folder):
    if kind in FOUNDATION:
        model = foundation_inputs.build(type=FOUNDATION[kind], pretrained=foundation_folder(kind))
    else:
        model = copy.deepcopy(foundation_inputs.grounded(foundation_folder, *kind.split()))
    asked = model, [foundation_inputs.image_of('colour')], [['the red man', 'left circle']]
    expected, = foundation_inputs.run(*asked)
    with stand_in_card() as card:
        model.to(card.device)
        found, = foundation_inputs.run(*asked)
        assert found.pred_sem_seg.data.is_card
        assert torch.equal(found.pred_sem_seg.data.cpu(), expected.pred_sem_seg.data)


def test_a_training_on_it(card, tiny_options, tmp_path, monkeypatch):
    weights, waits = {}, dict(train_step=[], run_iter=[])

    def counted(kind, method):
        call = getattr(kind, method)

        def counting(*args, **kwargs):
            card.waits.clear()
            found = call(*args, **kwargs)
            waits[method].append(+card.waits)
            return found

        monkeypatch.setattr(kind, method, counting)

    counted(RefSegmentor, 'train_step')
    counted(ValLoop, 'run_iter')
    for device in (card.device, 'cpu'):
        monkeypatch.setattr('mmengine.device.utils.DEVICE', device)
        train.main([str(TINY_CONFIG), *tiny_options, 'max_epochs=1', '--work-dir', str(tmp_path / device)])
        weights[device] = torch.load(tmp_path / device / 'epoch_1.pth', weights_only=True)['state_dict']
    # mmengine notes the gradient's norm; nothing else is asked, and nothing copied that has to be waited for.
    assert waits['train_step'][1:] == [{'aten._local_scalar_dense.default': 1}] * 2 + [{}] * 3
    assert waits['run_iter'][1:] == [{}] * 5
    for key, expected in weights['cpu'].items():
        torch.testing.assert_close(weights[card.device][key], expected, atol=1e-4, rtol=1e-3, msg=key)


def test_an_answer_from_it(card):
    image = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    found, expected = (RefSegInferencer('lavt_nano_refshapes', device=device, show_progress=False)(
        image, ['red circle', 'the star'])[0] for device in (card.device, 'cpu'))
    assert found['rles'] == expected['rles'] and found['scores'] == pytest.approx(expected['scores'], abs=1e-4)


SHEETS = dict(iteration_grid='sadlr_lavt_nano_refshapes', heatmap_grid='lts_nano_refshapes',
              attention_grid='lavt_nano_refshapes')


@pytest.mark.parametrize('name', SHEETS)
def test_sheets_are_drawn_from_it(name, card, refshapes_root, tmp_path, monkeypatch):
    model = zoo_entries()[SHEETS[name]]
    script = runpy.run_path(str(ROOT / f'tools/analysis_tools/{name}.py'))
    for device in (card.device, 'cpu'):
        monkeypatch.setattr('mmengine.device.utils.DEVICE', device)
        monkeypatch.setattr('sys.argv', list(map(str, [
            name, ROOT / model['Config'], ROOT / model['Weights'], '--number', 2, '--out', tmp_path / f'{device}.png',
            '--cfg-options', f'test_dataloader.dataset.data_root={refshapes_root}'])))
        script['main']()
    drawn, expected = (cv2.imread(str(tmp_path / f'{device}.png')).astype(int) for device in (card.device, 'cpu'))
    assert abs(drawn - expected).max() <= 2


NANO_IMAGES = ['--shape', 96, 96, '--repeats', 1]
LAVT = str(ROOT / 'configs/lavt/lavt_nano_refshapes.py')
SCRIPTS = dict(
    latency=[LAVT, *NANO_IMAGES],
    train_step=['--configs', LAVT, '--no-plain', '--no-memory', '--precisions', 'fp32', *NANO_IMAGES],
    scaling=['expressions', '--configs', LAVT, '--counts', 1, 2],
    stride_ceiling=['DATA', '--masks', 4, '--sizes', 32, '--strides', 4],
    reranker=['lavt_nano_refshapes', '--data-root', 'DATA'])


@pytest.mark.parametrize('name', SCRIPTS)
def test_benchmarks_run_on_it(name, card, refshapes_root, monkeypatch, capsys):
    monkeypatch.setenv('MMREFSEG_KEEP_MEMORY', '0')
    arguments = [refshapes_root if each == 'DATA' else each for each in SCRIPTS[name]]
    monkeypatch.setattr('sys.argv', list(map(str, [name, *arguments, '--device', card.device])))
    importlib.import_module(name).main()
    assert '|' in capsys.readouterr().out  # its table


def test_what_a_card_refuses(card):
    own, other = torch.ones(3, device=card.device), torch.ones(3)
    with pytest.raises(RuntimeError, match='same device, found card and cpu, the latter of shape .3,.'):
        own + other
    assert (own + torch.tensor(2.)).sum().item() == 9  # a number may be of the CPU
    with pytest.raises((TypeError, RuntimeError)):
        own.numpy()
    assert own[torch.tensor([0, 2])].cpu().tolist() == [1, 1]
    card.waits.clear()
    own[own > 0], own.to('cpu'), other.to(card.device), other.to(card.device, non_blocking=True), own.sum().item()
    assert card.waits == {'aten.index.Tensor': 1, 'to the CPU': 1, 'to the card, blocking': 1,
                          'aten._local_scalar_dense.default': 1}
