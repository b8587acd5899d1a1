"""Multiply-adds and parameters of a model, a row a part:

python tools/analysis_tools/get_flops.py configs/lavt/lavt_swinb_refcoco.py --shape 480 480 --words 20
"""

import argparse
import sys

from mmengine.registry import init_default_scope
from prettytable import PrettyTable

from mmrefseg.analysis.model_cost import NORMS, PARTS, count_macs, macs_of, module_macs, parameters_of, part_costs
from mmrefseg.command_line.run_command import run_command
from mmrefseg.engine import add_config_options, apply_options, read_config
from mmrefseg.registry import MODELS
from mmrefseg.utils import pipeline_sizes, set_input_size, without_pretrained

__all__ = ['NORMS', 'PARTS', 'count_macs', 'macs_of', 'module_macs', 'parameters_of']


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description='Multiply-adds and parameters, a row a part')
    parser.add_argument('config', help='config file')
    parser.add_argument('--shape', type=int, nargs=2, metavar=('HEIGHT', 'WIDTH'),
                        help="of the input, which a model of one size is then made for; default: the pipelines'")
    parser.add_argument('--words', type=int, help='words or word pieces of an expression; default: as many as the text '
                        'encoder reads')
    parser.add_argument('--expressions', type=int, default=1, help='expressions on the image')
    parser.add_argument('--norms', action='store_true', help='count norms too, as fvcore and mmengine do')
    add_config_options(parser)
    args = parser.parse_args()
    cfg = read_config(args.config)
    apply_options(cfg, args.cfg_options)
    sizes = pipeline_sizes(cfg)
    width, height = args.shape[::-1] if args.shape else sizes[-1] if sizes else (480, 480)
    if len(sizes) == 1 and (width, height) != sizes[0]:
        set_input_size(cfg, (width, height))
    init_default_scope(cfg.get('default_scope', 'mmrefseg'))
    model = MODELS.build(without_pretrained(cfg.model))
    words = args.words or model.text_encoder.max_length
    table = PrettyTable(['part', 'GMACs', 'parameters (M)'], align='r')
    for part, macs, parameters in part_costs(model, height, width, words, args.expressions, args.norms):
        table.add_row([part, f'{macs / 1e9:.2f}', f'{parameters / 1e6:.2f}'])
    print(f'{args.config}: {height}x{width}, {args.expressions} expression(s) of {words} words')
    print(table)


if __name__ == '__main__':
    sys.exit(run_command(main))
