"""Write what models cost into metafiles and READMEs, as tools/analysis_tools/get_flops.py prints it:

python tools/misc/costs.py
"""

import argparse
import re
import sys
from functools import cache
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import yaml
from mmengine.config import Config

from mmrefseg.analysis.model_cost import build_for_counting, part_costs
from mmrefseg.command_line.run_command import run_command
from mmrefseg.utils import pipeline_sizes, write_text

# The pages belong to the repository, which an installed package is without.
ROOT = Path(__file__).resolve().parents[2]

Costs = Dict[str, Tuple[float, float]]
COLUMNS = ('text_encoder', 'backbone', 'of it, fusion', 'fusion', 'decoder', 'decode_head')
TITLES = ('text encoder', 'backbone', 'of it, fusion', 'fusion', 'decoder', 'head')
BEGIN, END = '<!-- costs: written by tools/misc/costs.py -->', '<!-- costs: end -->'


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description='Write costs into metafiles and READMEs')
    parser.add_argument('methods', nargs='*', help='folders below configs; default: all')
    methods = parser.parse_args().methods
    for path in sorted((ROOT / 'configs').glob('*/metafile.yml')):
        if not methods or path.parent.name in methods:
            write_text(path, with_costs(path.read_text(encoding='utf-8')))
            readme = path.with_name('README.md')
            write_text(readme, with_table(readme.read_text(encoding='utf-8'), path))


@cache
def costs_of(config: str, norms: bool = False) -> Tuple[Tuple[int, int], int, Costs]:
    """Cost of a config's model at its own size and with as many words as it reads.

    Args:
        config (str): Path below the repository.
        norms (bool): Whether norms count.

    Returns:
        tuple: (width, height), words, and (GMACs, parameters in M) of each part and of all.
    """
    cfg = Config.fromfile(ROOT / config)
    (width, height), = pipeline_sizes(cfg)
    key = str((cfg.model, width, height, norms))
    if key not in _COUNTED:
        model = build_for_counting(cfg)
        words = model.text_encoder.max_length
        rows = part_costs(model, height, width, words, norms=norms)
        _COUNTED[key] = words, {part: (macs / 1e9, parameters / 1e6) for part, macs, parameters in rows}
    return ((width, height), *_COUNTED[key])


_COUNTED: Dict[str, Tuple[int, Costs]] = {}


def with_costs(metafile: str) -> str:
    """A metafile's text with GMACs and parameters of all that it gives them of, but of the nano models of the zoo."""
    blocks = re.split(r'(?=^  - Name: )', metafile, flags=re.MULTILINE)
    return ''.join(block if 'Weights:' in block else _block_with_costs(block) for block in blocks)


def _block_with_costs(block: str) -> str:
    config = re.search(r'^    Config: (\S+)$', block, flags=re.MULTILINE)
    found = re.search(r'^    Metadata: \{GMACs: [\d.]+, Parameters \(M\): [\d.]+', block, flags=re.MULTILINE)
    if not config or not found:
        return block
    macs, parameters = costs_of(config[1])[2]['all']
    return block.replace(found[0], f'    Metadata: {{GMACs: {macs:.1f}, Parameters (M): {parameters:.2f}')


def with_table(readme: str, metafile: Path) -> str:
    """Write the table of costs of a README between its marks: a row a model with a ``Row`` in its ``Metadata``."""
    if BEGIN not in readme:
        return readme
    models = yaml.safe_load(metafile.read_text(encoding='utf-8'))['Models']
    rows = [row_of(model) for model in models if 'Row' in model.get('Metadata', {})]
    used = [index for index in range(len(TITLES)) if any(row[3 + index] for row in rows)]
    head = ['config', 'input', 'words', *(TITLES[index] for index in used), 'all', 'all, with norms', 'in print']
    lines = [head, ['---'] * len(head)] + [
        [*row[:3], *(row[3 + index] for index in used), *row[3 + len(TITLES):]] for row in rows]
    table = '\n'.join(f'| {" | ".join(map(str, line))} |' for line in lines)
    before, rest = readme.split(BEGIN)
    return f'{before}{BEGIN}\n\n{table}\n\n{END}{rest.split(END)[1]}'


def row_of(model: dict) -> List[Optional[str]]:
    """list[str]: The cells of a model; a part that it has not is empty."""
    size, words, costs = costs_of(model['Config'])
    norms = costs_of(model['Config'], norms=True)[2]
    cells = [f'{costs[part][0]:.2f} G, {costs[part][1]:.2f} M' if part in costs else '' for part in COLUMNS]
    total = f'{costs["all"][0]:.2f} G, {costs["all"][1]:.2f} M'
    metadata = model['Metadata']
    return [f'`{metadata["Row"]}`', f'{size[0]}×{size[1]}', words, *cells, total, f'{norms["all"][0]:.2f} G',
            metadata.get('In Print', '–')]


if __name__ == '__main__':
    sys.exit(run_command(main))
