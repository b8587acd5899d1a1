"""Claims of the papers as pairs of runs on RefShapes, and the verdict on each."""

import math
import statistics
from dataclasses import dataclass
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

NANO = 'configs/{}_nano_refshapes.py'
# What a config starts from -> the same trained on the simple images at 64 x 64 (configs/mixing/attributes_nano*.py).
ENCODERS = {
    'zoo://swin_nano_refshapes-f955ae74.safetensors': 'zoo://swin_nano_simple-15b067d2.safetensors',
    'zoo://swin_nano-fine_refshapes-2bc6b447.safetensors': 'zoo://swin_nano-fine_simple-27895495.safetensors',
}


class Run(NamedTuple):
    """A training: a config, what it changes of it, as ``--cfg-options`` of the tools, and how many times its epochs."""

    config: str
    options: Tuple[str, ...] = ()
    times: int = 1


RUNS: Dict[str, Run] = {
    'lts': Run(NANO.format('lts/lts')),
    'lts+cga': Run(NANO.format('cgan/lts')),
    'lts+sadlr': Run(NANO.format('sadlr/lts')),
    'vlt': Run(NANO.format('vlt/vlt')),
    'vlt+cga': Run(NANO.format('cgan/vlt')),
    'vlt+sadlr': Run(NANO.format('sadlr/vlt')),
    'lavt': Run(NANO.format('lavt/lavt')),
    'lavt+cga': Run(NANO.format('cgan/lavt')),
    'lavt+sadlr': Run(NANO.format('sadlr/lavt')),
    'lavt+sadlr-n1': Run(
        NANO.format('sadlr/lavt'), ('model.decode_head.num_iterations=1', 'model.decode_head.loss_weights=[1.0]')),
    'lts-nowhere': Run(
        NANO.format('lts/lts'),
        ('model.fusion.locator=None', 'model.decoder.with_prior=False', 'model.auxiliary_head=None')),
    'lts-transformer': Run(NANO.format('lts/lts'), ('model.fusion.locator.type=TransformerLocator', )),
    's2rm+casg': Run(NANO.format('s2rm/s2rm-casg')),
    'pwam+casg': Run(NANO.format('s2rm/pwam-casg')),
    'acm+casg': Run(NANO.format('s2rm/acm-casg')),
    'tile+casg': Run(NANO.format('s2rm/tile-concat-casg')),
    's2rm+fpn': Run(NANO.format('s2rm/s2rm-fpn')),
    'pwam+fpn': Run(NANO.format('s2rm/pwam-fpn')),
    'acm+fpn': Run(NANO.format('s2rm/acm-fpn')),
    'm3att': Run(NANO.format('m3att/m3att')),
    'm3att-lfr': Run('configs/m3att/ablations/m3att_nano_refshapes_imi.py'),
    'm3att-lfr-imi': Run('configs/m3att/ablations/m3att_nano_refshapes_baseline.py'),
    'm3att-same-words': Run('configs/m3att/ablations/m3att_nano_refshapes_imi-same.py'),
    'm3att-generic': Run('configs/m3att/ablations/m3att_nano_refshapes_baseline-generic.py'),
    # MaskRIS has no auxiliary masks, which take no soft target: neither has what it is compared with.
    'lavt-no-auxiliary': Run(NANO.format('lavt/lavt'), ('model.auxiliary_head=None', )),
    's2rm+casg-no-auxiliary': Run(NANO.format('s2rm/s2rm-casg'), ('model.auxiliary_head=None', )),
    # The image has as many patches as at 96 x 96, and about as many as 32 pixels make of 480.
    'lavt+maskris': Run('configs/lavt/lavt_nano_refshapes_maskris.py', ('model.masking.patch_size=4', )),
    's2rm+casg+maskris': Run('configs/s2rm/s2rm-casg_nano_refshapes_maskris.py', ('model.masking.patch_size=4', )),
    'm3att+maskris': Run('configs/m3att/m3att_nano_refshapes_maskris.py', ('model.masking.patch_size=4', )),
    # A step of MaskRIS takes as long as two.
    'lavt-no-auxiliary-twice': Run(NANO.format('lavt/lavt'), ('model.auxiliary_head=None', ), times=2),
    's2rm+casg-no-auxiliary-twice': Run(
        NANO.format('s2rm/s2rm-casg'), ('model.auxiliary_head=None', ), times=2),
    'm3att-twice': Run(NANO.format('m3att/m3att'), times=2),
    'cris': Run(NANO.format('cris/cris')),
    'cris-no-layers': Run(NANO.format('cris/cris'), ('model.decoder.num_layers=0', )),
    'detris': Run(NANO.format('detris/detris')),
    'detris-deaf': Run(NANO.format('detris/detris'), ('model.backbone.adapter_scale=0.', )),
    'caris': Run(NANO.format('caris/caris')),
    'rela': Run(NANO.format('rela/rela')),
    'lavt-generalized': Run('configs/lavt/lavt_nano_grefshapes.py'),
    'lavt+sadlr-generalized': Run('configs/sadlr/lavt_nano_grefshapes.py'),
    'rela-generalized': Run('configs/rela/rela_nano_grefshapes.py'),
    'vlt-balance': Run(NANO.format('vlt/vlt'), ('model.fusion.query_balance=False', )),
}


