"""Files of the Hugging Face hub by address: which one, when it is asked for, and every error; no network is used."""

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

from mmrefseg.checkpoints.hub_files import hub_file
from mmrefseg.checkpoints.local_copy import local_copy
from mmrefseg.errors import CheckpointError

FILES = ['README.md', 'base/refcoco.pth', 'base/refcoco+.pth', 'large/refcoco.pth']


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub of one model; what is downloaded lies in its folder, and the calls are counted."""
    calls = []

    def listed(model):
        calls.append('list')
        if model != 'thuteam/DETRIS':
            raise OfflineModeIsEnabled('no network')
        return FILES

    def downloaded(model, name):
        calls.append(name)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'weights')
        return str(path)

    def snapshot(model, local_files_only):
        assert local_files_only
        if not any(tmp_path.iterdir()):
            raise LocalEntryNotFoundError('nothing of it')
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, 'list_repo_files', listed)
    monkeypatch.setattr(huggingface_hub, 'hf_hub_download', downloaded)
    monkeypatch.setattr(huggingface_hub, 'snapshot_download', snapshot)
    return tmp_path, calls


def test_a_file_is_downloaded_once(hub):
    folder, calls = hub
    for address in ('hf://thuteam/DETRIS/base/refcoco.pth', 'hf://thuteam/DETRIS/base/refcoco.*'):
        assert local_copy(address) == str(folder / 'base/refcoco.pth')
    assert calls == ['list', 'base/refcoco.pth']  # the second time it is in the cache


def test_a_file_by_what_its_name_says(hub):
    folder, calls = hub
    assert hub_file('hf://thuteam/DETRIS?data=refcoco&size=large') == str(folder / 'large/refcoco.pth')
    assert hub_file('hf://thuteam/DETRIS?data=refcoco+&size=base') == str(folder / 'base/refcoco+.pth')
    assert hub_file('hf://thuteam/DETRIS?data=refcoco+') == str(folder / 'base/refcoco+.pth')
    assert calls == ['list', 'large/refcoco.pth', 'list', 'base/refcoco+.pth']


@pytest.mark.parametrize('address,message', [
    ('hf://thuteam/DETRIS?data=refcoco', r'2 files fit \(base/refcoco.pth, large/refcoco.pth\), expected one; .*: say '
     'which by hf://thuteam/DETRIS/FILE'),
    ('hf://thuteam/DETRIS?data=mixed', 'no file fits, expected one'),
    ('hf://thuteam/DETRIS?data=coco', 'asks for data=coco, expected some of data: mixed, .*; size: large, base'),
    ('hf://thuteam/DETRIS?epoch=3', 'asks for epoch=3'),
    ('hf://thuteam/DETRIS?data', 'asks for data=, expected some of'),
    ('hf://thuteam/DETRIS', r'expected hf://OWNER/NAME/FILE'),
    ('hf://thuteam/DETRIS/*.bin', r'no file fits, expected one; thuteam/DETRIS has README.md, base/refcoco.pth'),
    ('hf://thuteam/DETRIS/*/refcoco.pth', r'2 files fit \(base/refcoco.pth, large/refcoco.pth\), expected one'),
    ('hf://other/model/a.pth', r'cannot be had from the Hugging Face hub, .* \(OfflineModeIsEnabled: no network\)')])
def test_addresses_that_name_no_file(hub, address, message):
    with pytest.raises(CheckpointError, match=message):
        hub_file(address)


def test_another_scheme_says_what_there_is():
    with pytest.raises(CheckpointError, match='expected a path, http, https, or zoo://, hf://'):
        local_copy('s3://bucket/weights.pth')
