"""What a mask file may be, and what is refused since it may mean two things."""

import numpy as np
import pytest
from PIL import Image
from triplet_toy import HEIGHT, WIDTH, rectangle

from mmrefseg.datasets.masks.files import read_mask_file
from mmrefseg.errors import RefDataError


def gray(values=255) -> Image.Image:
    return Image.fromarray(np.where(rectangle(0), values, 0).astype(np.uint8))


@pytest.mark.parametrize('name, mode, options', [
    ('a.jpg', 'L', {}), ('a.jfif', 'RGB', dict(format='JPEG')), ('a.webp', 'RGB', dict(quality=75)),
    ('a.jp2', 'L', {}), ('a.tif', 'L', dict(compression='jpeg')), ('a.tif', 'RGB', dict(compression='webp')),
    ('a.mpo', 'RGB', dict(format='MPO')), ('a.avif', 'RGB', {}), ('a.png', 'L', dict(format='JPEG'))])
def test_forms_that_blur_are_refused(tmp_path, name, mode, options):
    try:
        gray().convert(mode).save(tmp_path / name, **options)
    except (KeyError, OSError, RuntimeError, ValueError) as error:
        pytest.skip(f'this Pillow writes none: {error}')
    with pytest.raises(RefDataError, match='which blurs the values'):
        read_mask_file(str(tmp_path / name))


@pytest.mark.parametrize('name, mode, options', [
    ('a.png', 'L', {}), ('a.png', '1', {}), ('a.bmp', 'RGB', {}), ('a.gif', 'L', {}), ('a.pgm', 'L', {}),
    ('a.tif', 'L', dict(compression='tiff_lzw')), ('a.tif', '1', dict(compression='group4')), ('a.tif', 'F', {}),
    ('a.webp', 'RGB', dict(lossless=True)), ('a.png', 'I;16', {}), ('a.png', 'LA', {}), ('a.png', 'RGBA', {})])
def test_forms_that_keep_values_are_read(tmp_path, name, mode, options):
    gray().convert(mode).save(tmp_path / name, **options)
    np.testing.assert_array_equal(read_mask_file(str(tmp_path / name)), rectangle(0))


@pytest.mark.parametrize('ending', ['png', 'gif', 'tif'])
@pytest.mark.parametrize('palette, swapped', [
    ((0, 0, 0, 255, 255, 255), False), ((255, 255, 255, 0, 0, 0), True), ((0, 0, 0, 128, 0, 0), False),
    ((220, 30, 30, 0, 0, 0), True)])
def test_palettes_in_any_order(tmp_path, ending, palette, swapped):
    """VOC and DAVIS: index 0 is black. Pillow and pngquant: any order, the object is what is not black."""
    image = Image.fromarray((rectangle(0) ^ swapped).astype(np.uint8))
    image.putpalette(palette)
    image.save(tmp_path / f'a.{ending}')
    np.testing.assert_array_equal(read_mask_file(str(tmp_path / f'a.{ending}')), rectangle(0))


def test_a_palette_that_says_no_background(tmp_path):
    image = Image.fromarray(rectangle(0).astype(np.uint8))
    image.putpalette((0, 255, 0, 255, 0, 0))
    image.save(tmp_path / 'a.png')
    with pytest.raises(RefDataError, match=r'palette whose index 0 is \(0, 255, 0\)'):
        read_mask_file(str(tmp_path / 'a.png'))
    np.testing.assert_array_equal(read_mask_file(str(tmp_path / 'a.png'), foreground=1), rectangle(0))


@pytest.mark.parametrize('mode', ['RGBA', 'LA', 'PA'])
def test_cut_out_is_refused(tmp_path, mode):
    photograph = np.random.default_rng(0).integers(1, 255, (HEIGHT, WIDTH, 3), np.uint8)
    image = Image.fromarray(photograph)
    image.putalpha(gray())
    (image.convert('LA') if mode == 'LA' else image).save(tmp_path / 'a.png')
    if mode == 'PA':
        image.quantize(16).save(tmp_path / 'a.png')
    with pytest.raises(RefDataError, match='cut-out|more values'):
        read_mask_file(str(tmp_path / 'a.png'))


def test_white_on_transparent_black_is_a_mask(tmp_path):
    image = gray().convert('RGB')
    image.putalpha(gray())
    image.save(tmp_path / 'a.png')
    np.testing.assert_array_equal(read_mask_file(str(tmp_path / 'a.png')), rectangle(0))


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_no_numbers(tmp_path, value):
    values = rectangle(0).astype(np.float32)
    values[0, 0] = value
    Image.fromarray(values).save(tmp_path / 'a.tif')
    with pytest.raises(RefDataError, match='NaN or infinite'):
        read_mask_file(str(tmp_path / 'a.tif'))


@pytest.mark.parametrize('values', [
    np.where(rectangle(0), 1, 2).astype(np.uint8),
    np.linspace(0, 1, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, -1),
    np.stack([rectangle(0) * 255, rectangle(1) * 255, rectangle(0) * 0], 2).astype(np.uint8)])
def test_several_values_are_a_question(tmp_path, values):
    Image.fromarray(values).save(tmp_path / 'a.tif')
    with pytest.raises(RefDataError, match='more values than 0 and one more.*foreground'):
        read_mask_file(str(tmp_path / 'a.tif'))


def test_header_is_held_against_the_image(tmp_path):
    gray().save(tmp_path / 'a.png')
    with pytest.raises(RefDataError, match='40x60 where its picture is 50x60'):
        read_mask_file(str(tmp_path / 'a.png'), expected=(50, 60))
