"""Whatever is uploaded: a picture, or a message that says what is wrong with it."""

import io

import numpy as np
import pytest
from PIL import Image
from tiny_png import tiny_png

from mmrefseg.errors import RefDataError
from mmrefseg.web_demo import open_image, uploaded_image


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 255, (30, 50, 3), dtype=np.uint8)


@pytest.mark.parametrize('name', ['a.png', 'a.bmp', 'a.tif', 'a.gif', 'a.jpg', 'a.webp', 'no_ending'])
def test_formats(tmp_path, pixels, name):
    Image.fromarray(pixels).save(tmp_path / name, format='PNG' if name == 'no_ending' else None)
    found, note = open_image(tmp_path / name)
    assert note is None and found.shape == pixels.shape and found.dtype == np.uint8
    if not name.endswith(('jpg', 'webp', 'gif')):  # which keep every pixel
        assert np.array_equal(found, pixels)


@pytest.mark.parametrize('mode', ['L', 'RGBA', 'CMYK', 'P', '1', 'I;16'])
def test_kinds_of_pixels(tmp_path, pixels, mode):
    gray = pixels[..., 0]
    if mode == 'I;16':
        image = Image.fromarray(gray.astype(np.uint16) * 257)
    else:
        image = Image.fromarray(gray if mode in ('L', '1') else pixels).convert(mode)
    image.save(tmp_path / 'picture.tif')
    found, _ = open_image(tmp_path / 'picture.tif')
    assert found.shape == pixels.shape
    if mode in ('L', 'I;16'):
        assert np.array_equal(found, np.repeat(gray[..., None], 3, axis=2))


@pytest.mark.parametrize('ending', ['jpg', 'png'])
def test_a_turned_photograph_is_upright(tmp_path, monkeypatch, pixels, ending):
    monkeypatch.setattr(uploaded_image, 'MAX_SIDE', 20)
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels[:, :25] = (255, 0, 0)  # the left half is above when turned to the right
    pixels[:, 25:] = (0, 0, 255)
    Image.fromarray(pixels).save(tmp_path / f'turned.{ending}', exif=exif)
    found, note = open_image(tmp_path / f'turned.{ending}')
    assert found.shape == (20, 12, 3) and note == 'The picture has 30 x 50 pixels; it was made smaller: 12 x 20.'
    assert found[0, 6, 0] > 200 and found[-1, 6, 2] > 200


def test_a_large_image_is_made_smaller(tmp_path):
    Image.new('RGB', (4000, 100), 'red').save(tmp_path / 'wide.jpg')
    found, note = open_image(tmp_path / 'wide.jpg')
    assert found.shape == (40, 1600, 3) and '4000 x 100' in note and '1600 x 40' in note


@pytest.mark.parametrize('content', [
    b'', b'no picture', b'<svg xmlns="http://www.w3.org/2000/svg"/>', tiny_png(99, 99), tiny_png(99, 99)[:40]])
def test_broken_files(tmp_path, content):
    (tmp_path / 'broken.png').write_bytes(content)
    with pytest.raises(RefDataError, match='cannot be read as a picture'):
        open_image(tmp_path / 'broken.png')


@pytest.mark.parametrize('format', ['JPEG', 'PNG', 'WEBP'])
def test_half_a_file(tmp_path, pixels, format):
    whole = io.BytesIO()
    Image.fromarray(pixels).save(whole, format=format)
    (tmp_path / 'half').write_bytes(whole.getvalue()[:len(whole.getvalue()) // 2])
    with pytest.raises(RefDataError, match='something else or broken'):
        open_image(tmp_path / 'half')


@pytest.mark.filterwarnings('ignore::PIL.Image.DecompressionBombWarning')
@pytest.mark.parametrize('size,message', [
    ((10000, 9000), 'too large: 10000 x 9000 is 90 million pixels, at most 80 million'),
    ((50000, 50000), 'too large: over 179 million pixels, at most 80 million'),
])
def test_too_many_pixels_are_not_decoded(tmp_path, size, message):
    (tmp_path / 'bomb.png').write_bytes(tiny_png(*size))
    with pytest.raises(RefDataError, match=message):
        open_image(tmp_path / 'bomb.png')
