"""benchmarks/deformable_attention.py runs: its table, with the processes that measure memory run in this one."""

import io
import sys
from contextlib import redirect_stdout
from types import SimpleNamespace

import deformable_attention


def test_its_table(monkeypatch, capsys):
    def run_here(command, **options):
        # python -W ignore script.py options
        monkeypatch.setattr(sys, 'argv', command[3:])
        with redirect_stdout(io.StringIO()) as out:
            deformable_attention.main()
        return SimpleNamespace(stdout=out.getvalue())

    monkeypatch.setattr(deformable_attention.subprocess, 'run', run_here)
    monkeypatch.setattr(sys, 'argv', ['deformable_attention.py', '--size', '64', '--channels', '16', '--rounds', '1',
                                      '--device', 'cpu'])
    deformable_attention.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(',')[0] for line in lines[2:]] == ['forward'] * 2 + ['with gradient'] * 2
    for line in lines[2:]:
        theirs, ours, ratio = map(float, line.split()[-3:])
        assert theirs >= 0 and ours >= 0
