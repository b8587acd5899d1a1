"""Styles of RefShapes: fewer and larger shapes, and the full one as it ever was."""

import hashlib
import json

import cv2
import pytest
from refshapes_reader import Reader, Written

from mmrefseg.datasets.refshapes_generator import COLOURS, HELD_OUT, KINDS, SPLITS, STYLES, generate_refshapes
from mmrefseg.datasets.refshapes_generator.scenes import RADIUS_RANGES, sample_scene

SIMPLE = STYLES['simple']


@pytest.mark.parametrize('split', SPLITS)
def test_simple_scenes(split):
    scenes = [sample_scene(0, split, number, 128, 'simple') for number in range(60)]
    shapes = [shape for scene in scenes for shape in scene.shapes]
    assert {shape.kind for shape in shapes} == set(SIMPLE.kinds) < set(KINDS)
    assert {shape.colour for shape in shapes} == set(SIMPLE.colours) < set(COLOURS)
    assert {len(scene.shapes) for scene in scenes} == {3, 4, 5}
    low, high = 128 * 1.4 * RADIUS_RANGES['small'][0], 128 * 1.4 * RADIUS_RANGES['large'][1]
    assert all(low <= shape.radius <= high for shape in shapes)
    held_out = [(shape.kind, shape.colour) in HELD_OUT for shape in shapes]
    assert any(held_out) == (split == 'testB')


def test_the_full_style_is_the_one_without_a_name():
    drawn = sample_scene(3, 'train', 7, 96)
    assert drawn.shapes == sample_scene(3, 'train', 7, 96, 'full').shapes
    if int(cv2.__version__.split('.')[0]) < 5:
        pytest.skip('OpenCV 4 fills other pixels at the edge of an outline')
    # Of before there were styles.
    assert hashlib.sha256(drawn.owner.tobytes()).hexdigest()[:16] == 'ff69041172901fc2'


def test_absent_kinds_and_colours_are_of_the_style(tmp_path):
    generate_refshapes(tmp_path, scenes=dict(train=60, testB=20), size=64, variants=['grefshapes'], style='simple')
    words = {word for ref in json.loads((tmp_path / 'grefshapes' / 'grefs(unc).json').read_text())
             for sentence in ref['sentences'] for word in sentence['tokens']}
    assert not words & ({*KINDS, *COLOURS} - {*SIMPLE.kinds, *SIMPLE.colours})


def test_every_simple_expression_fits_its_object_only(tmp_path):
    generate_refshapes(tmp_path, scenes=dict(train=60), size=128, variants=['refshapes'], style='simple')
    written = Written(tmp_path, 'refshapes')
    for thing in (thing for things in written.images.values() for thing in things):
        thing['extent'] /= SIMPLE.radius_scale  # small and large are so for their style
    for ref, sentence in written.expressions():
        assert Reader(written.images[ref['image_id']], False).read(sentence['sent']) == [ref['ann_id']]


def test_style_is_an_argument_like_the_others(tmp_path):
    scenes = dict(val=2)
    generate_refshapes(tmp_path, scenes=scenes, size=64, style='simple')
    assert not generate_refshapes(tmp_path, scenes=scenes, size=64, style='simple')['made']
    with pytest.raises(FileExistsError, match='"style": "simple"'):
        generate_refshapes(tmp_path, scenes=scenes, size=64)
    with pytest.raises(ValueError, match="the styles are .'full', 'simple'., found 'plain'"):
        generate_refshapes(tmp_path, scenes=scenes, style='plain')
