"""Options of ``test_cfg`` of a referring segmentor."""

from dataclasses import dataclass, fields
from typing import Optional


@dataclass
class RefTestCfg:
    """Settings of inference.

    Attributes:
        eval_size (str): 'input' predicts at the size the network sees, as LAVT's evaluation;
            'original' at the image's own size. Defaults to 'input'.
        threshold (float): Probability above which a pixel is the referent; 0.5 with two classes is
            argmax. At 0.5 logits are resized, else probabilities, and once where nothing is padded (LTS
            §3.4). Defaults to 0.5.
        interpolation (str): 'bilinear', or 'bicubic' as CRIS', of all resizing of predictions. Whether corners are
            aligned in the first step, to the size of the input, is the head's ``align_corners``; a letterboxed image
            (:class:`Letterbox`) is then warped back by ``eval_size='original'``. Defaults to 'bilinear'.
        existence_threshold (float): With an existence head: probability at or below which an expression is said to have
            no object, so that its mask is empty. 0 empties none. Defaults to 0.5.
        max_expressions (int): How many expressions go through fusion, decoder and head at once; bounds
            the memory. Defaults to 16.
        keep_logits (bool): Keep ``seg_logits`` in the data samples. Defaults to False.
        mode (str): mmseg's key; only 'whole' makes sense for a sentence about the whole image.
    """

    eval_size: str = 'input'
    threshold: float = 0.5
    interpolation: str = 'bilinear'
    existence_threshold: float = 0.5
    max_expressions: int = 16
    keep_logits: bool = False
    mode: str = 'whole'

    def __post_init__(self) -> None:
        if self.eval_size not in ('input', 'original'):
            raise ValueError(f"model.test_cfg.eval_size is {self.eval_size!r}, expected 'input' or "
                             "'original'")
        if self.interpolation not in ('bilinear', 'bicubic'):
            raise ValueError(f"model.test_cfg.interpolation is {self.interpolation!r}, expected 'bilinear' or "
                             "'bicubic'")
        if not 0 < self.threshold < 1:
            raise ValueError(f'model.test_cfg.threshold is {self.threshold}, expected a probability '
                             'between 0 and 1')
        if not 0 <= self.existence_threshold < 1:
            raise ValueError(f'model.test_cfg.existence_threshold is {self.existence_threshold}, expected a '
                             'probability from 0 (no mask is emptied) to below 1')
        if self.max_expressions < 1:
            raise ValueError(f'model.test_cfg.max_expressions is {self.max_expressions}, expected 1 '
                             'or more')
        if self.mode != 'whole':
            raise ValueError(f"model.test_cfg.mode is {self.mode!r}, expected 'whole': a crop does not "
                             'hold what the expression is about')

    @classmethod
    def from_config(cls, config: Optional[dict]) -> 'RefTestCfg':
        """Read a config's ``test_cfg``.

        Raises:
            ValueError: An unknown key or a value out of range, named with its config key.
        """
        config = dict(config or {})
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(config) - set(known))
        if unknown:
            raise ValueError(f'model.test_cfg has unknown keys {unknown}; known are {known}')
        return cls(**config)
