"""Loading of images: any file, as it is stored, reduced where that is enough."""

import io

import cv2
import numpy as np
import pytest
from image_toy import HEIGHT, WIDTH, big_image, save, smooth_image
from PIL import Image

from mmrefseg.datasets.transforms import LoadRefImage, RefResize
from mmrefseg.errors import RefDataError


@pytest.mark.parametrize('backend', ('cv2', 'pillow'))
@pytest.mark.parametrize('mode, suffix, tolerance', [
    ('RGB', 'png', 0), ('RGB', 'jpg', 16), ('RGBA', 'png', 0), ('P', 'png', 60), ('CMYK', 'jpg', 16),
    ('RGB', 'bmp', 0), ('RGB', 'webp', 24)])
def test_colours_of_any_file(tmp_path, backend, mode, suffix, tolerance):
    image = smooth_image()
    info = save(tmp_path / f'a.{suffix}', Image.fromarray(image).convert(mode), quality=95)
    results = LoadRefImage(imdecode_backend=backend).transform(info)
    assert results['img'].dtype == np.uint8 and results['img'].shape == (HEIGHT, WIDTH, 3)
    assert results['img_shape'] == results['ori_shape'] == (HEIGHT, WIDTH)
    difference = np.abs(results['img'][..., ::-1].astype(int) - image)
    assert difference.max() <= tolerance


@pytest.mark.parametrize('mode', ('L', 'LA', '1'))
def test_grayscale_is_repeated(tmp_path, mode):
    gray = Image.fromarray(smooth_image()).convert('L')
    info = save(tmp_path / 'a.png', gray.convert(mode))
    img = LoadRefImage().transform(info)['img']
    assert img.shape == (HEIGHT, WIDTH, 3) and (img == img[..., :1]).all() and img.std() > 10
    if mode != '1':
        np.testing.assert_array_equal(img[..., 0], np.asarray(gray))


