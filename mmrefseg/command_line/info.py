"""Report of a model's parts: ``python -m mmrefseg info lavt_swinb_refcoco``."""

import argparse
from typing import Optional, Sequence

from mmengine.config import Config
from mmengine.registry import init_default_scope
from prettytable import PrettyTable
from torch import nn

from mmrefseg.engine import read_config
from mmrefseg.models import brings_weights
from mmrefseg.registry import MODELS
from mmrefseg.utils import find_config, list_configs, without_pretrained, zoo_entries


def main(arguments: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> int:
    """Print what is known of a name, or all names.

    Returns:
        int: The exit status.
    """
    parser = argparse.ArgumentParser(prog=prog, description='The parts, sizes and config of a model')
    parser.add_argument('name', nargs='?', help='name in the zoo, config or its name; default: list all')
    parser.add_argument('--config', action='store_true', help='print the whole config, ready to be a file of your own')
    args = parser.parse_args(arguments)
    if args.name is None:
        print(all_names())
        return 0
    path = find_config(args.name)
    cfg = read_config(path)
    if args.config:
        print(cfg.pretty_text)
        return 0
    entry = zoo_entries().get(args.name.lower())
    init_default_scope(cfg.get('default_scope', 'mmrefseg'))
    print(f'config   {path}')
    for name, value in data_of(cfg).items():
        print(f'{name:8} {value}')
    if entry:
        print(f'method   {entry["In Collection"]}')
        own = 'its own, fetched at first use' if brings_weights(cfg.model) else 'none published'
        print(f'weights  {entry.get("Weights", own)}')
        for result in entry.get('Results', []):
            numbers = ', '.join(f'{metric} {value}' for metric, value in result['Metrics'].items())
            print(f'results  {result["Dataset"]}: {numbers}')
    if brings_weights(cfg.model):  # which would be fetched
        print('\n'.join(f'{name.lower():8} {", ".join(value) if isinstance(value, list) else value}'
                        for name, value in (entry or {}).get('Metadata', {}).items()))
    else:
        print(parts_table(MODELS.build(without_pretrained(cfg.model))))
    print(f'The whole config: mmrefseg info {args.name} --config')
    return 0


def all_names() -> str:
    """Names in the zoo with weights, then all configs."""
    published = sorted({entry['Name'] for entry in zoo_entries().values() if entry.get('Weights')})
    return '\n'.join([f'{len(published)} models with weights:', *(f'  {name}' for name in published),
                      f'{len(list_configs())} configs:', *(f'  {name}' for name in list_configs())])


def data_of(cfg: Config) -> dict:
    """The data set and the size of the images that a model is tested on."""
    dataset = cfg.get('test_dataloader', {}).get('dataset', {})
    scales = [step.get('scale') for step in dataset.get('pipeline', []) if 'Resize' in step['type']]
    found = dict(data=' '.join(str(dataset[key]) for key in ('type', 'dataset', 'split_by') if dataset.get(key)),
                 input='x'.join(map(str, reversed(scales[0]))) if scales and scales[0] else '')
    return {name: value for name, value in found.items() if value}


def parts_table(model: nn.Module) -> PrettyTable:
    """A row a part of a model: what it is, its parameters and how many of them train."""
    table = PrettyTable(['part', 'type', 'parameters (M)', 'trained (M)'], align='r')
    table.align['part'] = table.align['type'] = 'l'
    for name, part in [*model.named_children(), ('all', model)]:
        parameters = list(part.parameters())
        if not parameters:
            continue
        kind = ', '.join(type(each).__name__ for each in part) if isinstance(part, nn.ModuleList) \
            else type(part).__name__
        table.add_row([name, kind, f'{sum(p.numel() for p in parameters) / 1e6:.2f}',
                       f'{sum(p.numel() for p in parameters if p.requires_grad) / 1e6:.2f}'])
    return table
