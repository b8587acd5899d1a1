"""The allocator's set-up is done on CPUs alone and can be switched off."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT

from mmrefseg.utils import keep_freed_memory

COUNT_FAULTS = '''
import resource, sys, torch
from mmrefseg.utils import keep_freed_memory
print(keep_freed_memory())
def use():
    for _ in range(20):
        torch.ones(16, 1024, 1024)  # 64 MiB: more than glibc keeps by default
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
'''


@pytest.mark.skipif(sys.platform != 'linux', reason='glibc only')
def test_memory_is_used_again():
    faults = {}
    for switch in ('1', '0'):
        environment = dict(os.environ, MMREFSEG_KEEP_MEMORY=switch, PYTHONPATH=str(ROOT), CUDA_VISIBLE_DEVICES='')
        done = subprocess.run([sys.executable, '-W', 'ignore', '-c', COUNT_FAULTS], env=environment, check=True,
                              capture_output=True, text=True)
        was_done, faults[switch] = done.stdout.split()[-2:]
        assert was_done == str(switch == '1')
    assert int(faults['1']) < int(faults['0']) / 2


def test_gpus_need_nothing(monkeypatch):
    monkeypatch.setattr('mmrefseg.utils.cpu_memory.get_device', lambda: 'cuda')
    assert keep_freed_memory() is False
