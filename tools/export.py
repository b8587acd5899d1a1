"""Write a trained model as one file that runs without its code, and compare that with eager torch:

    python tools/export.py CONFIG CHECKPOINT --out model.onnx
    python tools/export.py CONFIG CHECKPOINT --out model.pt2    # a program of torch.export
    python tools/export.py NAME_IN_THE_ZOO --out model.onnx

``RefSegInferencer('model.onnx')`` runs the first kind. docs/en/export.md says more.
"""

import argparse
import sys
from pathlib import Path

from mmrefseg.apis import RefSegInferencer, find_zoo_model
from mmrefseg.command_line.run_command import run_command
from mmrefseg.engine import add_config_options, apply_options, read_config
from mmrefseg.export import export_onnx, export_program
from mmrefseg.export.parity import CASES, TOLERANCE
from mmrefseg.exported import ExportError


def main() -> None:
    """Load, export, print how far the file is from eager torch."""
    parser = argparse.ArgumentParser(description='A trained model as one file: ONNX, or a program of torch.export')
    parser.add_argument('config', help='config file, or the name of a model in the zoo')
    parser.add_argument('checkpoint', nargs='?', help="checkpoint file; default: the zoo's")
    parser.add_argument('--allow-partial', action='store_true', help='take weights that do not all fit the model')
    parser.add_argument('--out', type=Path, required=True, help='the file: ….onnx or ….pt2')
    parser.add_argument('--opset', type=int, help="version of ONNX' operators; default: torch's choice")
    parser.add_argument('--tolerance', type=float, default=TOLERANCE,
                        help='largest difference of log-odds from eager torch, above 1 relative; default: %(default)s')
    add_config_options(parser)
    args = parser.parse_args()
    if args.out.suffix not in ('.onnx', '.pt2'):
        parser.error(f'--out {args.out}: expected a name that ends with .onnx or .pt2')
    if args.opset is not None and args.out.suffix != '.onnx':
        parser.error('--opset is for ….onnx')
    try:
        weights = args.checkpoint or find_zoo_model(args.config).weights
        cfg = read_config(args.config)
        apply_options(cfg, args.cfg_options)
        inferencer = RefSegInferencer(cfg, weights, device='cpu', show_progress=False,
                                    allow_partial=args.allow_partial)
        if args.out.suffix == '.onnx':
            found = export_onnx(inferencer, args.out, args.opset, args.tolerance)
        else:
            found = export_program(inferencer, args.out, args.tolerance)
    except (ExportError, FileNotFoundError, ModuleNotFoundError, ValueError) as error:
        sys.exit(f'{error}')
    print(f'{args.out}: {args.out.stat().st_size / 1e6:.1f} MB. Largest difference of log-odds from eager torch:')
    for (counts, words), difference in zip(CASES, found):
        print(f'  {len(counts)} picture(s), {sum(counts)} expression(s) of up to {words} word(s): '
              f'{difference.largest:.1e} of {difference.scale:.1f}')


if __name__ == '__main__':
    sys.exit(run_command(main))
