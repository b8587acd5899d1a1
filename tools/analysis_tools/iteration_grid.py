"""The masks of every iteration of a SADLR head beside the truth (SADLR, Fig. 5), a row an expression:

python tools/analysis_tools/iteration_grid.py CONFIG CHECKPOINT --split val --out iterations.png
"""

import argparse
import sys

from mmrefseg.analysis.images import draw_iterations, iteration_rows
from mmrefseg.analysis.images.open_model import add_model_arguments, add_sheet_arguments, open_model
from mmrefseg.command_line.run_command import run_command
from mmrefseg.visualization.panel import write_image


def main() -> None:
    """Draw the grid."""
    parser = argparse.ArgumentParser(description='The masks of every iteration of a SADLR head')
    add_model_arguments(parser)
    parser.add_argument('--number', '--rows', type=int, default=6, help='expressions to draw')
    parser.add_argument('--order', choices=['spread', 'refined', 'spoilt'], default='spread',
                        help='spread evenly over the split, or those that gain (refined) or lose (spoilt) most IoU '
                        'from the first iteration to the last, one a picture')
    add_sheet_arguments(parser, out='iteration_grid.png')
    args = parser.parse_args()
    try:
        rows, ious = iteration_rows(*open_model(args), args.number, args.order)
    except ValueError as error:
        parser.error(f'{args.config}: {error}')
    write_image(draw_iterations(rows, args.cell_width), args.out, args.colors)
    means = ', '.join(f'{mean:.2f}' for mean in ious.mean(0))
    print(f'wrote {args.out}; mIoU of the iterations over {len(ious)} expressions: {means}')


if __name__ == '__main__':
    sys.exit(run_command(main))
