"""A device that is not there is said before anything is loaded for it."""

import pytest
import torch

from mmrefseg.utils.devices import check_device


def test_what_is_there():
    assert check_device(None) is None and check_device('cpu') == 'cpu' and check_device('cpu:0') == 'cpu:0'


@pytest.mark.parametrize('device,words', [
    ('cuda:7', "'cuda:7' is not on this machine; here there is cpu"), ('gpu', "'gpu': torch knows no such device"),
    ('cuda:x', 'knows no such device'), ('mps', 'not on this machine'), ('meta', 'not on this machine')])
def test_what_is_not(device, words, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 0)
    monkeypatch.setattr(torch.backends.mps, 'is_available', lambda: False)
    with pytest.raises(ValueError, match=words):
        check_device(device)


def test_numbers_of_cards(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    assert check_device('cuda') == 'cuda' and check_device('cuda:1') == 'cuda:1'
    with pytest.raises(ValueError, match='here there are cpu, cuda:0, cuda:1'):
        check_device('cuda:2')
