"""benchmarks/s2rm_coparsing.py runs: its table, with the processes that measure memory run in this one."""

import io
import sys
from contextlib import redirect_stdout
from types import SimpleNamespace

import s2rm_coparsing


def test_its_table(monkeypatch, capsys):
    def run_here(command, **options):
        # python -W ignore script.py options
        monkeypatch.setattr(sys, 'argv', command[3:])
        with redirect_stdout(io.StringIO()) as out:
            s2rm_coparsing.main()
        return SimpleNamespace(stdout=out.getvalue())

    monkeypatch.setattr(s2rm_coparsing.subprocess, 'run', run_here)
    monkeypatch.setattr(sys, 'path', [*sys.path])
    monkeypatch.setattr(sys, 'argv', ['s2rm_coparsing.py', '--sizes', '4', '--channels', '8', '--rounds', '1',
                                      '--device', 'cpu'])
    s2rm_coparsing.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(',')[1].strip() for line in lines[2:]] == ['forward'] * 2 + ['with gradient'] * 2
    for line in lines[2:]:
        literal, ours, ratio = map(float, line.split()[-3:])
        assert literal >= 0 and ours >= 0
