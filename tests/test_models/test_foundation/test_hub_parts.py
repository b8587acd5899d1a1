"""What is said where a foundation model cannot be read, and what is never read."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import transformers
from foundation_inputs import build

SIZE = 'about 690 MB'


def detector(pretrained, **kwargs):
    return build(type='ZeroShotDetector', pretrained=str(pretrained), **kwargs)


@pytest.mark.parametrize('local_files_only', [True, False])
def test_without_a_network_one_error_says_what_to_fetch_and_where_to_put_it(local_files_only, tmp_path, monkeypatch):
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path))
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
    with pytest.raises(OSError) as error:
        detector('no-such-team/no-such-model', local_files_only=local_files_only, size=SIZE)
    text = str(error.value)
    assert "model.detector.pretrained='no-such-team/no-such-model'" in text and SIZE in text
    assert 'hf download no-such-team/no-such-model --local-dir FOLDER' in text
    assert 'set model.detector.pretrained to that folder' in text and '\n' not in text


@pytest.mark.parametrize('config,key', [
    (dict(type='PromptableSegmenter'), 'model.segmenter.pretrained'),
    (dict(type='CLIPSegSegmentor'), 'model.pretrained'),
    (dict(type='Florence2Segmentor'), 'model.pretrained')])
def test_every_part_names_its_key(config, key, tmp_path):
    with pytest.raises(OSError, match=f'^{key}: the folder {tmp_path} cannot be read: it must hold config.json'):
        build(**config, pretrained=str(tmp_path))


def test_only_safetensors_are_read(foundation_folder, tmp_path):
    copy = tmp_path / 'copy'
    shutil.copytree(foundation_folder('owlv2'), copy)
    weights = transformers.Owlv2ForObjectDetection.from_pretrained(copy).state_dict()
    (copy / 'model.safetensors').unlink()
    torch.save(weights, copy / 'pytorch_model.bin')
    with pytest.raises(OSError, match='cannot be read.*safetensors'):
        detector(copy)


def test_code_of_a_folder_never_runs(foundation_folder, tmp_path):
    copy = tmp_path / 'copy'
    shutil.copytree(foundation_folder('owlv2'), copy)
    config = json.loads((copy / 'config.json').read_text())
    auto_map = dict(AutoConfig='evil.Evil', AutoModelForZeroShotObjectDetection='evil.Evil')
    config.update(model_type='evil', auto_map=auto_map)
    (copy / 'config.json').write_text(json.dumps(config))
    (copy / 'evil.py').write_text(f'open({str(tmp_path / "ran")!r}, "w")\nclass Evil: pass\n')
    with pytest.raises(OSError, match='cannot be read'):
        detector(copy)
    assert not (tmp_path / 'ran').exists()


def test_another_kind_of_model(foundation_folder):
    with pytest.raises(OSError, match='model.segmenter.pretrained: the folder .* cannot be read'):
        build(type='PromptableSegmenter', pretrained=foundation_folder('clipseg'))


def test_half_precision_files_are_brought_to_single_precision(foundation_folder, tmp_path):
    half = transformers.CLIPSegForImageSegmentation.from_pretrained(foundation_folder('clipseg')).half()
    shutil.copytree(foundation_folder('clipseg'), tmp_path / 'half')
    half.save_pretrained(tmp_path / 'half')
    assert 'float16' in Path(tmp_path / 'half/config.json').read_text()
    model = build(type='CLIPSegSegmentor', pretrained=str(tmp_path / 'half'))
    assert {value.dtype for value in model.parameters()} == {torch.float32}