@dataclass(frozen=True)
class Claim:
    """``better`` scores more than ``worse``.

    Attributes:
        group (str): The paper.
        says (str): The claim in words, and where it stands.
        better, worse (str): Keys of :data:`RUNS`.
        published (tuple, optional): The paper's metric, and its values of the two (RefCOCO val); None if none is known.
        headline (bool): Measured first.
        metric (str): Ours, on val.
    """

    group: str
    says: str
    better: str
    worse: str
    published: Optional[Tuple[str, float, float]] = None
    headline: bool = True
    metric: str = 'mIoU'


CLAIMS: List[Claim] = [
    Claim('sadlr', 'SADLR gains on LTS (SADLR, Table 3)', 'lts+sadlr', 'lts', ('mIoU', 74.49, 71.92)),
    Claim('sadlr', 'SADLR gains on VLT (SADLR, Table 3)', 'vlt+sadlr', 'vlt', ('mIoU', 73.90, 72.62)),
    Claim('sadlr', 'SADLR gains on LAVT (SADLR, Table 3)', 'lavt+sadlr', 'lavt', ('mIoU', 76.52, 75.30)),
    Claim('sadlr', 'CGA gains on LTS (SADLR, Table 3)', 'lts+cga', 'lts', ('mIoU', 73.57, 71.92)),
    Claim('sadlr', 'VLT is better without CGA (SADLR, Table 3)', 'vlt', 'vlt+cga', ('mIoU', 72.62, 69.62)),
    Claim('sadlr', 'LAVT is better without CGA (SADLR, Table 3)', 'lavt', 'lavt+cga', ('mIoU', 75.30, 75.05)),
    Claim('sadlr', 'three iterations over one (SADLR, Table 4a)', 'lavt+sadlr', 'lavt+sadlr-n1',
          ('mIoU', 76.52, 75.41)),
    Claim('sadlr', 'one iteration over none (SADLR, Table 4a)', 'lavt+sadlr-n1', 'lavt', ('mIoU', 75.41, 75.30)),
    Claim('lts', 'locating first over not locating (LTS, Table 2)', 'lts', 'lts-nowhere', ('oIoU', 65.43, 63.50)),
    Claim('lts', 'transformer over filter (LTS, Table 4)', 'lts-transformer', 'lts', ('oIoU', 66.15, 65.43)),
    Claim('s2rm', 'S²RM over Tile & Concat (S²RM, Table IV, there with FPN)', 's2rm+casg', 'tile+casg',
          ('mIoU', 71.86, 61.45)),
    Claim('s2rm', 'S²RM over ACM, with CASG (S²RM, Table VII)', 's2rm+casg', 'acm+casg', ('mIoU', 74.94, 72.39)),
    Claim('s2rm', 'S²RM over PWAM, with CASG (S²RM, Table VII)', 's2rm+casg', 'pwam+casg', ('mIoU', 74.94, 73.81)),
    Claim('s2rm', 'CASG over FPN (S²RM, Table VII)', 's2rm+casg', 's2rm+fpn', ('mIoU', 74.94, 71.86)),
    Claim('s2rm', 'CASG over FPN, after PWAM (S²RM, Table VII)', 'pwam+casg', 'pwam+fpn', ('mIoU', 73.81, 70.70),
          headline=False),
    Claim('s2rm', 'CASG over FPN, after ACM (S²RM, Table VII)', 'acm+casg', 'acm+fpn', ('mIoU', 72.39, 68.47),
          headline=False),
    Claim('m3att', 'M³Att over generic attention (M³Att, Table II, #1 and #0)', 'm3att-lfr-imi', 'm3att-generic',
          ('IoU', 65.56, 62.04)),
    Claim('m3att', 'IMI gains (M³Att, Table II, #2 and #1)', 'm3att-lfr', 'm3att-lfr-imi', ('IoU', 66.70, 65.56)),
    Claim('m3att', 'LFR gains (M³Att, Table II, #4 and #2)', 'm3att', 'm3att-lfr', ('IoU', 67.88, 66.70)),
    Claim('m3att', 'words of every layer over the same everywhere (M³Att, Table II, #2 and #3)', 'm3att-lfr',
          'm3att-same-words', ('IoU', 66.70, 65.92), headline=False),
    Claim('caris', 'CARIS over LAVT (both as published)', 'caris', 'lavt', ('oIoU', 75.13, 72.73)),
    Claim('rela', 'ReLA over LAVT', 'rela', 'lavt'),
    Claim('generalized', 'ReLA over LAVT with an existence head (ReLA, Table 3, there without one)', 'rela-generalized',
          'lavt-generalized', ('gIoU', 63.60, 58.40), metric='gIoU'),
    Claim('generalized', 'SADLR gains on LAVT with an existence head', 'lavt+sadlr-generalized', 'lavt-generalized',
          metric='gIoU'),
    Claim('maskris', 'MaskRIS gains on LAVT, at equal steps (MaskRIS)', 'lavt+maskris', 'lavt-no-auxiliary',
          ('oIoU', 73.79, 72.73)),
    Claim('maskris', 'MaskRIS gains on S²RM, at equal steps', 's2rm+casg+maskris', 's2rm+casg-no-auxiliary'),
    Claim('maskris', 'MaskRIS gains on M³Att, at equal steps', 'm3att+maskris', 'm3att'),
    Claim('maskris', 'MaskRIS gains on LAVT, at equal time', 'lavt+maskris', 'lavt-no-auxiliary-twice',
          headline=False),
    Claim('maskris', 'MaskRIS gains on S²RM, at equal time', 's2rm+casg+maskris',
          's2rm+casg-no-auxiliary-twice', headline=False),
    Claim('maskris', 'MaskRIS gains on M³Att, at equal time', 'm3att+maskris', 'm3att-twice', headline=False),
    Claim('cris', 'pixels that attend to words gain (CRIS, §4.3)', 'cris', 'cris-no-layers', headline=False),
    Claim('detris', 'words inside the tower gain (DETRIS, §4.3)', 'detris', 'detris-deaf', headline=False),
    Claim('vlt', 'query balance gains (VLT, §3)', 'vlt', 'vlt-balance'),
]
#: Seeds that a verdict needs.
FEWEST = 3
GROUPS = tuple(dict.fromkeys(claim.group for claim in CLAIMS))


