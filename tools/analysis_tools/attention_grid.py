"""Attention between words and pixels, a map a word (PWAM of LAVT; M3Att):

python tools/analysis_tools/attention_grid.py CONFIG CHECKPOINT --split val --out attention.png
"""

import argparse
import sys

from mmrefseg.analysis.images import ORDERS, attention_sheet
from mmrefseg.analysis.images.open_model import add_model_arguments, add_sheet_arguments, open_model
from mmrefseg.command_line.run_command import run_command
from mmrefseg.visualization.panel import write_image


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description='Attention between words and pixels')
    add_model_arguments(parser)
    parser.add_argument('--module', help='such as backbone.fusions.3 or fusion.layers.2.mutual_attention; default: the '
                        'first PWAM or M3Att of the model')
    parser.add_argument('--number', type=int, default=4, help='expressions, one a picture')
    parser.add_argument('--order', choices=ORDERS, default='spread', help='as prediction_grid.py')
    parser.add_argument('--columns', type=int, default=8, help='pictures a row: the prediction, then the words')
    add_sheet_arguments(parser, out='attention_grid.png', cell_width=200)
    args = parser.parse_args()
    if args.columns < 2:
        parser.error(f'--columns is {args.columns}, expected 2 or more')
    try:
        sheet = attention_sheet(*open_model(args), args.number, args.order, args.module, args.columns, args.cell_width)
    except ValueError as error:
        parser.error(f'{args.config}: {error}')
    write_image(sheet, args.out, args.colors)
    print(f'wrote {args.out}')


if __name__ == '__main__':
    sys.exit(run_command(main))
