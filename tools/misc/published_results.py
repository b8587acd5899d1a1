"""Write docs/en/published_results.md from the metafiles, every published row of every method, like beside like:

python tools/misc/published_results.py
"""

import argparse
import re
import sys
from itertools import groupby
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

import yaml

from mmrefseg.command_line.run_command import run_command
from mmrefseg.utils import write_text

# The pages belong to the repository, which an installed package is without.
ROOT = Path(__file__).resolve().parents[2]

SPLITS = ('val', 'testA', 'testB', 'test')
DATA = ('RefCOCO', 'RefCOCO+', 'RefCOCOg (umd)', 'RefCOCOg (google)', 'ReferIt (berkeley)', 'gRefCOCO')
# What a paper says of how it evaluates; a row's own `Protocol` in the metafile comes first.
PROTOCOLS = {
    'LAVT': 'lavt', 'SADLR': 'lavt', 'LTS': 'lts', 'VLT': 'vlt', 'CRIS': 'cris', 'ETRIS': 'cris', 'DETRIS': 'cris',
    'ReLA': 'rela', 'GRES': 'rela', 'CARIS': 'lavt'}
# Metrics that are one and the same under several names, and the tables that they stand in.
KINDS = (
    ('Overall IoU', 'Σ intersection / Σ union', r'oIoU|cIoU'),
    ('Mean IoU', 'of the IoUs of all expressions', r'mIoU|gIoU'),
    ('"IoU", as printed', 'the paper does not say which', r'IoU'),
    ('Precision', 'share of the expressions with an IoU above X', r'P@.*'),
    ('With and without an object', 'generalized', r'[NT]-acc'),
    ('Overall IoU by the number of words', "S²RM's Table III", r'oIoU\[.*\]'),
)
HEAD = '''<!-- Written by tools/misc/published_results.py from configs/*/metafile.yml: change those. -->
# Published results, like beside like

What papers print of the methods that are built here. **None of these numbers is ours**, no model of this size has
been trained here, and no weights are published for them. A table holds one metric on one data set: numbers of different
tables do not compare, and within one a mark says what is not alike. Rows are in the order of their first number.

| mark | not alike |
|---|---|
{marks}

*Protocol*: whose evaluation ([metrics](metrics.md)): `lavt` and `rela` compare at the input's size by argmax, `cris`,
`vlt` and `lts` at the image's own with thresholds of 0.35, 0.35 and 0.25. *Trained on*: the train split of what.
*Source*: whose table; all tables row by row are [another page](paper_tables.md). Configs without a row in a paper are
not here.
'''
MARKS = {
    'i': 'the paper prints "IoU" and defines no sum over expressions: accumulated or mean is open '
         '([metrics](metrics.md#which-number-compares-with-which-paper))',
    'n': 'size of comparison and threshold are not stated',
    'o': "compared at the image's own size, with a threshold below one half",
    's': 'the input is not 480×480',
    'm': 'trained on several data sets; whether images that one of them holds out were left out is not printed (the '
         'config leaves them out: [mixed training](mixed_training.md))',
    'd': 'refined by a dense CRF',
    'w': 'in print the backbone was trained on COCO without the val and test images; the weights that the config loads '
         'have seen them ([why it matters](../../configs/lts/README.md#where-it-differs-from-the-papers))',
}


class Row(NamedTuple):
    """A line of a table: a model's numbers of one metric on one data set from one source."""

    name: str
    config: str
    data: str
    metric: str
    source: str
    protocol: str
    trained_on: str
    values: Dict[str, float]


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description='Write docs/en/published_results.md from the metafiles')
    parser.add_argument('--out', type=Path, default=ROOT / 'docs/en/published_results.md', help='the page')
    write_text(parser.parse_args().out, page())


def published_rows() -> List[Row]:
    """list[Row]: Of all metafiles, but those of models trained here."""
    found: Dict[tuple, Row] = {}
    for path in yaml.safe_load((ROOT / 'model-index.yml').read_text(encoding='utf-8'))['Import']:
        for model in yaml.safe_load((ROOT / path).read_text(encoding='utf-8'))['Models']:
            for result in model.get('Results', []):
                for key, value in result['Metrics'].items():
                    metric, whose, split = re.fullmatch(r'(\S+) \((\w+), (\w+)\)', key).groups()
                    if whose == 'ours':
                        continue
                    row = _row(model, result, metric, whose)
                    found.setdefault((row.config, row.data, row.metric, row.source, whose), row).values[split] = value
    return list(found.values())


