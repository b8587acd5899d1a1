"""Models without training through every door: test.py, the inferencer, predict, the demo, info and doctor."""

import json

import numpy as np
import pytest
import torch
from conftest import ROOT
from foundation_inputs import SENTENCES, image_of
from mmengine.config import Config
from PIL import Image

from mmrefseg.apis import RefSegInferencer, list_foundation_models
from mmrefseg.command_line import doctor, info
from mmrefseg.command_line import predict as predict_command
from mmrefseg.command_line import test as test_command
from mmrefseg.command_line import train as train_command
from mmrefseg.web_demo import ModelPool, fetch_note, find_in_image, list_foundation_sources, list_sources

GROUNDED = 'configs/foundation/grounding-dino-t_sam2.1-t_refcoco.py'


@pytest.fixture
def config(foundation_folder, tmp_path):
    """A config with tiny models in the place of the hub's: what a user without network writes."""
    def write(name='grounding-dino-t_sam2.1-t_refcoco', more=''):
        path = tmp_path / f'{name}.py'
        path.write_text(
            f"_base_ = '{ROOT}/configs/foundation/{name}.py'\n"
            f"model = dict(detector=dict(pretrained='{foundation_folder('owlv2')}'),\n"
            f"             segmenter=dict(pretrained='{foundation_folder('sam2')}'){more})\n")
        return str(path)
    return write


