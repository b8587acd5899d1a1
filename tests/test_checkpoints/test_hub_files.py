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


@pytest.mark.parametrize('address,message', [
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
