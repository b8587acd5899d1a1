"""Trainings side by side: what differs in config, code and versions, and what came out.

python tools/analysis_tools/compare_runs.py work_dirs/RUN_A work_dirs/RUN_B --out comparison.json curves.png
"""

import argparse
import json
import sys

from mmrefseg.analysis.charts import draw_curves, save_figure
from mmrefseg.analysis.runs.log_curves import collect_curves
from mmrefseg.analysis.runs.run_comparison import compare, report
from mmrefseg.analysis.runs.run_history import read_run
from mmrefseg.command_line.run_command import run_command
from mmrefseg.utils import write_text


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description='Trainings side by side')
    parser.add_argument('work_dirs', nargs='+', metavar='WORK_DIR', help='of two or more runs')
    parser.add_argument('--metrics', nargs='+', help='to show by epoch; default: oIoU and mIoU')
    parser.add_argument('--out', nargs='+', default=[], metavar='FILE',
                        help='.json: everything, for a program; .png, .pdf or .svg: loss and metrics as curves')
    args = parser.parse_args()
    if len(args.work_dirs) < 2:
        parser.error('there is nothing to compare: expected two work dirs or more')
    wrong = [name for name in args.out if not name.endswith(('.json', '.png', '.pdf', '.svg'))]
    if wrong:
        parser.error(f'--out takes .json, .png, .pdf and .svg, found {", ".join(wrong)}')
    try:
        runs = [read_run(work_dir) for work_dir in args.work_dirs]
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    result = compare(runs)
    known = list(result['validation'])
    unknown = [metric for metric in args.metrics or [] if metric not in known]
    if unknown:
        parser.error(f'--metrics: no run has {", ".join(unknown)}, found {", ".join(known) or "none"}')
    metrics = args.metrics or [metric for metric in ('oIoU', 'mIoU') if metric in known] or known
    images = [name for name in args.out if not name.endswith('.json')]
    if images:
        try:
            figure = draw_curves(collect_curves(dict(zip(result['runs'], runs)), ['loss', *metrics]))
        except ValueError as error:
            parser.error(str(error))
    print(report(result, metrics))
    for name in args.out:
        if name.endswith('.json'):
            write_text(name, json.dumps(result, indent=1, ensure_ascii=False) + '\n')
        else:
            save_figure(figure, name)


if __name__ == '__main__':
    sys.exit(run_command(main))
