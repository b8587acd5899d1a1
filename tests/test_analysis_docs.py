"""The page on analysis: every tool is there, every picture is there and small."""

import re

from conftest import ROOT

TEXT = (ROOT / 'docs/en/analysis.md').read_text(encoding='utf-8')


def test_images():
    names = re.findall(r'!\[[^]]+\]\((images/[^)]+)\)', TEXT)
    assert len(names) == len(set(names)) == 10
    for name in names:
        assert (ROOT / 'docs/en' / name).stat().st_size <= 200_000, name


def test_every_tool_is_there():
    for name in re.findall(r'`(\w+\.py)`', TEXT):
        assert (ROOT / 'tools' / name).is_file() or (ROOT / 'tools/analysis_tools' / name).is_file(), name
    for path in (ROOT / 'tools/analysis_tools').glob('*_grid.py'):
        assert path.name in TEXT
