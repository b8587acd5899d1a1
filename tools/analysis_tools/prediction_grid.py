"""One image of many predictions beside the truth, or of successes, or of failures:

python tools/analysis_tools/prediction_grid.py CONFIG CHECKPOINT --split testA --out grid.png
python tools/analysis_tools/prediction_grid.py CONFIG CHECKPOINT --split val --order worst --out failures.png
"""

import argparse
import sys

from mmrefseg.analysis.images import ORDERS, prediction_sheet
from mmrefseg.analysis.images.open_model import add_model_arguments, add_sheet_arguments, open_model
from mmrefseg.command_line.run_command import run_command
from mmrefseg.visualization.panel import write_image


def main() -> None:
    """Draw the grid."""
    parser = argparse.ArgumentParser(description='One picture of many predictions beside the truth')
    add_model_arguments(parser)
    parser.add_argument('--number', type=int, default=16, help='expressions, one a picture')
    parser.add_argument('--order', choices=ORDERS, default='spread',
                        help='spread evenly over the split; best: by falling IoU; worst: by growing IoU, of those '
                        'alike the surest first. The latter two predict the whole split')
    parser.add_argument('--columns', type=int, default=4)
    add_sheet_arguments(parser, out='prediction_grid.png')
    args = parser.parse_args()
    sheet = prediction_sheet(*open_model(args), args.number, args.order, args.columns, args.cell_width)
    write_image(sheet, args.out, args.colors)
    print(f'wrote {args.out}')


if __name__ == '__main__':
    sys.exit(run_command(main))
