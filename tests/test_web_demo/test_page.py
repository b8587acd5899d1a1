"""The page over HTTP, without a browser."""

import json
import os
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import ROOT, TINY_CONFIG

from mmrefseg.web_demo import ModelPool, make_samples

pytest.importorskip('gradio', reason='the page needs Gradio: pip install -r requirements/demo.txt')
from gradio_client import Client, handle_file  # noqa: E402

from mmrefseg.web_demo.page import answer, build_page, launch_page, without_paths  # noqa: E402


@pytest.fixture(scope='module')
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp('page')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('GRADIO_TEMP_DIR', str(folder / 'uploads'))
        patch.setenv('GRADIO_ANALYTICS_ENABLED', 'False')
        pool = ModelPool({'tiny': (str(TINY_CONFIG), None), 'bad': (str(TINY_CONFIG), 'missing.pth')}, device='cpu')
        page = build_page(pool, make_samples(folder / 'samples'))
        _, url, _ = launch_page(page, server_name='127.0.0.1', prevent_thread_lock=True, quiet=True)
        yield Client(url, verbose=False)
        page.close()


@pytest.fixture
def image(tmp_path):
    cv2.imwrite(str(tmp_path / 'picture.png'), np.zeros((40, 60, 3), np.uint8))
    return tmp_path / 'picture.png'


def test_cards(client, image):
    html = client.predict(handle_file(str(image)), 'star\n\nred circle', 'tiny', api_name='/find')
    assert html.count('class="ref-card"') == html.count('data:image/jpeg') == 2
    assert html.index('>star<') < html.index('>red circle<')


@pytest.mark.parametrize('content,text,model,message', [
    (None, 'star', 'tiny', 'There is no picture yet'),
    (b'no picture', 'star', 'tiny', 'cannot be read as a picture'),
    ('picture', '', 'tiny', 'There is nothing to look for'),
    ('picture', 'star', 'bad', 'The model “bad” gave no answer (FileNotFoundError'),
])
def test_what_goes_wrong_is_told(client, image, tmp_path, content, text, model, message):
    if isinstance(content, bytes):
        image.write_bytes(content)
    html = client.predict(content and handle_file(str(image)), text, model, api_name='/find')
    assert message in html and 'role="alert"' in html and 'Traceback' not in html


def test_an_unforeseen_error_is_logged(caplog, image, monkeypatch):
    pool = ModelPool({'tiny': (str(TINY_CONFIG), None)})
    monkeypatch.setattr(pool, 'get', lambda name: 1 / 0)
    assert 'ZeroDivisionError: division by zero' in answer(pool, str(image), 'star', 'tiny')
    assert 'Traceback' in caplog.text and 'no answer from tiny' in caplog.text


def ask(url, path, **more):
    """Post a request as anybody can write it; returns what the page would show."""
    data = [None if path is None else dict(path=str(path), **more), 'star', 'tiny']
    request = urllib.request.Request(f'{url}gradio_api/call/find', json.dumps(dict(data=data)).encode(),
                                     {'Content-Type': 'application/json'})
    event = json.load(urllib.request.urlopen(request, timeout=60))['event_id']
    return urllib.request.urlopen(f'{url}gradio_api/call/find/{event}', timeout=60).read().decode()


@pytest.mark.parametrize('kind', ['elsewhere', 'meta', 'link', 'pipe', 'relative', 'folder', 'nul'])
def test_only_what_was_uploaded_is_read(client, image, tmp_path, kind):
    """A request states the path of its file, and may state any."""
    uploads = Path(os.environ['GRADIO_TEMP_DIR'])
    uploads.mkdir(exist_ok=True)
    path, more = image, {}
    if kind == 'meta':
        more = dict(meta={'_type': 'gradio.FileData'})
    elif kind == 'link':
        path = uploads / f'{tmp_path.name}.png'
        path.symlink_to(image)
    elif kind == 'pipe':
        path = uploads / f'{tmp_path.name}.png'
        os.mkfifo(path)
    elif kind == 'relative':
        path = uploads / '..' / os.path.relpath(image, uploads.parent)
    elif kind == 'folder':
        path = uploads
    elif kind == 'nul':
        path = f'{uploads}/a\0.png'
    said = ask(client.src, path, **more)
    assert 'ref-card' not in said and str(tmp_path) not in said
    assert 'was not uploaded here' in said or 'event: error' in said


def test_paths_are_left_out_of_messages():
    said = without_paths("No file '/home/me/secret/epoch_3.pth' (/data/x/run.json), or C:\\me\\a.pth; 3 / 4, and/or")
    assert said == "No file 'epoch_3.pth' (run.json), or a.pth; 3 / 4, and/or"


def test_nothing_is_written_beside_the_module(client):
    assert not list((ROOT / 'mmrefseg/web_demo').glob('*.pyi'))
