"""Testing: ``python -m mmrefseg test CONFIG CHECKPOINT`` and ``python tools/test.py CONFIG CHECKPOINT`` are this."""

import argparse
import copy
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Union

from mmengine.config import Config, ConfigDict
from mmengine.dist import is_main_process
from mmengine.fileio import dump
from mmengine.runner import TestLoop
from prettytable import PrettyTable

from mmrefseg.engine import (
    TESTING,
    RefRunner,
    add_checkpoint_care,
    add_console,
    add_results,
    add_run_arguments,
    add_run_record,
    check_config,
    finish_run,
    load_config,
    other_processes,
    parse_run_arguments,
    prepare_cpu_run,
)
from mmrefseg.models import brings_weights, compile_parts
from mmrefseg.utils import keep_freed_memory, write_text

DUMPING = ('RefIoUMetric', 'GRefMetric')  # metrics with a dump_file


def parse_args(arguments: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog=prog, description='Test a referring segmentor')
    add_run_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file; none: of a model that brings its own weights, from the '
                        'Hugging Face hub or a folder (configs/foundation)')
    parser.add_argument('--allow-partial', action='store_true', help='take weights that do not all fit the model')
    parser.add_argument('--splits', nargs='+', help='splits to test, one after the other; default: '
                        "those of the config's test_sets, or the one in it")
    parser.add_argument('--out', help='write the metrics of all splits to this .json file')
    parser.add_argument('--dump', metavar='PREFIX', help='write a row per expression to PREFIX_<split>.csv')
    parser.add_argument('--show-dir', help='draw the predictions into this folder, a folder a split')
    parser.add_argument('--show-interval', type=int, default=1, help='draw every n-th sample')
    parser.add_argument('--shuffle-expressions', action='store_true',
                        help='probe: give every expression to another object of its picture')
    args = parse_run_arguments(parser, arguments)
    if args.out and not args.out.endswith('.json'):
        parser.error(f'--out {args.out}: expected a name that ends with .json')
    return args


def main(arguments: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> None:
    """Test every split, print one table."""
    args = parse_args(arguments, prog)
    keep_freed_memory()
    cfg = load_config(args.config, args.cfg_options, args.work_dir, args.launcher)
    check_config(cfg, TESTING)
    with other_processes(cfg):
        run(cfg, args)


def run(cfg: Config, args: argparse.Namespace) -> None:
    """Test by a config that is read."""
    cfg.load_from = checkpoint_of(args.checkpoint, cfg)
    if args.amp:
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='HalfPrecisionHook')]
    if args.shuffle_expressions:
        cfg.test_dataloader.dataset.shuffle_expressions = True
    if args.show_dir:
        cfg.default_hooks.visualization = dict(
            type='RefVisualizationHook', interval=args.show_interval, out_dir=args.show_dir)
    add_run_record(cfg)
    add_console(cfg)
    add_checkpoint_care(cfg, args.allow_partial)
    prepare_cpu_run(cfg)

    tested = what_to_test(cfg, args.splits)
    dataset = cfg.test_dataloader.dataset
    metrics = list_metrics(cfg.test_evaluator)
    configured = [(metric, metric['dump_file']) for metric in metrics if metric.get('dump_file')]
    results = {}
    runner = None
    for split, changes in tested.items():
        cfg.test_dataloader.dataset = ConfigDict(dataset, **changes)
        suffix = split.replace(' ', '_')
        if len(tested) > 1:  # or each would write over the one before
            for metric, path in configured:
                metric['dump_file'] = str(Path(path).with_stem(f'{Path(path).stem}_{suffix}'))
        if args.dump:
            set_dump_file(cfg.test_evaluator, f'{args.dump}_{suffix}.csv')
        if runner is None:
            runner = RefRunner.from_cfg(cfg)
            if args.compile:
                compile_parts(runner.model)
            results[split] = runner.test()
        else:
            results[split] = test_again(runner, cfg)
        add_results(runner.log_dir, results)
    if is_main_process():
        print(table(results) if args.splits or not cfg.get('test_sets') else table_of_sets(results))
        if args.out:
            write_text(args.out, dump(results, file_format='json') + '\n')
    finish_run()


