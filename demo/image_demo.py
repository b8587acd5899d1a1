"""Segment what expressions refer to:

python demo/image_demo.py IMAGE_OR_FOLDER "the man in red" "left car" --config CONFIG --weights CHECKPOINT
"""

import argparse
import sys

from mmrefseg.apis import RefSegInferencer
from mmrefseg.command_line.predict import is_random
from mmrefseg.command_line.run_command import run_command
from mmrefseg.utils import keep_freed_memory


def main() -> None:
    """The demo."""
    parser = argparse.ArgumentParser(description='Segment what expressions refer to')
    parser.add_argument('image', help='picture, URL or folder of pictures')
    parser.add_argument('expressions', nargs='+', help='what to look for in each picture')
    parser.add_argument('--config', help='config file, or a name in the model zoo; default: the one of the '
                        'checkpoint, read as values')
    parser.add_argument('--weights', help='checkpoint file; default: the one of the model zoo')
    parser.add_argument('--allow-partial', action='store_true', help='take weights that do not all fit the model')
    parser.add_argument('--out-dir', default='outputs', help='where the pictures go')
    parser.add_argument('--device', help='for example cuda:0 or cpu')
    parser.add_argument('--batch-size', type=int, default=1, help='pictures at a time')
    parser.add_argument('--as-stored', action='store_true', help='ignore the EXIF orientation of photographs')
    parser.add_argument('--amp', action='store_true', help='mixed precision')
    parser.add_argument('--compile', action='store_true', help='torch.compile: pays for many pictures')
    args = parser.parse_args()
    if args.batch_size < 1:
        parser.error(f'--batch-size is {args.batch_size}, expected 1 or more')
    if args.weights is None and (args.config is None or is_random(args.config)):
        parser.error('without --weights expected --config with a name of the model zoo or an .onnx file, found '
                     f'{args.config}: its model would be random')
    keep_freed_memory()

    inferencer = RefSegInferencer(args.config, args.weights, args.device, args.amp, compile=args.compile,
                                allow_partial=args.allow_partial, upright=not args.as_stored)
    for result in inferencer(args.image, args.expressions, args.batch_size, args.out_dir):
        print(result['overlay'])
        existence = result['existence'] or [None] * len(result['expressions'])
        for expression, score, mask, exists in zip(result['expressions'], result['scores'], result['masks'], existence):
            if exists is not None and not mask.any():
                print(f'  {expression!r}: no such object (existence {exists:.2f})')
            else:
                print(f'  {expression!r}: score {score:.2f}, {mask.mean():.1%} of the picture')


if __name__ == '__main__':
    sys.exit(run_command(main))