@pytest.mark.parametrize('channels', (1, 3))
def test_16_bits_are_scaled_to_8(tmp_path, channels):
    deep = smooth_image()[..., :channels].astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / 'a.png'), deep)
    img = LoadRefImage().transform(dict(img_path=str(tmp_path / 'a.png')))['img']
    assert img.dtype == np.uint8
    np.testing.assert_array_equal(img[..., :channels], deep // 257)


@pytest.mark.parametrize('backend', ('cv2', 'pillow'))
def test_orientation_in_exif_is_ignored(tmp_path, backend):
    image = Image.fromarray(smooth_image())
    plain = save(tmp_path / 'a.jpg', image)
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate by 90 degrees to view"
    turned = save(tmp_path / 'b.jpg', image, exif=exif)
    assert Image.open(turned['img_path']).getexif()[0x0112] == 6
    load = LoadRefImage(imdecode_backend=backend)
    np.testing.assert_array_equal(load.transform(plain)['img'], load.transform(turned)['img'])


@pytest.mark.parametrize('suffix, keep', [
    ('jpg', 0.5), ('jpg', 0.95), ('png', 0.5), ('bmp', 0.5), ('webp', 0.5), ('png', 0)])
def test_truncated_image(tmp_path, suffix, keep):
    stream = io.BytesIO()
    Image.fromarray(smooth_image()).save(stream, dict(jpg='JPEG').get(suffix, suffix.upper()))
    content = stream.getvalue()
    path = tmp_path / f'a.{suffix}'
    path.write_bytes(content[:int(len(content) * keep)])
    with pytest.raises(RefDataError, match=rf'a.{suffix} \(ref 7, 8\) is broken or cannot be read'):
        LoadRefImage().transform(dict(img_path=str(path), ref_ids=[7, 8]))


def test_missing_image_and_image_of_another_size(tmp_path):
    with pytest.raises(RefDataError, match=r'none.jpg \(ref 7\) is missing'):
        LoadRefImage().transform(dict(img_path=str(tmp_path / 'none.jpg'), ref_ids=[7]))
    info = save(tmp_path / 'a.png', Image.new('RGB', (WIDTH, HEIGHT + 1)))
    with pytest.raises(RefDataError, match=r'\(ref 7, 8\) is 41x60 \(height x width\) .* say 40x60'):
        LoadRefImage().transform(dict(info))
    assert LoadRefImage(check_size=False).transform(dict(info))['img'].shape == (41, 60, 3)


@pytest.mark.parametrize('reduce_to, expected', [
    ((641, 427), (427, 641)), ((322, 214), (427, 641)), ((321, 214), (214, 321)), ((321, 100), (214, 321)),
    ((100, 214), (214, 321)), ((161, 107), (107, 161)), ((162, 107), (214, 321)), ((81, 54), (54, 81)),
    ((3, 2), (54, 81))])
def test_big_jpeg_is_reduced_to_what_is_enough(tmp_path, reduce_to, expected):
    image = big_image()
    Image.fromarray(image).save(tmp_path / 'a.jpg', quality=95)
    info = dict(img_path=str(tmp_path / 'a.jpg'), height=427, width=641)
    results = LoadRefImage(reduce_to=reduce_to).transform(dict(info))
    assert results['img'].shape == (*expected, 3) and results['img'].dtype == np.uint8
    assert results['img_shape'] == expected and results['ori_shape'] == (427, 641)
    assert ('whole_shape' in results) == (expected != (427, 641))
    for keep_ratio in (False, True):
        resize = RefResize(scale=(60, 50), keep_ratio=keep_ratio)
        small, whole = (resize.transform(LoadRefImage(reduce_to=size).transform(dict(info)))
                        for size in (reduce_to, None))
        for key in ('scale_factor', 'img_shape', 'ori_shape'):
            assert small[key] == whole[key]
        assert 'whole_shape' not in small
        assert np.abs(small['img'].astype(int) - whole['img']).max() <= 8


def test_reduced_image_that_is_not_that_of_its_annotations(tmp_path):
    """Half of 427 and half of 428 are both 214: the size is the header's."""
    Image.fromarray(big_image()).save(tmp_path / 'a.jpg')
    load = LoadRefImage(reduce_to=(100, 100))
    with pytest.raises(RefDataError, match=r'is 427x641 \(height x width\) .* say 428x641'):
        load.transform(dict(img_path=str(tmp_path / 'a.jpg'), height=428, width=641))
    content = (tmp_path / 'a.jpg').read_bytes()
    for keep in (0.95, 0.5, 0.001, 0):
        (tmp_path / 'b.jpg').write_bytes(content[:int(len(content) * keep)])
        with pytest.raises(RefDataError, match='b.jpg is broken or cannot be read'):
            load.transform(dict(img_path=str(tmp_path / 'b.jpg')))


def test_reduced_images_of_any_kind(tmp_path):
    image = Image.fromarray(big_image())
    load = LoadRefImage(reduce_to=(100, 100))
    image.save(tmp_path / 'a.png')
    assert load.transform(dict(img_path=str(tmp_path / 'a.png')))['img'].shape == (427, 641, 3), 'no JPEG'
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate by 90 degrees to view"
    for mode, options in (('L', {}), ('CMYK', {}), ('RGB', dict(exif=exif)), ('RGB', dict(progressive=True))):
        image.convert(mode).save(tmp_path / 'a.jpg', quality=95, **options)
        found = load.transform(dict(img_path=str(tmp_path / 'a.jpg')))['img']
        whole = LoadRefImage().transform(dict(img_path=str(tmp_path / 'a.jpg')))['img']
        expected = cv2.resize(whole, (161, 107), interpolation=cv2.INTER_AREA)
        assert found.shape == (107, 161, 3)
        assert np.abs(found.astype(int) - expected)[2:-2, 2:-2].max() <= 8


def test_reduce_to_needs_cv2():
    with pytest.raises(ValueError, match="reduce_to needs imdecode_backend='cv2', found 'pillow'"):
        LoadRefImage(reduce_to=(5, 5), imdecode_backend='pillow')


@pytest.mark.parametrize('resize, spoil, message', [
    (dict(scale=(200, 200)), None, r"asks for \(200, 200\).*reduce_to has left \(161, 107\)"),
    (dict(scale=(200, 200), keep_ratio=True), None, r"asks for \(200, 133\) .* has left \(161, 107\)"),
    (dict(scale_factor=0.5), None, 'needs a RefResize.* that comes next'),
    (dict(scale=(50, 50)), slice(3, 50), 'needs a RefResize.* that comes next')])
def test_reduced_image_and_a_resize_that_does_not_fit(tmp_path, resize, spoil, message):
    Image.fromarray(big_image()).save(tmp_path / 'a.jpg')
    results = LoadRefImage(reduce_to=(100, 100)).transform(dict(img_path=str(tmp_path / 'a.jpg')))
    if spoil:
        results['img'] = results['img'][spoil]
    with pytest.raises(ValueError, match=message):
        RefResize(**resize).transform(results)


def test_decoder_that_gives_no_colours(tmp_path, monkeypatch):
    info = save(tmp_path / 'a.png', Image.new('RGB', (WIDTH, HEIGHT)))
    monkeypatch.setattr('mmcv.imfrombytes', lambda *args, **kwargs: np.zeros((HEIGHT, WIDTH)))
    with pytest.raises(RefDataError, match=r'a.png .* shape \(40, 60\) where \(H, W, 3\)'):
        LoadRefImage().transform(info)