def what_to_test(cfg: Config, splits: Optional[Sequence[str]]) -> Dict[str, dict]:
    """The rows of the table, and what each changes in the test data's config.

    Args:
        cfg (Config): With ``test_dataloader`` and, of a model that is tested on several datasets, ``test_sets``: a list
            of ``name``, ``dataset`` (what differs from the test data's config) and ``splits``.
        splits (Sequence[str], optional): Of the test data alone, in the place of ``test_sets``.

    Returns:
        dict: 'testA', or 'RefCOCO testA' of ``test_sets``, -> changes.
    """
    if splits or not cfg.get('test_sets'):
        return {split: dict(split=split) for split in splits or [cfg.test_dataloader.dataset.split]}
    return {f'{each.name} {split}': dict(each.dataset, split=split) for each in cfg.test_sets for split in each.splits}


def checkpoint_of(given: str, cfg: Config) -> Optional[str]:
    """The checkpoint to load; None for ``none``.

    Raises:
        ValueError: ``none`` for a model that would be random.
    """
    if given.lower() != 'none':
        return given
    if not brings_weights(cfg.model):
        raise ValueError(f'{cfg.filename}: the {cfg.model.get("type")} has no weights of its own and would be random: '
                         'expected a checkpoint, found none')
    return None


def list_metrics(evaluator: Union[dict, list]) -> List[dict]:
    """The metrics of a config's evaluator, which is one or a list."""
    return list(evaluator) if isinstance(evaluator, (list, tuple)) else [evaluator]


def set_dump_file(evaluator: Union[dict, list], path: str) -> None:
    """Let a config's evaluator write its rows to ``path``: the first of its metrics that can.

    Raises:
        ValueError: None can.
    """
    metrics = list_metrics(evaluator)
    for metric in metrics:
        if str(metric['type']).endswith(DUMPING):
            metric['dump_file'] = path
            return
    raise ValueError(f'--dump needs a {" or ".join(DUMPING)} in test_evaluator, found '
                     + ', '.join(str(metric['type']) for metric in metrics))


def test_again(runner: RefRunner, cfg: Config) -> dict:
    """Test the runner's model, loaded already, on what ``cfg`` says now."""
    loop_cfg = {key: value for key, value in cfg.test_cfg.items() if key != 'type'}
    # It is the runner's own loop, where hooks and the log look for the data.
    runner._test_loop = TestLoop(
        runner,
        dataloader=copy.deepcopy(cfg.test_dataloader),
        evaluator=copy.deepcopy(cfg.test_evaluator),
        **loop_cfg)
    return runner.test_loop.run()


def table_of_sets(results: dict) -> PrettyTable:
    """A row a metric, a column a split, as papers print several datasets; what a dataset lacks is left blank."""
    metrics = list(dict.fromkeys(metric for row in results.values() for metric in row))
    rows = PrettyTable(['', *results])
    rows.align[''] = 'l'
    for metric in metrics:
        rows.add_row([metric, *(_cell(row, metric) for row in results.values())])
    return rows


def table(results: dict) -> PrettyTable:
    """A row a split, a column a metric."""
    columns = list(dict.fromkeys(metric for row in results.values() for metric in row))
    rows = PrettyTable(['split', *columns])
    rows.align['split'] = 'l'
    for split, metrics in results.items():
        rows.add_row([split, *(_cell(metrics, column) for column in columns)])
    return rows


def _cell(metrics: dict, name: str) -> str:
    """A score, a count, or nothing where there is none."""
    value = metrics.get(name, '')
    return f'{value:.2f}' if isinstance(value, float) else str(value)
