"""The page in headless Chromium, as a person uses it: ``bash tools/test_web_demo.sh``.

Needs playwright's Python package and a Chromium of the system: skipped where one of them is missing.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import ROOT, TINY_CONFIG
from mmengine.runner import save_checkpoint
from tiny_png import tiny_png

from mmrefseg.apis import RefSegInferencer
from mmrefseg.web_demo import make_samples

pytest.importorskip('gradio', reason='the page needs Gradio: pip install -r requirements/demo.txt')
sync_api = pytest.importorskip(
    'playwright.sync_api', reason='no playwright: bash tools/test_web_demo.sh installs it and runs these tests')
NAMES = ('chromium', 'chromium-headless-shell', 'chromium-browser', 'google-chrome')
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=f'none of {", ".join(NAMES)} is installed')
# Without these it looks for Google's hosts at every start; a container has no sandbox of its own for root.
SWITCHES = ['--no-sandbox', '--disable-gpu', '--disable-background-networking']


@pytest.fixture(scope='module')
def url(tmp_path_factory):
    """demo/app.py as it is started from a shell."""
    folder = tmp_path_factory.mktemp('browser')
    torch.manual_seed(0)
    model = RefSegInferencer(str(TINY_CONFIG), device='cpu').model
    weights = []
    for name, bias in (('some', 0.1), ('none', -9.)):  # masks of some pixels, and of none
        model.decode_head.classifier.bias.data[:] = torch.tensor([0., bias])
        weights.append(str(folder / f'{name}.pth'))
        save_checkpoint(dict(state_dict=model.state_dict()), weights[-1])
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    environment = dict(os.environ, PYTHONPATH=str(ROOT), GRADIO_TEMP_DIR=str(folder / 'uploads'))
    command = [sys.executable, str(ROOT / 'demo/app.py'), '--config', *[str(TINY_CONFIG)] * 2, '--weights', *weights,
               '--device', 'cpu', '--port', str(port)]
    with open(folder / 'log', 'w+') as log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as app:
        try:
            while 'Running on local URL' not in Path(log.name).read_text():
                assert app.poll() is None, Path(log.name).read_text()
                time.sleep(0.2)
            yield f'http://127.0.0.1:{port}'
        finally:
            app.terminate()
    assert 'Traceback' not in Path(log.name).read_text()


@pytest.fixture(scope='module')
def page(url):
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        page = browser.new_page(viewport=dict(width=1280, height=960))
        page.problems = []
        page.on('pageerror', lambda error: page.problems.append(error))
        page.goto(url)
        yield page
        browser.close()


@pytest.fixture
def files(tmp_path):
    make_samples(tmp_path)
    (tmp_path / 'broken.png').write_bytes(b'no picture')
    (tmp_path / 'bomb.png').write_bytes(tiny_png(50000, 50000))
    return tmp_path


def upload(page, path):
    """Choose a file, in the place of the one that is there."""
    remove = page.get_by_label('Remove Image')
    if remove.count():
        remove.click()
    page.locator('#picture input[type=file]').set_input_files(path)
    page.locator(f'#picture img[src$="{path.name}"]').wait_for(state='attached')


def find(page, said=None):
    """Type, press the button, and wait for another answer than the last one."""
    if said is not None:
        page.locator('#expressions textarea').fill(said)
    result = page.locator('#result .prose')
    before = result.inner_html()
    page.get_by_role('button', name='Find').click()
    page.wait_for_function("before => document.querySelector('#result .prose').innerHTML !== before", arg=before)
    return result


def test_two_expressions_give_two_overlays_and_scores(page, files):
    upload(page, files / 'refshapes_19.png')
    cards = find(page, 'the yellow hexagon\nlargest red star').locator('.ref-card')
    sync_api.expect(cards.locator('.said')).to_have_text(['the yellow hexagon', 'largest red star'])
    for card in cards.all():
        sync_api.expect(card).to_contain_text(re.compile(r'score 0\.\d\d.*% of the picture'))
        image = card.locator('img')
        assert image.evaluate('image => [image.naturalWidth, image.naturalHeight]') == [512, 512]
        seen = cv2.imdecode(np.frombuffer(image.screenshot(), np.uint8), cv2.IMREAD_COLOR)
        assert min(seen.shape[:2]) > 200 and seen.std() > 10  # large, and no blank


def test_a_sample_fills_both_fields(page):
    page.locator('#expressions textarea').fill('')
    page.locator('#samples button').nth(1).click()
    sync_api.expect(page.locator('#expressions textarea')).to_have_value(re.compile(r'\w+\n\w+'))
    typed = page.locator('#expressions textarea').input_value().splitlines()
    sync_api.expect(find(page).locator('.said')).to_have_text(typed)


def test_choice_of_model(page, files):
    upload(page, files / 'refshapes_19.png')
    sync_api.expect(find(page, 'star')).to_contain_text('score 0.')
    page.locator('#model input').click()
    page.get_by_role('option', name='none.pth').click()
    sync_api.expect(find(page)).to_contain_text('nothing found')
    page.locator('#model input').click()
    page.get_by_role('option', name='some.pth').click()


def test_a_long_text_and_markup(page, files):
    upload(page, files / 'refshapes_14.png')
    result = find(page, 'the red circle ' * 12 + '\n<img src=x onerror="document.title = 1"> ${2 + 3}')
    sync_api.expect(result.get_by_role('note').first).to_contain_text('is too long for this model: 38 tokens')
    said = result.locator('.said')
    sync_api.expect(said.nth(1)).to_have_text('<img src=x onerror="document.title = 1"> ${2 + 3}')
    sync_api.expect(result.locator('img')).to_have_count(2)
    assert page.title() == 'Referring image segmentation'


@pytest.mark.parametrize('name,said,message', [
    ('refshapes_14.png', ' ', 'There is nothing to look for'),
    ('broken.png', 'star', 'This file cannot be read as a picture'),
    ('bomb.png', 'star', 'This picture is too large: over 179 million pixels'),
    (None, 'star', 'There is no picture yet'),
])
def test_friendly_messages(page, files, name, said, message):
    if name is None:
        page.get_by_label('Remove Image').click()
    else:
        upload(page, files / name)
    result = find(page, said)
    sync_api.expect(result.get_by_role('alert')).to_contain_text(message)
    sync_api.expect(result.locator('.ref-card')).to_have_count(0)
    assert not page.problems
