"""How the field's codes evaluate: protocols differ, so numbers do."""

from dataclasses import dataclass, replace
from typing import Optional


@dataclass(frozen=True)
class Protocol:
    """One way to turn predicted and true masks into numbers.

    Attributes:
        eval_size (str): 'input', the size that the network saw (the ground truth is resized to it by
            nearest), or 'original', the image's own size.
        inclusive (bool): P@X counts IoU >= X if True, IoU > X if False.
        empty_union_iou (float): IoU of an expression whose prediction and ground truth are both empty.
        single_thresholds (bool): The X of P@X are single precision, as they come out of the code's arithmetic: 0.7 and
            0.9 are then a little less, and an IoU of exactly these counts though ``inclusive`` is False.
        threshold (float, optional): Probability above which the protocol calls a pixel the referent;
            None is the argmax of two classes. It is the model's business: a config sets
            ``model.test_cfg.threshold``; here it is only on record.
    """

    eval_size: str
    inclusive: bool
    empty_union_iou: float
    threshold: Optional[float] = None
    single_thresholds: bool = False

    def __post_init__(self) -> None:
        if self.eval_size not in ('input', 'original'):
            raise ValueError(f"eval_size is {self.eval_size!r}, expected 'input' or 'original'")
        if not 0 <= self.empty_union_iou <= 1:
            raise ValueError(
                f'empty_union_iou is {self.empty_union_iou!r}, expected an IoU from 0 to 1')


_LAVT = Protocol(eval_size='input', inclusive=True, empty_union_iou=0)
_CRIS = Protocol(
    eval_size='original', inclusive=False, empty_union_iou=0, threshold=0.35, single_thresholds=True)

# Named after the code that is followed; docs/en/metrics.md has the table with a config line for each.
PROTOCOLS = dict(
    lavt=_LAVT,
    sadlr=_LAVT,
    rmsin=_LAVT,
    rela=_LAVT,
    caris=_LAVT,  # at its 448 x 448, with `eval_ori_size` off, as it is by default
    cris=_CRIS,
    etris=_CRIS,
    vlt=replace(_CRIS, empty_union_iou=1),
    # LISA's evaluation of ReasonSeg: gIoU is mIoU here, cIoU oIoU; pixels to ignore are not counted.
    lisa=Protocol(eval_size='original', inclusive=False, empty_union_iou=1),
    # PhraseCut's mean IoU is mIoU here, its cumulative IoU oIoU; Pr@X counts above X.
    phrasecut=Protocol(eval_size='original', inclusive=False, empty_union_iou=0),
    # LTS' §3.4 gives size and threshold, §4.1 says "higher than"; what an empty union counts is not
    # stated: 0 as in most.
    lts=replace(_CRIS, threshold=0.25, single_thresholds=False),
)


def get_protocol(name: str, **overrides) -> Protocol:
    """A protocol by name, with what is to differ from it.

    Args:
        name (str): A key of :data:`PROTOCOLS`.
        **overrides: Fields of :class:`Protocol`; those that are None are left as the preset has them.

    Returns:
        Protocol: The preset with the overrides.

    Raises:
        ValueError: There is no such protocol, or an override is out of range.
    """
    if name not in PROTOCOLS:
        raise ValueError(f'there is no evaluation protocol {name!r}; there are {sorted(PROTOCOLS)}')
    return replace(PROTOCOLS[name], **{k: v for k, v in overrides.items() if v is not None})
