"""Every row of every table of the papers has a config or a reason, and metafiles hold their numbers."""

import importlib.util
import re

import pytest
import yaml
from conftest import ROOT


def tool(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / f'tools/misc/{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLES, RESULTS = tool('paper_tables'), tool('published_results')
PAPERS = TABLES.papers()
NAMES = [paper['paper'] for paper in PAPERS]
FILES = dict(LTS='lts.md', SADLR='sadlr.md', S2RM='s2rm_casg.md', M3Att='m3att.md')
FOLDERS = dict(lavt='LAVT', lts='LTS', vlt='VLT', sadlr='SADLR', cgan='CGAN', s2rm='S2RM', m3att='M3Att', cmpc='CMPC')


def metafile_numbers():
    """(config, metric, whose, split) -> value."""
    found = {}
    for path in (ROOT / 'configs').glob('*/metafile.yml'):
        for model in yaml.safe_load(path.read_text())['Models']:
            for result in model.get('Results', []):
                for key, value in result['Metrics'].items():
                    metric, whose, split = re.fullmatch(r'(\S+) \((\w+), (\w+)\)', key).groups()
                    name = model['Config'].removeprefix('configs/').removesuffix('.py')
                    found[name, metric, whose, split] = value
    return found


def test_the_pages_are_what_the_tools_write():
    assert (ROOT / 'docs/en/paper_tables.md').read_text() == TABLES.page()
    assert (ROOT / 'docs/en/published_results.md').read_text() == RESULTS.page()


@pytest.mark.parametrize('paper', PAPERS, ids=NAMES)
def test_every_row_has_a_config_or_a_reason(paper):
    for table in paper['tables']:
        for row in table['rows']:
            assert len(row['values']) == len(table['columns']), row
            assert TABLES.configs_of(row) or row.get('why', 'rival') in TABLES.WHY, row
            assert ('config' in row) != ('why' in row), row


def test_every_table_is_there():
    numbers = {paper['paper']: [str(table['table']) for table in paper['tables']] for paper in PAPERS}
    roman = ['I', 'II', 'III', 'IV', 'V', 'VI', 'VII']
    assert numbers == dict(LTS=list('1234567'), SADLR=list('1234'), S2RM=roman, M3Att=roman[:5])


@pytest.mark.parametrize('paper', PAPERS, ids=NAMES)
def test_metafiles_hold_the_numbers(paper):
    numbers, count = metafile_numbers(), 0
    for cell in TABLES.cells(paper):
        if cell.reprint or (paper['paper'] == 'S2RM' and cell.config.startswith('m3att')):
            continue
        whose = 'paper' if FOLDERS[cell.config.split('/')[0]] == paper['paper'] else paper['paper']
        assert numbers[cell.config, cell.metric, whose, cell.split] == cell.value, cell
        count += 1
    assert count >= 69


# M3Att prints 39.98 for CMPC on RefCOCOg, which is CMSA's number in the same table.
MISPRINTS = {('M3Att', 'IV', 'cmpc/cmpc_r101_refcocog-google')}


@pytest.mark.parametrize('paper', PAPERS, ids=NAMES)
def test_reprints_are_the_numbers_of_the_own_paper(paper):
    own = {}
    for (config, metric, _, split), value in metafile_numbers().items():
        if metric.endswith('IoU'):
            own.setdefault((config, split), set()).add(value)
    for cell in TABLES.cells(paper):
        if cell.reprint and cell.metric.endswith('IoU') and (cell.config, cell.split) in own:
            wrong = cell.value not in own[cell.config, cell.split]
            assert wrong == ((paper['paper'], cell.table, cell.config) in MISPRINTS), cell


@pytest.mark.parametrize('paper', PAPERS, ids=NAMES)
def test_no_row_of_the_paper_is_missing(paper, shared_dir):
    """Lines of numbers in the paper's text, each with all its numbers in one row here."""
    text = (shared_dir / 'papers' / FILES[paper['paper']]).read_text()
    rows = [row['values'] for table in paper['tables'] for row in table['rows']]
    known = {value for values in rows for value in values}
    lines = [re.findall(r'(?<![\d.])\d{1,2}\.\d\d(?![\d.])', line) for line in text.splitlines() if '\t' in line]
    lines = [line for line in lines if len(line) > 1]
    assert len(lines) >= 17 and not [line for line in lines if not set(line) <= known]
    if paper['paper'] == 'M3Att':  # the text of Table IV has lost its lines
        alone = re.findall(r'^(\d{2}\.\d\d)$', text, flags=re.MULTILINE)
        assert len(alone) > 30 and set(alone) <= known
    else:
        assert len(lines) == sum(len([value for value in values if re.fullmatch(r'\d+\.\d\d', value)]) > 1
                                 for values in rows)
