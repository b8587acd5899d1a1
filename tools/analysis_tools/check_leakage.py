"""Lists the training images that any split for validation or testing holds, too.

    python tools/analysis_tools/check_leakage.py configs/lavt/lavt_swinb_refcoco-mixed.py --out leaks.json

Compared with the config's training sets are all other splits in their annotation files, and what the config validates
and tests on. What a MixedRefDataset has removed is listed as removed. The exit status is 1 if anything is left.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Dict, List, Optional, Tuple

from mmengine.config import Config
from mmengine.registry import init_default_scope
from prettytable import PrettyTable

from mmrefseg.command_line.run_command import run_command
from mmrefseg.datasets import MixedRefDataset, ReferDataset
from mmrefseg.datasets.leakage import IDENTITIES, Leak, find_leaks, held_out_images, join_leaks
from mmrefseg.engine import add_config_options, apply_options, read_config
from mmrefseg.engine.hooks.epoch_seed_hook import innermost_datasets
from mmrefseg.errors import first_lines
from mmrefseg.registry import DATASETS
from mmrefseg.utils import write_text

COLUMNS = ('training set', 'is in', 'images', 'refs', 'expressions', '')
REMOVED, LEFT, ALL = 'removed', 'LEFT IN TRAINING', 'all of them'


def check(cfg: Config, identity: Optional[str] = None) -> List[dict]:
    """Compare the images of a config's data loaders.

    Args:
        cfg (Config): With ``train_dataloader`` and, as far as there are, ``val_dataloader`` and ``test_dataloader``.
        identity (str, optional): When two files are the same image, see ``find_leaks``. Default: that of the mix, or
            ``'auto'``.

    Returns:
        list[dict]: ``dataset`` (its name), ``split`` (path of the annotations and name, or 'all of them'), ``state``
        ('removed' or 'LEFT IN TRAINING'), ``pictures``, ``ref_ids`` and ``sent_ids``.
    """
    loaders = [cfg.get(f'{name}_dataloader') for name in ('train', 'val', 'test')]
    training, *evaluated = [DATASETS.build(loader.dataset) for loader in loaders if loader]
    training.full_init()
    members = list(innermost_datasets(training))
    removed = _removed(training)
    others = [inner for dataset in evaluated for inner in innermost_datasets(dataset)]
    held_out = held_out_images(members, others)
    found = []
    for dataset in members:
        found += _entries(dataset, removed.get(id(dataset), {}), REMOVED)
        found += _entries(dataset, find_leaks(dataset, held_out, identity or _identity(training)), LEFT)
    return found


def _mixes(dataset) -> List[MixedRefDataset]:
    if isinstance(dataset, MixedRefDataset):
        return [dataset]
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    return [mix for part in inner if part is not None for mix in _mixes(part)]


def _removed(training) -> Dict[int, Dict[Tuple[str, str], Leak]]:
    return {id(dataset): leaks for mix in _mixes(training) for dataset, leaks in zip(mix.datasets, mix.removed)}


def _identity(training) -> str:
    return next((mix.identity for mix in _mixes(training)), 'auto')


def _entries(dataset: ReferDataset, leaks: Dict[Tuple[str, str], Leak], state: str) -> List[dict]:
    rows = [(f'{path} {split}'.rstrip(), leak) for (path, split), leak in leaks.items()]
    if len(rows) > 1:
        rows.append((ALL, join_leaks(leaks)))
    return [dict(dataset=dataset.dataset_name, split=split, state=state, images=leak.images, ref_ids=leak.ref_ids,
                 sent_ids=leak.sent_ids) for split, leak in rows]


def report(found: List[dict]) -> str:
    """A table of what was found, and the first images of each row.

    Args:
        found (list[dict]): As :func:`check` gives it.

    Returns:
        str: The text.
    """
    table = PrettyTable(COLUMNS, align='l')
    lists = []
    for entry in found:
        counts = [len(entry[key]) for key in ('images', 'ref_ids', 'sent_ids')]
        table.add_row([entry['dataset'], entry['split'], *counts, entry['state']])
        if entry['split'] != ALL:
            lists.append(f'{entry["dataset"]}, {entry["split"]}, {entry["state"]}:{first_lines(entry["images"])}')
    return '\n'.join([table.get_string(), *lists])


def main(arguments: Optional[Sequence] = None) -> int:
    """Run the tool.

    Args:
        arguments (Sequence[str], optional): The command line, ``sys.argv`` by default.

    Returns:
        int: The exit status: 0 if no image is left that leaks, else 1.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file')
    parser.add_argument('--identity', choices=IDENTITIES, help='when two files are the same picture: by the id of COCO '
                        'in the name, or else the same file (auto), or else the same name (name); or by their bytes '
                        '(content); default: as the mix has it')
    parser.add_argument('--out', help='write all that was found to this .json file')
    add_config_options(parser)
    args = parser.parse_args(arguments)
    cfg = read_config(args.config)
    apply_options(cfg, args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmrefseg'))
    found = check(cfg, args.identity)
    left = sum(entry['state'] == LEFT for entry in found)
    print(report(found) if found else 'No training picture is in another split.')
    if args.out:
        write_text(args.out, json.dumps(found, indent=1))
    return int(left > 0)


if __name__ == '__main__':
    sys.exit(run_command(main))
