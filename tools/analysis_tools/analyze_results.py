"""oIoU, mIoU and P@0.5 by length of the expression, size of the object, position words and others of its class:

python tools/test.py CONFIG CHECKPOINT --splits val --dump work_dirs/results
python tools/analysis_tools/analyze_results.py CONFIG work_dirs/results_val.csv --split val --image groups.png

Several dumps of one split, of several models, are drawn side by side.
"""

import argparse
import json
import sys
from pathlib import Path

from mmengine.config import Config
from prettytable import PrettyTable

from mmrefseg.analysis.charts import draw_groups, save_figure
from mmrefseg.analysis.images.open_model import add_dataset_arguments, open_dataset, read_config
from mmrefseg.analysis.results.expression_groups import group_results, score_groups
from mmrefseg.analysis.results.expression_table import read_expressions, read_results
from mmrefseg.command_line.run_command import run_command
from mmrefseg.errors import RefDataError
from mmrefseg.evaluation import Protocol, get_protocol
from mmrefseg.evaluation.length_groups import LENGTH_GROUPS, parse_length_groups
from mmrefseg.registry import METRICS
from mmrefseg.utils import write_text

METRIC_NAMES = ('oIoU', 'mIoU', 'P@0.5')
WAYS = dict(words='words', size='size of the object', position='position words', distractors='others of its class')


def print_tables(scores: dict) -> None:
    """A table a way of grouping, a row a group, columns for each dump."""
    for way, groups in scores.items():
        dumps = list(next(iter(groups.values()))['scores'])
        head = [f'{metric} {dump}' if len(dumps) > 1 else metric for dump in dumps for metric in METRIC_NAMES]
        table = PrettyTable([way, 'expressions', *head], align='r')
        table.align[way] = 'l'
        for name, group in groups.items():
            values = [group['scores'][dump][metric] for dump in dumps for metric in METRIC_NAMES]
            table.add_row([name, group['expressions'], *(f'{value:.2f}' for value in values)])
        print(table)


def protocol_of(cfg: Config) -> Protocol:
    """Protocol of the config's RefIoUMetric, or LAVT's if it has none."""
    metrics = cfg.test_evaluator if isinstance(cfg.test_evaluator, (list, tuple)) else [cfg.test_evaluator]
    built = (METRICS.build(metric) for metric in metrics if str(metric['type']).endswith('RefIoUMetric'))
    return next((metric.protocol for metric in built), get_protocol('lavt'))


def main() -> None:
    """Print tables, write files."""
    parser = argparse.ArgumentParser(description='How well a model does on which expressions')
    add_dataset_arguments(parser)
    parser.add_argument('dumps', nargs='+', metavar='DUMP', help='.csv or .jsonl files of tools/test.py --dump')
    parser.add_argument('--names', nargs='+', help='of the dumps; default: those of their files')
    parser.add_argument('--by', nargs='+', choices=list(WAYS), default=list(WAYS), help='ways to group; default: all')
    parser.add_argument('--length-groups', choices=list(LENGTH_GROUPS), default='refcoco',
                        help="numbers of words, as in S2RM's table III; default: refcoco")
    parser.add_argument('--metric', choices=METRIC_NAMES, default='oIoU', help='of the picture')
    parser.add_argument('--out', type=Path, help='write all scores to this .json file')
    parser.add_argument('--chart', help='draw one metric into this .png, .pdf or .svg file')
    args = parser.parse_args()
    labels = args.names or [Path(path).stem for path in args.dumps]
    if len(set(labels)) != len(args.dumps) or len(labels) != len(args.dumps):
        parser.error(f'--names: {len(labels)} names for {len(args.dumps)} dumps, expected a different one for each')
    cfg = read_config(args)
    try:
        expressions = read_expressions(open_dataset(cfg))
        found = {label: read_results(path, expressions) for label, path in zip(labels, args.dumps)}
    except RefDataError as error:
        parser.error(str(error))
    protocol = protocol_of(cfg)
    groups = group_results(list(expressions.values()), parse_length_groups(args.length_groups))
    ways = [WAYS[way] for way in args.by if WAYS[way] in groups]
    rows = {label: [results[key] for key in expressions] for label, results in found.items()}
    scores = score_groups({way: groups[way] for way in ways}, rows, protocol.inclusive, protocol.empty_union_iou)
    print_tables(scores)
    if args.out:
        write_text(args.out, json.dumps(scores, indent=1, ensure_ascii=False) + '\n')
    if args.chart:
        save_figure(draw_groups(scores, args.metric, ways), args.chart)


if __name__ == '__main__':
    sys.exit(run_command(main))
