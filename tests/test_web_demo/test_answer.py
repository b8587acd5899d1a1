"""A picture and typed text in; overlays, scores, notes and the page's HTML out."""

import base64
import re

import cv2
import numpy as np
import pytest
import torch
from conftest import TINY_CONFIG

from mmrefseg.errors import RefDataError
from mmrefseg.web_demo import Finding, ModelPool, draw_cards, draw_notes, find_in_image, make_samples
from mmrefseg.web_demo.answer import draw_overlay


@pytest.fixture(scope='module')
def pool():
    torch.manual_seed(0)
    pool = ModelPool({'tiny': (str(TINY_CONFIG), None)}, device='cpu')
    pool.get('tiny').model.decode_head.classifier.bias.data[:] = torch.tensor([0., 0.1])  # some of both classes
    return pool


@pytest.fixture(scope='module')
def samples(tmp_path_factory):
    return make_samples(tmp_path_factory.mktemp('samples'))


def test_samples(pool, samples):
    assert len(samples) >= 3 and all(said for _, said in samples)
    assert cv2.imread(samples[0][0]).shape == (128, 128, 3)
    vocabulary = pool.get('tiny').model.text_encoder.vocabulary
    assert all(word in vocabulary for _, said in samples[:3] for word in said.split())


def test_findings_are_those_of_the_inferencer(pool, samples):
    path, said = samples[0]
    answer = find_in_image(pool, 'tiny', path, said)
    expected, = pool.get('tiny')(path, said.splitlines())
    assert [finding.expression for finding in answer.findings] == said.splitlines() and answer.notes == []
    for finding, mask, score in zip(answer.findings, expected['masks'], expected['scores']):
        assert finding.score == pytest.approx(score) and finding.share == pytest.approx(mask.mean())
        assert 0 < finding.share < 1 and finding.overlay.shape == (512, 512, 3) and finding.existence is None


def test_notes(pool, tmp_path):
    cv2.imwrite(str(tmp_path / 'wide.png'), np.zeros((10, 2000, 3), np.uint8))
    answer = find_in_image(pool, 'tiny', str(tmp_path / 'wide.png'), 'the flamingo ' + 'red ' * 30)
    smaller, too_long, unknown = answer.notes
    assert 'made smaller: 1600 x 8' in smaller and 'too long' in too_long and '“flamingo”' in unknown


@pytest.mark.parametrize('path,text,message', [
    (None, 'star', 'no picture yet'), ('', '', 'no picture yet'), ('sample', ' ', 'nothing to look for'),
    (str(TINY_CONFIG), 'star', 'cannot be read as a picture'), ('missing.png', 'star', 'cannot be read as a picture')])
def test_what_cannot_be_answered_loads_no_model(samples, path, text, message):
    pool = ModelPool({'tiny': (str(TINY_CONFIG), None)})
    with pytest.raises(RefDataError, match=message):
        find_in_image(pool, 'tiny', samples[0][0] if path == 'sample' else path, text)
    assert pool.loaded == []


def test_existence(pool, samples, monkeypatch):
    """A model with an existence head says what is not there."""
    class Fake:
        tokenizer = pool.get('tiny').tokenizer

        def __call__(self, image, expressions):
            masks = np.zeros((2, *image.shape[:2]), bool)
            masks[1, :64] = True
            return [dict(masks=masks, scores=[0., 0.75], existence=[0.125, 0.875])]

    monkeypatch.setattr(pool, 'get', lambda name: Fake())
    findings = find_in_image(pool, 'tiny', samples[0][0], 'star\nred circle').findings
    assert [(finding.share, finding.existence) for finding in findings] == [(0, 0.125), (0.5, 0.875)]
    html = draw_cards(findings)
    assert 'no such object · existence 0.12' in html and 'score 0.75 · existence 0.88' in html


def test_overlay():
    canvas = np.full((60, 80, 3), 200, np.uint8)
    mask = np.zeros((30, 40), bool)
    assert np.array_equal(draw_overlay(canvas, mask), canvas)
    mask[:, 20:] = True
    drawn = draw_overlay(canvas, mask)
    assert (drawn[:, :30] < canvas[:, :30]).all()  # darker outside
    assert np.allclose(drawn[30, 60], 0.85 * 200 + 0.15 * np.array([255, 112, 0]), atol=1)
    assert (canvas == 200).all()


def test_html_is_escaped():
    overlay = np.full((4, 6, 3), (255, 0, 0), np.uint8)
    html = draw_cards([Finding('<b onclick="x">', overlay, 0.5, 0.25), Finding('b', overlay, 0., 0.)])
    assert '<b ' not in html and html.count('&lt;b onclick=&quot;x&quot;&gt;') == 3  # alt, title, text
    assert 'score 0.50' in html and '25.0% of the picture' in html and 'nothing found' in html
    assert draw_cards([]) == '' and '<script>' not in draw_notes(['<script>'])


def test_the_overlay_in_the_html_is_an_image():
    overlay = np.full((4, 6, 3), (255, 0, 0), np.uint8)
    encoded = re.search('base64,([^"]*)', draw_cards([Finding('a', overlay, 1., 1.)])).group(1)
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == (4, 6, 3) and decoded[0, 0, 2] > 240 and decoded[0, 0, 0] < 15  # BGR