def _row(model: dict, result: dict, metric: str, whose: str) -> Row:
    method = model['In Collection']
    own = dict(paper=method, authors=f'{method}, code', release=f'{method}, code', README=f'{method}, README')
    source = result.get('Source') if whose not in ('authors', 'release', 'README') else None
    source = source or own.get(whose, whose)
    protocol = result.get('Protocol') or PROTOCOLS.get(re.split(r'[ ,]', source)[0], 'not stated')
    mixed = 'mixed' in model['Config']
    trained_on = result.get('Trained On') or ('RefCOCO, RefCOCO+, RefCOCOg' if mixed else result['Dataset'])
    data = 'ReferIt (berkeley)' if result['Dataset'] == 'ReferIt' else result['Dataset']
    return Row(model['Name'], model['Config'], data, metric, source, protocol, trained_on, {})


def marks_of(row: Row) -> str:
    """str: Letters of :data:`MARKS`."""
    name = Path(row.config).name
    folder = Path(row.config).parts[1]
    said = dict(
        i=row.metric == 'IoU' and not row.source.startswith('VLT'), n=row.protocol == 'not stated',
        o=row.protocol in ('lts', 'vlt', 'cris'),
        s=folder in ('s2rm', 'cmpc', 'cris', 'detris', 'caris') or 'darknet53' in name,
        m=row.trained_on.count(',') > 0, d=folder == 'cmpc' and not row.source.startswith('LTS'), w='darknet53' in name)
    return ''.join(mark for mark, holds in said.items() if holds)


def page() -> str:
    """str: The whole page."""
    rows = published_rows()
    marks = '\n'.join(f'| {mark} | {meaning} |' for mark, meaning in MARKS.items())
    text = HEAD.format(marks=marks)
    main_rows = [row for row in rows if 'ablations' not in row.config]
    for data in (*DATA, *sorted({row.data for row in main_rows} - set(DATA))):
        of_data = [row for row in main_rows if row.data == data]
        if of_data:
            text += f'\n## {data}\n' + ''.join(_tables(of_data, kind) for kind in KINDS)
    text += "\n## Ablations\n\nRows of the papers' own comparisons, on RefCOCO val unless a column says otherwise.\n"
    ablations = [row for row in rows if 'ablations' in row.config]
    for source, members in groupby(sorted(ablations, key=lambda row: row.source), key=lambda row: row.source):
        text += _ablations(source, list(members))
    return text


def _tables(rows: List[Row], kind: Tuple[str, str, str]) -> str:
    title, meaning, pattern = kind
    chosen = [row for row in rows if re.fullmatch(pattern, row.metric)]
    if not chosen:
        return ''
    names = sorted({row.metric for row in chosen}, key=lambda name: [int(n) if n.isdigit() else n
                                                                    for n in re.split(r'(\d+)', name)])
    by_split = len(names) == 1 or title in ('Overall IoU', 'Mean IoU')
    splits = [split for split in SPLITS if any(split in row.values for row in chosen)]
    columns = [(None, split) for split in splits] if by_split else [
        (name, split) for split in splits for name in names if any(row.metric == name and split in row.values
                                                                   for row in chosen)]
    lines: Dict[tuple, list] = {}
    for row in chosen:
        key = (row.name, row.config, row.source, row.protocol, row.trained_on, marks_of(row))
        key += (row.metric, ) if by_split else ()
        cells = lines.setdefault(key, [''] * len(columns))
        for number, (name, split) in enumerate(columns):
            if name in (None, row.metric) and split in row.values:
                cells[number] = f'{row.values[split]:.2f}'
    ordered = sorted(lines.items(), key=lambda item: [-float(cell or 0) for cell in item[1]])
    head = ['model', *(split if name is None else f'{split} {name}' for name, split in columns), 'marks', 'protocol',
            'trained on', 'source']
    table = [[f'[`{key[0]}`](../../{key[1]})', *cells, key[5], f'`{key[3]}`' if ' ' not in key[3] else key[3], key[4],
              key[2]] for key, cells in ordered]
    return f'\n### {title} on {rows[0].data}\n\n{meaning[0].upper()}{meaning[1:]}.\n\n{_markdown([head, *table])}\n'


def _ablations(source: str, rows: List[Row]) -> str:
    columns = list(dict.fromkeys((row.data, row.metric, split) for row in rows for split in row.values))
    lines: Dict[str, dict] = {}
    for row in rows:
        for split, value in row.values.items():
            lines.setdefault(f'[`{row.name}`](../../{row.config})', {})[row.data, row.metric, split] = f'{value:.2f}'
    titles = [f'{"" if data == "RefCOCO" else data + " "}{split} {metric}' for data, metric, split in columns]
    body = [[name, *(cells.get(column, '') for column in columns)] for name, cells in lines.items()]
    return f'\n### {source}\n\n{_markdown([["model", *titles], *body])}\n'


def _markdown(rows: List[list]) -> str:
    head, *body = [f'| {" | ".join(map(str, row))} |' for row in rows]
    return '\n'.join([head, '|---' * len(rows[0]) + '|', *body])


if __name__ == '__main__':
    sys.exit(run_command(main))