def runs_of(groups: Sequence[str], headline_only: bool = True) -> List[str]:
    """The names of the runs that the claims of some groups need, each once."""
    wanted = [claim for claim in CLAIMS if claim.group in groups and (claim.headline or not headline_only)]
    return list(dict.fromkeys(name for claim in wanted for name in (claim.better, claim.worse)))


def paired_difference(better: Dict[int, float], worse: Dict[int, float]) -> Tuple[List[int], float, Optional[float]]:
    """The mean difference over the seeds that both have, and its standard error.

    Args:
        better, worse (dict): A score a seed.

    Returns:
        tuple: The seeds; the mean (NaN without any); its standard error, None with one seed.
    """
    seeds = sorted(set(better) & set(worse))
    differences = [better[seed] - worse[seed] for seed in seeds]
    if not seeds:
        return seeds, math.nan, None
    error = statistics.stdev(differences) / math.sqrt(len(seeds)) if len(seeds) > 1 else None
    return seeds, statistics.fmean(differences), error


def verdict(seeds: int, mean: float, error: Optional[float]) -> str:
    """One of 'holds', 'does not show', 'the other way round', 'two seeds', 'one seed', 'not measured'.

    A difference shows where it is more than twice its standard error; two seeds can agree by chance.
    """
    if seeds < FEWEST:
        return ('not measured', 'one seed', 'two seeds')[seeds]
    if abs(mean) <= 2 * error:
        return 'does not show'
    return 'holds' if mean > 0 else 'the other way round'


