"""Drawings of predictions: picture and mask agree, none overwrites another, every process writes its own."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import VISBACKENDS
from mmengine.structures import PixelData
from mmengine.visualization import Visualizer
from PIL import Image

from mmrefseg.datasets.transforms import LoadRefImage
from mmrefseg.engine import RefVisualizationHook
from mmrefseg.registry import HOOKS
from mmrefseg.structures import RefDataSample
from mmrefseg.visualization import RefLocalVisualizer

ORIENTATION = 0x0112  # the EXIF tag


def sample_of(path, number=0, size=(40, 60), dataset_name='toy_unc_val', **kwargs):
    sample = RefDataSample(metainfo=dict(
        img_path=str(path), sample_idx=number, dataset_name=dataset_name, expressions=['the square'], **kwargs))
    masks = torch.zeros(1, *size, dtype=torch.uint8)
    masks[:, :size[0] // 2, :size[1] // 2] = 1
    sample.pred_sem_seg = PixelData(data=masks)
    return sample


@pytest.fixture
def image(tmp_path):
    path = tmp_path / 'picture.png'
    cv2.imwrite(str(path), np.zeros((40, 60, 3), np.uint8))
    return path


@pytest.fixture
def make_runner(tmp_path):
    """A runner as far as the hook sees it; its visualizer writes into ``backend/``."""

    def make(rank=0, iteration=0):
        visualizer = RefLocalVisualizer(vis_backends=[dict(type='LocalVisBackend')], save_dir=str(tmp_path / 'backend'))
        return SimpleNamespace(rank=rank, iter=iteration, visualizer=visualizer)

    return make


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*.png'))


def test_registered():
    assert isinstance(HOOKS.build(dict(type='RefVisualizationHook')), RefVisualizationHook)


@pytest.mark.parametrize('orientation', range(1, 9))
def test_a_turned_photograph_and_its_mask_agree(tmp_path, make_runner, monkeypatch, orientation):
    """The upper left quarter is white, in the file's own pixels, and so is the mask."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:20, :30] = 255
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(pixels).save(tmp_path / 'turned.jpg', exif=exif, quality=95)
    drawn = []
    monkeypatch.setattr(RefLocalVisualizer, 'draw', lambda self, image, sample: drawn.append(image) or image)
    sample = sample_of(tmp_path / 'turned.jpg')
    RefVisualizationHook(out_dir=str(tmp_path / 'out')).after_test_iter(make_runner(), 0, outputs=[sample])
    mask = sample.pred_sem_seg.data[0].bool().numpy()
    assert drawn[0].shape == (40, 60, 3)
    assert ((drawn[0].mean(axis=2) > 127) == mask).mean() > 0.99
    loaded = LoadRefImage()(dict(img_path=sample.img_path))['img']
    assert np.array_equal(drawn[0], loaded[..., ::-1])


def test_red_is_drawn_red(tmp_path, make_runner, monkeypatch):
    Image.new('RGB', (60, 40), (255, 0, 0)).save(tmp_path / 'red.png')
    drawn = []
    monkeypatch.setattr(RefLocalVisualizer, 'draw', lambda self, image, sample: drawn.append(image) or image)
    RefVisualizationHook(out_dir=str(tmp_path / 'out')).after_test_iter(
        make_runner(), 0, outputs=[sample_of(tmp_path / 'red.png')])
    assert drawn[0][0, 0].tolist() == [255, 0, 0]


def test_samples_of_one_image_and_of_two_splits_do_not_overwrite(tmp_path, make_runner, image):
    hook, out = RefVisualizationHook(out_dir=str(tmp_path / 'out')), tmp_path / 'out'
    hook.after_test_iter(make_runner(), 0, outputs=[sample_of(image, 0), sample_of(image, 1)])
    hook.after_test_iter(make_runner(), 0, outputs=[sample_of(image, 0, dataset_name='toy_unc_testA')])
    assert files(out) == ['toy_unc_testA/000000_picture.png', 'toy_unc_val/000000_picture.png',
                          'toy_unc_val/000001_picture.png']
    assert all(cv2.imread(str(out / name)) is not None for name in files(out))
    assert not (tmp_path / 'backend').exists() or not files(tmp_path / 'backend')


