"""Pictures and expressions in, masks out."""

import http.server
import runpy
import sys
import threading
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from conftest import ROOT, TINY_CONFIG
from mmengine.config import Config
from mmengine.runner import save_checkpoint
from PIL import Image
from pycocotools import mask as coco_mask

from mmrefseg.apis import RefSegInferencer
from mmrefseg.apis.ref_seg_inferencer import list_expressions
from mmrefseg.errors import RefDataError
from mmrefseg.models import ExistenceHead


@pytest.fixture(scope='module')
def inferencer():
    torch.manual_seed(0)
    inferencer = RefSegInferencer(str(TINY_CONFIG), device='cpu', show_progress=False)
    inferencer.model.decode_head.classifier.bias.data[:] = torch.tensor([0., 0.1])  # some of both classes
    return inferencer


@pytest.fixture
def folder(tmp_path):
    generator = np.random.default_rng(0)
    for name, size in (('b.jpg', (40, 60, 3)), ('a.png', (50, 30, 3)), ('gray.png', (32, 32))):
        cv2.imwrite(str(tmp_path / name), generator.integers(0, 255, size, dtype=np.uint8))
    (tmp_path / 'notes.txt').write_text('no picture')
    return tmp_path


def test_one_image_several_expressions(inferencer, folder, tmp_path):
    result, = inferencer(folder / 'b.jpg', ['the red circle', 'star'], out_dir=tmp_path / 'out')
    assert result['image'] == str(folder / 'b.jpg') and result['expressions'] == ['the red circle', 'star']
    assert result['masks'].shape == (2, 40, 60) and result['masks'].dtype == bool
    assert len(result['scores']) == 2 and all(0 <= score <= 1 for score in result['scores'])
    for mask, rle in zip(result['masks'], result['rles']):
        assert isinstance(rle['counts'], str)
        assert np.array_equal(coco_mask.decode(rle).astype(bool), mask)
    assert cv2.imread(result['overlay']) is not None
    assert inferencer(folder / 'b.jpg', 'star')[0]['overlay'] is None


def test_folder_batches_and_lists_agree(inferencer, folder):
    together = inferencer(folder, ['star', 'red circle'], batch_size=2)
    assert [result['image'].split('/')[-1] for result in together] == ['a.png', 'b.jpg', 'gray.png']
    for result in together:
        alone, = inferencer(result['image'], ['star', 'red circle'])
        assert np.array_equal(alone['masks'], result['masks'])
    own = inferencer([folder / 'a.png', folder / 'b.jpg'], [['star'], ['red circle', 'ring']])
    assert [len(result['masks']) for result in own] == [1, 2]
    assert np.array_equal(own[0]['masks'][0], together[0]['masks'][0])


def test_array_and_url(inferencer, folder, tmp_path):
    from_path, = inferencer(folder / 'a.png', 'star')
    from_array, = inferencer(cv2.imread(str(folder / 'a.png')), 'star', out_dir=tmp_path / 'out')
    assert from_array['image'] == 'image_0' and cv2.imread(from_array['overlay']) is not None
    assert np.array_equal(from_array['masks'], from_path['masks'])
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        from_url, = inferencer(f'http://127.0.0.1:{server.server_port}/a.png', 'star')
        server.shutdown()
    assert np.array_equal(from_url['masks'], from_path['masks'])


def test_no_such_object(inferencer, folder, tmp_path, monkeypatch, capsys):
    """A model with an existence head says it, and so do the demo's lines; one without says nothing of it."""
    assert inferencer(folder / 'b.jpg', 'star')[0]['existence'] is None
    model = inferencer.model
    head = ExistenceHead(model.decode_head.in_channels, model.text_encoder.out_channels).eval()
    head.forward = lambda decoded, features: torch.tensor([-3., 3.])
    monkeypatch.setattr(model, 'existence_head', head)
    demo = runpy.run_path(str(ROOT / 'demo/image_demo.py'))
    monkeypatch.setitem(demo['main'].__globals__, 'RefSegInferencer', lambda *args, **kwargs: inferencer)
    command = ['image_demo.py', folder / 'b.jpg', 'star', 'ring', '--config', 'sadlr_lavt_nano_refshapes', '--out-dir',
               tmp_path / 'out']
    monkeypatch.setattr(sys, 'argv', list(map(str, command)))
    demo['main']()
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "  'star': no such object (existence 0.05)" and lines[2].startswith("  'ring': score 0.")
    result, = inferencer(folder / 'b.jpg', ['star', 'ring'])
    assert result['existence'] == pytest.approx([0.0474, 0.9526], abs=1e-4)
    assert result['masks'].any((1, 2)).tolist() == [False, True] and result['scores'][0] == 0


def test_amp_nearly_agrees(inferencer, folder):
    half = RefSegInferencer(str(TINY_CONFIG), device='cpu', amp=True, show_progress=False)
    half.model.load_state_dict(inferencer.model.state_dict())
    logits = []
    for one in (half, inferencer):
        one.model.test_cfg.keep_logits = True
        sample, = one.predict([folder / 'b.jpg'], [['star']])
        logits.append(sample.seg_logits.data)
    inferencer.model.test_cfg.keep_logits = False
    assert half.model.decode_head.classifier.weight.dtype == torch.bfloat16
    difference = (logits[0] - logits[1]).abs().mean()
    assert 0 < difference < 0.1 * logits[1].std()


def test_config_from_the_checkpoint(inferencer, folder, tmp_path):
    cfg = Config.fromfile(str(TINY_CONFIG))
    save_checkpoint(
        dict(state_dict=inferencer.model.state_dict(), meta=dict(cfg=cfg.pretty_text)), str(tmp_path / 'whole.pth'))
    again = RefSegInferencer(weights=tmp_path / 'whole.pth', device='cpu', show_progress=False)
    expected, = inferencer(folder / 'b.jpg', 'star')
    assert np.array_equal(again(folder / 'b.jpg', 'star')[0]['masks'], expected['masks'])