@pytest.fixture
def photo(tmp_path):
    """A photograph that a phone stored lying on its side; how a person sees it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / 'photos' / 'phone.png'
    path.parent.mkdir()
    image_of('colour').save(path, exif=exif)
    return path, np.rot90(np.asarray(image_of('colour')), -1)


def test_the_test_tool(config, refshapes_root, tmp_path, capsys):
    metrics = tmp_path / 'metrics.json'
    test_command.main([
        config(), 'none', '--out', str(metrics), '--work-dir', str(tmp_path / 'work'), '--dump', str(tmp_path / 'rows'),
        '--show-dir', str(tmp_path / 'drawn'), '--show-interval', '5', '--cfg-options',
        f'test_dataloader.dataset.data_root={refshapes_root}', 'test_dataloader.dataset.type=RefShapesDataset',
        'test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False'])
    assert 'mIoU' in capsys.readouterr().out
    found = json.loads(metrics.read_text())['val']
    assert 0 <= found['mIoU'] < 100 and {'oIoU', 'P@0.5'} <= set(found)
    assert len((tmp_path / 'rows_val.csv').read_text().splitlines()) > 2
    assert list((tmp_path / 'drawn').rglob('*.png'))


def test_none_is_no_checkpoint_of_a_model_that_would_be_random(tmp_path):
    with pytest.raises(ValueError, match='RefSegmentor has no weights of its own and would be random'):
        test_command.main([str(ROOT / 'configs/lavt/lavt_nano_refshapes.py'), 'none', '--work-dir', str(tmp_path)])


def test_training_is_refused(config, tmp_path):
    with pytest.raises(ValueError, match='it lacks train_dataloader, train_cfg, optim_wrapper'):
        train_command.main([config(), '--work-dir', str(tmp_path)])


def test_the_inferencer_sees_a_photograph_as_a_person_does(config, photo, tmp_path):
    path, upright = photo
    inferencer = RefSegInferencer(config(), device='cpu', show_progress=False)
    from_file, = inferencer(path, SENTENCES[:2], out_dir=tmp_path / 'out')
    from_array, = inferencer(np.ascontiguousarray(upright[..., ::-1]), SENTENCES[:2])
    assert from_file['masks'].shape == (2, 70, 45) and (from_file['masks'] == from_array['masks']).all()
    assert from_file['boxes'] == from_array['boxes'] and len(from_file['boxes'][0][0]) == 4
    assert from_file['existence'] is None and 0 < from_file['scores'][0] < 1
    stored = RefSegInferencer(config(), device='cpu', show_progress=False, upright=False)
    as_stored, = stored(path, SENTENCES[:2], out_dir=tmp_path / 'stored')
    assert as_stored['masks'].shape == (2, 45, 70)
    # What is drawn is of the same picture as the masks.
    drawn, lying = (np.asarray(Image.open(result['overlay'])) for result in (from_file, as_stored))
    assert drawn.shape[0] / drawn.shape[1] > lying.shape[0] / lying.shape[1]


def test_a_trained_model_sees_it_so_too(photo):
    path, upright = photo
    inferencer = RefSegInferencer('sadlr_lavt_nano_refshapes', device='cpu', show_progress=False)
    from_file, = inferencer(path, ['red', 'left'])
    from_array, = inferencer(np.ascontiguousarray(upright[..., ::-1]), ['red', 'left'])
    assert from_file['masks'].shape == (2, 70, 45) and (from_file['masks'] == from_array['masks']).all()
    of_pillow, = inferencer(Image.open(path), ['red', 'left'])
    assert (of_pillow['masks'] == from_file['masks']).all()


def test_predict(config, photo, tmp_path, capsys):
    path, _ = photo
    (tmp_path / 'said.txt').write_text('the left man\nred\n', encoding='utf-8')
    out = tmp_path / 'predictions'
    command = [str(path.parent), str(tmp_path / 'said.txt'), '--model', config('grounding-dino-t_sam2.1-t_grefcoco'),
               '--out-dir', str(out), '--overlays', '--device', 'cpu']
    assert predict_command.main(command) == 0
    rows = [json.loads(line) for line in (out / 'results.jsonl').read_text().splitlines()]
    assert [row['size'] for row in rows] == [[70, 45]] * 2
    assert np.asarray(Image.open(out / rows[0]['mask'])).shape == (70, 45)
    with pytest.raises(ValueError, match='as_stored: False there, True now'):
        predict_command.main([*command, '--as-stored'])


def test_the_web_demo(config, photo, monkeypatch):
    path, _ = photo
    sources = list_sources([config()], ['none'])
    name, = [each for each in sources if 'refcoco' in each]
    answer = find_in_image(ModelPool(sources, 'cpu'), name, str(path), 'the left man\nred')
    assert len(answer.findings) == 2 and answer.notes == []
    names = list_foundation_models()
    assert list(list_foundation_sources()) == names and 'grounding-dino-t_sam2.1-t' in names
    note = fetch_note(list_foundation_sources()['grounding-dino-t_sam2.1-t'])
    assert 'At first use it fetches IDEA-Research/grounding-dino-tiny and facebook/sam2.1-hiera-tiny' in note
    assert 'about 850 MB' in note and 'Apache-2.0' in note and 'zero-shot' in note
    assert fetch_note(sources[name]) == fetch_note(('sadlr_lavt_nano_refshapes', None)) == ''
    with pytest.raises(ValueError, match="'none' in the place of a checkpoint needs its config"):
        list_sources(weights=['none'])


def test_info_and_doctor_say_what_would_be_fetched(capsys, monkeypatch):
    assert info.main(['grounding-dino-t_sam2.1-t']) == 0
    printed = capsys.readouterr().out
    assert 'its own, fetched at first use' in printed and 'IDEA-Research/grounding-dino-tiny' in printed
    lines = '\n'.join(doctor.hub_models())
    assert 'not here: facebook/sam2.1-hiera-tiny' not in lines.splitlines()[1]
    assert 'florence2-b ' in lines and 'not here: florence-community/Florence-2-base (0.23 billion weights)' in lines
    monkeypatch.setattr('mmrefseg.apis.model_zoo.try_to_load_from_cache', lambda *_: '/somewhere')
    assert all(line.endswith('on this disk') for line in doctor.hub_models()[1:])


def test_half_precision(config, tmp_path):
    """bfloat16 on a CPU: masks near those in single precision."""
    image = np.asarray(image_of('colour'))
    results = [RefSegInferencer(config(), device='cpu', show_progress=False, amp=amp)(image, SENTENCES[:1])[0]
               for amp in (False, True)]
    boxes = torch.tensor([result['boxes'][0][0] for result in results])
    assert (boxes[0] - boxes[1]).abs().max() < 8 and results[1]['masks'].any()


def test_the_config_is_five_lines():
    assert len((ROOT / GROUNDED).read_text().splitlines()) < 8 and Config.fromfile(ROOT / GROUNDED)
