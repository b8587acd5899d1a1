"""Located referent (a model's prior, as LTS' heatmap) beside the mask that follows (LTS, Fig. 4):

python tools/analysis_tools/heatmap_grid.py configs/lts/lts_nano_refshapes.py CHECKPOINT --split val --out heatmaps.png
"""

import argparse
import sys

from mmrefseg.analysis.images import ORDERS, heatmap_sheet
from mmrefseg.analysis.images.open_model import add_model_arguments, add_sheet_arguments, open_model
from mmrefseg.command_line.run_command import run_command
from mmrefseg.visualization.panel import write_image


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description="A model's heatmaps beside its masks")
    add_model_arguments(parser)
    parser.add_argument('--number', type=int, default=6, help='expressions, one a picture')
    parser.add_argument('--order', choices=ORDERS, default='spread', help='as prediction_grid.py')
    parser.add_argument('--columns', type=int, default=2, help='expressions a row, two pictures each')
    add_sheet_arguments(parser, out='heatmap_grid.png')
    args = parser.parse_args()
    try:
        sheet = heatmap_sheet(*open_model(args), args.number, args.order, args.columns, args.cell_width)
    except ValueError as error:
        parser.error(f'{args.config}: {error}')
    write_image(sheet, args.out, args.colors)
    print(f'wrote {args.out}')


if __name__ == '__main__':
    sys.exit(run_command(main))
