"""Training curves of one or more runs, a panel a value:

python tools/analysis_tools/analyze_logs.py work_dirs/RUN_A work_dirs/RUN_B --keys loss oIoU lr --out curves.png

A run is a work dir: its log is vis_data/scalars.json, from the first start to where the last resumed one got.
"""

import argparse
import sys

from mmrefseg.analysis.charts import draw_curves, save_figure
from mmrefseg.analysis.runs.log_curves import collect_curves
from mmrefseg.analysis.runs.run_comparison import names
from mmrefseg.analysis.runs.run_history import read_run
from mmrefseg.command_line.run_command import run_command


def main() -> None:
    """Draw the curves."""
    parser = argparse.ArgumentParser(description='Training curves')
    parser.add_argument('work_dirs', nargs='+', metavar='WORK_DIR', help='of the runs')
    parser.add_argument('--keys', nargs='+', default=['loss', 'oIoU', 'mIoU'],
                        help='what to draw, of training and validation; default: loss oIoU mIoU')
    parser.add_argument('--legend', nargs='+', help='names of the runs; default: the ends of their paths')
    parser.add_argument('--smooth', type=float, default=0., help="of training's curves, 0 to below 1; default: 0")
    parser.add_argument('--out', default='curves.png', help='the .png, .pdf or .svg file to write')
    args = parser.parse_args()
    if not 0 <= args.smooth < 1:
        parser.error(f'--smooth is {args.smooth}, expected 0 to below 1')
    try:
        runs = [read_run(work_dir) for work_dir in args.work_dirs]
        labels = args.legend or names(runs)
        if len(set(labels)) != len(runs) or len(labels) != len(runs):
            parser.error(f'--legend: {len(labels)} names for {len(runs)} runs, expected a different one for each')
        curves = collect_curves(dict(zip(labels, runs)), args.keys, args.smooth)
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    save_figure(draw_curves(curves), args.out)
    print(f'wrote {args.out}')


if __name__ == '__main__':
    sys.exit(run_command(main))
