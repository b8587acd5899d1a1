"""Generate RefShapes: images of shapes and expressions for them, in the refer format."""

import argparse
import sys
from typing import Optional, Sequence

from mmengine.utils import ProgressBar

from mmrefseg.datasets.refshapes_generator import ALL_VARIANTS, DEFAULT_SCENES, STYLES, VARIANTS, generate_refshapes


def parse_args(arguments: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog=prog, description=f'{__doc__} Writes OUT_DIR/<variant>/{{instances.json,refs(unc).p}} and '
        'OUT_DIR/images/refshapes/. The same arguments give byte-identical files; where they are '
        'already there, nothing is done.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('out_dir', help='the data root, such as data')
    for option, split in (('train', 'train'), ('val', 'val'), ('test-a', 'testA'),
                          ('test-b', 'testB')):
        parser.add_argument(f'--{option}', type=int, default=DEFAULT_SCENES[split], metavar='N',
                            help=f'scenes of {split}')
    parser.add_argument('--size', type=int, default=128, help='side of the pictures in pixels')
    parser.add_argument('--seed', type=int, default=0, help='seed of everything')
    parser.add_argument('--variants', nargs='+', default=list(VARIANTS), choices=ALL_VARIANTS,
                        help='refshapes: all families of expressions; refshapes+: no position '
                        'words; refshapesg: long sentences, mostly relations; grefshapes: expressions for one '
                        'object, several or none, as gRefCOCO has them (grefs(unc).json)')
    parser.add_argument('--style', default='full', choices=STYLES,
                        help='simple: fewer and larger shapes of five kinds and four colours, for images of 64 pixels')
    parser.add_argument('--workers', type=int, default=1,
                        help='processes (the files do not depend on it)')
    parser.add_argument('--overwrite', action='store_true',
                        help='replace all of RefShapes that is in OUT_DIR')
    return parser.parse_args(arguments)


def describe(variant: str, counts: dict) -> str:
    """One paragraph of statistics for a variant."""
    expressions = max(counts.get('expressions', 0), 1)

    def share(key: str) -> str:
        return f'{100 * counts.get(key, 0) / expressions:.1f} %'

    kinds = ', '.join(f'{key.split()[1]} {share(key)}' for key in counts
                      if key.startswith(('family ', 'targets ')))
    text = (f'{variant}: {counts["images"]} images, {counts["refs"]} refs, '
            f'{counts.get("expressions", 0)} expressions of '
            f'{counts.get("words", 0) / expressions:.1f} words ({kinds}).')
    if 'kind_only' not in counts:
        return text
    return (f'{text}\n'
            f'  Resolved by the kind word alone {share("kind_only")}, the colour word alone '
            f'{share("colour_only")}, all attribute words {share("attributes_only")}.')


def main(arguments: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> None:
    """Generate, or say that it is there already."""
    args = parse_args(arguments, prog)
    scenes = dict(train=args.train, val=args.val, testA=args.test_a, testB=args.test_b)
    bar = ProgressBar(sum(scenes.values()), start=False) if sys.stdout.isatty() else None
    if bar:
        bar.start()
    report = generate_refshapes(
        args.out_dir, scenes=scenes, size=args.size, seed=args.seed, variants=args.variants,
        workers=args.workers, style=args.style, overwrite=args.overwrite, on_scene=bar and bar.update)
    total = sum(scenes.values())
    if report['made']:
        print(f'\n{total} scenes in {report["seconds"]:.1f} s '
              f'({total / report["seconds"]:.0f} a second) in {args.out_dir}')
    else:
        print(f'{args.out_dir} has them already ({total} scenes): nothing to do.')
    for variant, counts in report['statistics'].items():
        print(describe(variant, counts))