def test_validations_do_not_overwrite(tmp_path, make_runner, image):
    hook = RefVisualizationHook(out_dir=str(tmp_path / 'out'))
    for iteration in (10, 20):
        hook.after_val_iter(make_runner(iteration=iteration), 0, outputs=[sample_of(image)])
    assert files(tmp_path / 'out') == ['toy_unc_val/000000_picture_10.png', 'toy_unc_val/000000_picture_20.png']


@pytest.mark.parametrize('method', ['after_val_iter', 'after_test_iter'])
def test_without_a_folder_the_backends_of_the_first_process_get_them(tmp_path, make_runner, image, method):
    samples = [sample_of(image, number) for number in range(3)]
    for rank, expected in ((1, []), (0, [f'toy_unc_val_{number:06d}_picture_7.png' for number in range(3)])):
        getattr(RefVisualizationHook(), method)(make_runner(rank, iteration=7), 0, outputs=samples)
        assert [name.split('/')[-1] for name in files(tmp_path)] == [*expected, 'picture.png'][-len(expected) - 1:]


def test_backends_get_the_step(make_runner, image):
    @VISBACKENDS.register_module(force=True)
    class Recording:
        calls = []

        def __init__(self, **kwargs):
            pass

        def add_image(self, name, image, step=0, **kwargs):
            self.calls.append((name, image.shape[2], step))

    runner = make_runner(iteration=5)
    runner.visualizer._vis_backends = dict(recording=Recording())
    RefVisualizationHook().after_val_iter(runner, 0, outputs=[sample_of(image, 3)])
    assert Recording.calls == [('toy_unc_val_000003_picture', 3, 5)]


def test_every_process_writes_its_samples(tmp_path, make_runner, image, monkeypatch):
    monkeypatch.setattr('mmengine.dist.utils.get_rank', lambda group=None: 1)  # what master_only asks
    hook = RefVisualizationHook(out_dir=str(tmp_path / 'out'))
    hook.after_test_iter(make_runner(rank=1), 0, outputs=[sample_of(image, 1), sample_of(image, 3)])
    assert files(tmp_path / 'out') == ['toy_unc_val/000001_picture.png', 'toy_unc_val/000003_picture.png']


@pytest.mark.parametrize('interval, expected', [(1, 5), (2, 3), (3, 2), (10, 1)])
@pytest.mark.parametrize('batch_size', [1, 2, 5])
def test_interval_counts_samples(tmp_path, make_runner, image, interval, expected, batch_size):
    hook = RefVisualizationHook(interval=interval, out_dir=str(tmp_path / 'out'))
    samples = [sample_of(image, number) for number in range(5)]
    for batch, start in enumerate(range(0, 5, batch_size)):
        hook.after_test_iter(make_runner(), batch, outputs=samples[start:start + batch_size])
    assert len(files(tmp_path / 'out')) == expected


def test_draw_false_does_nothing(tmp_path, make_runner, image):
    RefVisualizationHook(draw=False, out_dir=str(tmp_path / 'out')).after_test_iter(
        make_runner(), 0, outputs=[sample_of(image)])
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('stored', [False, True])
def test_show(tmp_path, make_runner, image, monkeypatch, stored):
    shown = []
    monkeypatch.setattr(RefLocalVisualizer, 'show', lambda self, image, win_name, wait_time: shown.append(
        (win_name, wait_time)))
    hook = RefVisualizationHook(show=True, wait_time=0.5, out_dir=str(tmp_path / 'out') if stored else None)
    hook.after_test_iter(make_runner(), 0, outputs=[sample_of(image)])
    assert shown == [('000000_picture', 0.5)]
    assert len(files(tmp_path)) == 1 + stored  # the picture itself


def test_errors(make_runner, image):
    with pytest.raises(ValueError, match='interval must be at least 1, found 0'):
        RefVisualizationHook(interval=0)
    sample = sample_of(image)
    del sample.sample_idx
    with pytest.raises(ValueError, match='picture.png has no sample_idx'):
        RefVisualizationHook().after_test_iter(make_runner(), 0, outputs=[sample])
    runner = SimpleNamespace(rank=0, iter=0, visualizer=Visualizer())
    with pytest.raises(TypeError, match="needs visualizer.type 'RefLocalVisualizer', found Visualizer"):
        RefVisualizationHook().after_test_iter(runner, 0, outputs=[sample])