@pytest.mark.parametrize('expressions,error,message', [
    ('  ', ValueError, 'picture 0: one is empty'),
    ([], ValueError, 'expected a list of at least one'),
    ([['star'], []], ValueError, 'picture 1: expected a list of at least one'),
    ([['star'], 'ring'], ValueError, "picture 1: expected a list of at least one, found 'ring'"),
    ([['star']], ValueError, '1 lists of expressions for 2 pictures'),
    ([['star'], [3]], TypeError, 'picture 1: expected strings, found 3'),
])
def test_bad_expressions(expressions, error, message):
    with pytest.raises(error, match=message):
        list_expressions(expressions, num_images=2)


@pytest.mark.parametrize('mode', ['RGB', 'L', 'P', 'RGBA', 'CMYK', 'I;16', '1', 'LA'])
def test_images_of_pillow(inferencer, mode, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    image = Image.fromarray(pixels).convert('L' if mode == 'I;16' else mode)
    if mode == 'I;16':
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    array = np.ascontiguousarray(np.asarray(image.convert('L' if mode == 'I;16' else 'RGB')))
    array = np.repeat(array[..., None] // 1, 3, 2) if array.ndim == 2 else array[..., ::-1].copy()
    if mode == 'I;16':
        array = np.repeat((np.asarray(image) // 257).astype(np.uint8)[..., None], 3, 2)
    for given in (image, [image]):
        found, = inferencer(given, ['star'], out_dir=tmp_path)
        np.testing.assert_array_equal(found['masks'], inferencer(array, ['star'])[0]['masks'])


def test_budget_of_masks(inferencer, monkeypatch):
    monkeypatch.setenv('MMREFSEG_MAX_MASK_PIXELS', '40')
    with pytest.raises(RefDataError, match='an image with 3 expressions asks for 60 pixels of masks'):
        inferencer(np.zeros((4, 5, 3), np.uint8), ['a', 'b', 'c'])
    monkeypatch.setenv('MMREFSEG_MAX_PIXELS', '19')
    with pytest.raises(RefDataError, match='20 pixels, at most 19'):
        inferencer(Image.new('RGB', (4, 5)), ['a'])


def test_half_an_emoji(inferencer):
    with pytest.raises(ValueError, match='holds half a character'):
        inferencer(np.zeros((4, 5, 3), np.uint8), ['a smile \ud83d'])


def test_bad_images(inferencer, tmp_path):
    with pytest.raises(ValueError, match='no picture .* in the folder'):
        inferencer(tmp_path, 'star')
    with pytest.raises(ValueError, match='images is empty'):
        inferencer([], 'star')
    with pytest.raises(ValueError, match=r'expected a \(H, W, 3\) uint8 array .*, found \(4, 4\) float64'):
        inferencer(np.zeros((4, 4)), 'star')
    with pytest.raises(ValueError, match=r'uint8 array of at least one pixel, found \(0, 5, 3\) uint8'):
        inferencer(np.zeros((0, 5, 3), np.uint8), 'star')
    with pytest.raises(ValueError,
                       match=r'expected a path, a \(H, W, 3\) uint8 array or an image of Pillow, found NoneType'):
        inferencer([None], 'star')
    with pytest.raises(ValueError, match='batch_size is 0, expected 1 or more'):
        inferencer(np.zeros((4, 5, 3), np.uint8), 'star', batch_size=0)
    with pytest.raises(ValueError, match='epoch_3.pth is a checkpoint: expected a config as the model'):
        RefSegInferencer('epoch_3.pth')
    with pytest.raises(RefDataError, match='missing.png'):
        inferencer(tmp_path / 'missing.png', 'star')
    (tmp_path / 'broken.png').write_bytes(b'not a picture')
    with pytest.raises(RefDataError, match='broken.png'):
        inferencer(tmp_path / 'broken.png', 'star')


def test_a_turned_photograph_is_drawn_as_it_was_seen(inferencer, tmp_path):
    """EXIF orientation 6 asks to turn the picture: the model and the drawing do, both."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(tmp_path / 'turned.jpg', exif=exif)
    drawn = {}
    inferencer.visualizer.add_datasample = lambda name, image, *args, **kwargs: drawn.update(shape=image.shape[:2])
    result, = inferencer(tmp_path / 'turned.jpg', 'star', out_dir=tmp_path / 'out')
    del inferencer.visualizer.add_datasample
    assert drawn['shape'] == result['masks'].shape[1:] == (60, 40)


@pytest.mark.parametrize('options,message', [
    (['--batch-size', '0'], '--batch-size is 0, expected 1 or more'),
    (['--help'], 'the one of the checkpoint, read as values')])
def test_demo_says(monkeypatch, capsys, options, message):
    monkeypatch.setattr(sys, 'argv', ['image_demo.py', 'a.png', 'star', *options])
    with pytest.raises(SystemExit):
        runpy.run_path(str(ROOT / 'demo/image_demo.py'), run_name='__main__')
    assert message in ' '.join(''.join(capsys.readouterr()).split())


def test_demo(folder, tmp_path, run_tool):
    out = run_tool('demo/image_demo.py', folder / 'a.png', 'red circle', '--config', 'sadlr_lavt_nano_refshapes',
                   '--out-dir', tmp_path / 'out', '--device', 'cpu').stdout
    assert "'red circle': score" in out and len(list((tmp_path / 'out').glob('*.png'))) == 1
