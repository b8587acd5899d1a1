"""Write docs/en/paper_tables.md from docs/tables/*.yml, every row of every table of the four papers:

python tools/misc/paper_tables.py
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional

import yaml

from mmrefseg.command_line.run_command import run_command
from mmrefseg.utils import write_text

# The pages belong to the repository, which an installed package is without.
ROOT = Path(__file__).resolve().parents[2]

DATA = {'refcoco': 'RefCOCO', 'refcoco+': 'RefCOCO+', 'refcocog-umd': 'RefCOCOg (umd)',
        'refcocog-google': 'RefCOCOg (google)', 'referit': 'ReferIt (berkeley)'}
WHY = {
    'rival': "another method's number, reprinted; the method is not built here",
    'CGAN': 'the whole CGAN is not built: its cascade is a head here, [`configs/cgan`](../../configs/cgan/README.md)',
    'VLT+': "VLT's extension (TPAMI 2022) is not built, the VLT of ICCV 2021 is: [`vlt`](../../configs/vlt/README.md)",
    'MCN': "MCN learns from boxes too and is not built; LTS' fusion takes after it",
    'CEFNet': 'CEFNet fuses inside its encoder and is not built; its fusion is, '
              '[`ACMFusion`](../../mmrefseg/models/fusion/acm_fusion.py)',
}
HEAD = '''<!-- Written by tools/misc/paper_tables.py from docs/tables/*.yml: change those. -->
# Tables of the papers, row by row

Every row of every table of the four papers that this toolbox is built after, with the config that is the row, or why
there is none: {rows} rows of {tables} tables, {own} of them with a config. The numbers are in
[published results](published_results.md), and no model of this size has been trained here.

A name with `*` is a config for each data set of the table. *Reprint*: the number is from that method's own paper.
'''


class Cell(NamedTuple):
    """A number of a table, as printed, of a row that has a config.

    Attributes:
        table (str): Of the paper.
        config (str): Path below configs, without ``.py``.
        data (str): End of the config's name: ``refcoco+``.
        metric (str): As the paper calls it, in this toolbox' spelling.
        split (str): 'val', 'testA', ….
        value (float): In percent.
        reprint (bool): Whether it is another paper's number.
    """

    table: str
    config: str
    data: str
    metric: str
    split: str
    value: float
    reprint: bool


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description='Write docs/en/paper_tables.md from docs/tables/*.yml')
    parser.add_argument('--out', type=Path, default=ROOT / 'docs/en/paper_tables.md', help='the page')
    write_text(parser.parse_args().out, page())


def papers() -> List[dict]:
    """list[dict]: What the files hold."""
    return [yaml.safe_load(path.read_text(encoding='utf-8'))
            for path in sorted((ROOT / 'docs/tables').glob('*.yml'))]


def configs_of(row: dict) -> List[str]:
    """list[str]: Configs of a row, paths below configs without ``.py``; none where it has none."""
    name = row.get('config')
    if not name:
        return []
    names = [name.replace('*', data) for data in DATA] if '*' in name else [name]
    return [name for name in names if (ROOT / f'configs/{name}.py').is_file()]


def cells(paper: dict) -> Iterator[Cell]:
    """Numbers of all rows that have a config.

    Args:
        paper (dict): Of :func:`papers`.

    Yields:
        Cell: Costs and milliseconds are left out.
    """
    for table in paper['tables']:
        for row in table['rows']:
            configs = configs_of(row)
            for number, ((metric, data, split), value) in enumerate(zip(table['columns'], row['values'])):
                if value == '-' or metric in ('FLOPs', 'time (ms)'):
                    continue
                data, split, metric = row.get('data', data), row.get('split', split), row.get('metric', metric)
                if 'groups' in row:
                    metric = f'oIoU[{row["groups"][number]}]'
                config = (row.get('config') or '').replace('*', data)
                if config in configs:
                    yield Cell(table['table'], config, data, metric, split, float(value), bool(row.get('reprint')))


def page() -> str:
    """str: The whole page."""
    found = papers()
    tables = [table for paper in found for table in paper['tables']]
    rows = [row for table in tables for row in table['rows']]
    text = HEAD.format(rows=len(rows), tables=len(tables), own=sum(bool(configs_of(row)) for row in rows))
    for paper in found:
        text += f'\n## {paper["title"]}\n\n[README](../../configs/{paper["method"]}/README.md)\n'
        for table in paper['tables']:
            lines = [f'| {row_name(row)} | {where(row)} |' for row in table['rows']]
            text += '\n'.join(['', f'### {paper["paper"]}, Table {table["table"]}: {table["about"]}', '',
                               '| row | config |', '|---|---|', *lines, ''])
    return text


def row_name(row: dict) -> str:
    """str: What the paper calls a row, and of which metric and data where the table has several."""
    about = [row.get('metric'), DATA.get(row.get('data')), row.get('data') and row.get('split')]
    about = ', '.join(part for part in about if part)
    return row['row'].replace('|', '\\|') + (f' ({about})' if about else '')


def where(row: dict) -> str:
    """str: The config of a row, or why there is none."""
    found = configs_of(row)
    if not found:
        return WHY[row.get('why', 'rival')]
    return link(row['config'], found) + (', *reprint*' if row.get('reprint') else '')


def link(name: str, found: List[str], shown: Optional[str] = None) -> str:
    """str: A link to a config, or to the first of several."""
    shown = shown or re.sub(r'^.*/', '', name)
    return f'[`{Path(name).parts[0]}`: `{shown}`](../../configs/{found[0]}.py)'


if __name__ == '__main__':
    sys.exit(run_command(main))