def claims_table(scores: Dict[str, Dict[int, Dict[str, float]]], claims: Sequence[Claim] = CLAIMS) -> str:
    """Markdown: a row a claim with both scores, their difference paired by seed, the paper's, and the verdict.

    Args:
        scores (dict): By the run's name and the seed, the metrics on val.
        claims (Sequence[Claim]): The rows.
    """
    lines = ['| claim | ours | against | difference ± its standard error | seeds | the paper\'s | |',
             '|---|---|---|---|---|---|---|']
    for claim in claims:
        own, other = ({seed: each[claim.metric] for seed, each in scores.get(name, {}).items()}
                      for name in (claim.better, claim.worse))
        seeds, mean, error = paired_difference(own, other)
        means = [f'{statistics.fmean(each.values()):.1f}' if each else '–' for each in (own, other)]
        difference = '–' if not seeds else f'{mean:+.1f}' + ('' if error is None else f' ± {error:.1f}')
        paper = '–'
        if claim.published:
            metric, high, low = claim.published
            paper = f'{high - low:+.2f} {metric} ({high:.2f}, {low:.2f})'
        lines.append(f'| {claim.says} | {means[0]} | {means[1]} | {difference} | {len(seeds)} | {paper} | '
                     f'{verdict(len(seeds), mean, error)} |')
    return '\n'.join(lines)


def runs_table(scores: Dict[str, Dict[int, Dict[str, float]]], metrics: Sequence[str]) -> str:
    """Markdown: a row a run with the mean and the standard deviation of its metrics over the seeds.

    Args:
        scores (dict): By the run's name and the seed, the metrics on val.
        metrics (Sequence[str]): The columns; a run without the first has no row.
    """
    lines = [f'| run | seeds | {" | ".join(metrics)} |', '|---' * (len(metrics) + 2) + '|']
    for name, seeds in scores.items():
        found = list(seeds.values())
        if metrics[0] in found[0]:
            cells = [_spread([each[metric] for each in found]) for metric in metrics]
            lines.append(f'| {name} | {len(found)} | {" | ".join(cells)} |')
    return '\n'.join(lines)


def _spread(values: Sequence[float]) -> str:
    """The mean, with the standard deviation where there are several."""
    error = f' ± {statistics.stdev(values):.1f}' if len(values) > 1 else ''
    return f'{statistics.fmean(values):.1f}{error}'
