"""The page on analysis: every command is one that its tool takes, every picture is there and small."""

import re
import shlex

import pytest
from conftest import ROOT

TEXT = (ROOT / 'docs/en/analysis.md').read_text(encoding='utf-8')
COMMANDS = re.findall(r'^python (tools/analysis_tools/.*)$', TEXT, re.M)
TOOLS = sorted({command.split()[0] for command in COMMANDS})


def test_pictures():
    names = re.findall(r'!\[[^]]+\]\((images/[^)]+)\)', TEXT)
    assert len(names) == len(set(names)) == 10
    for name in names:
        assert (ROOT / 'docs/en' / name).stat().st_size <= 200_000, name


def test_every_tool_is_there():
    for name in re.findall(r'`(\w+\.py)`', TEXT):
        assert (ROOT / 'tools' / name).is_file() or (ROOT / 'tools/analysis_tools' / name).is_file(), name
    for path in (ROOT / 'tools/analysis_tools').glob('*_grid.py'):
        assert path.name in TEXT


@pytest.mark.parametrize('tool', TOOLS)
def test_commands(tool):
    """All options that the page gives a tool are in its source, and all configs exist."""
    source = (ROOT / tool).read_text() + (ROOT / 'mmrefseg/analysis/open_model.py').read_text()
    for command in COMMANDS:
        if command.startswith(f'{tool} '):
            words = shlex.split(command)
            assert all((ROOT / word).is_file() for word in words if word.startswith('configs/')), command
            for option in (word for word in words if word.startswith('--')):
                assert f"'{option}'" in source, f'{option} in {command}'
