"""A detector that reads and a segmenter that takes boxes make a referring segmentor."""

import functools
import itertools
from typing import Iterator, Optional, Sequence

import torch
from PIL import Image
from torch import Tensor

from mmrefseg.registry import MODELS

from .foundation_segmentor import Found, FoundationSegmentor
from .zero_shot_detector import Boxes, above, best

RULES = ('best', 'all')


@MODELS.register_module()
class GroundedSegmentor(FoundationSegmentor):
    """Boxes for the whole sentence, then masks for the boxes.

    ::

        image ─┬► detector(sentence) ─► K boxes with scores ─► rule (re-ranker?) ─► boxes ─┐
               └► segmenter, encoded once ─────────────────────────────────────────────────┴► masks, united

    Rule ``'best'``, for one object an expression (RefCOCO): the box of the highest score, whatever it is. Rule
    ``'all'``, for none, one or several (gRefCOCO): all boxes with a score above ``test_cfg.existence_threshold``; their
    masks are united, and where there is none the mask is empty. ``pred_scores`` is the highest score of the boxes that
    are taken, 0 without any; with rule ``'all'`` so is ``pred_existence``.

    Args:
        detector (dict): A :class:`ZeroShotDetector`.
        segmenter (dict): A :class:`PromptableSegmenter`.
        rule (str): ``'best'`` or ``'all'``. Defaults to 'best'.
        reranker (dict, optional): A :class:`RegionReranker`, which chooses among the best boxes, with rule ``'best'``.
        candidates (int): How many boxes a re-ranker chooses from. Defaults to 5.
        **kwargs: Of :class:`FoundationSegmentor`.

    Raises:
        ValueError: Another rule, or a re-ranker with rule ``'all'``.
    """

    def __init__(self, detector: dict, segmenter: dict, rule: str = 'best', reranker: Optional[dict] = None,
                 candidates: int = 5, **kwargs) -> None:
        super().__init__(**kwargs)
        if rule not in RULES:
            raise ValueError(f'model.rule is {rule!r}, expected one of {", ".join(RULES)}')
        if reranker is not None and rule != 'best':
            raise ValueError(f"model.reranker chooses one box, model.rule is {rule!r}: expected rule='best'")
        if candidates < 1:
            raise ValueError(f'model.candidates is {candidates}, expected 1 or more boxes')
        self.detector = MODELS.build(detector)
        self.segmenter = MODELS.build(segmenter)
        self.reranker = None if reranker is None else MODELS.build(reranker)
        self.rule = rule
        self.candidates = candidates

    def find(self, image: Image.Image, expressions: Sequence[str]) -> Iterator[Found]:
        """See :meth:`FoundationSegmentor.find`."""
        detected = [self._taken(boxes) for boxes in self.detector(image, expressions)]
        seen = [None] * len(detected) if self.reranker is None else self.reranker(image, expressions)
        if self.reranker is not None and self.reranker.regions == 'boxes':
            detected = [self._chosen(one, self.reranker.score_boxes(probability, one.boxes, image.size[::-1]))
                        for one, probability in zip(detected, seen)]
        masks = self.segmenter(image, torch.cat([one.boxes for one in detected]))
        for one, probability in zip(detected, seen):
            own = itertools.islice(masks, len(one.boxes))
            if self.reranker is not None and self.reranker.regions == 'masks':
                candidates = torch.stack(list(own))
                scores = self.reranker.score_masks(probability, candidates > 0)
                one, own = self._chosen(one, scores), [candidates[scores.argmax()]]
            nothing = torch.full(image.size[::-1], -torch.inf, device=self.device)
            logits = functools.reduce(torch.maximum, own, nothing)  # one by one: the masks of a photograph are large
            score = one.scores.amax() if len(one.scores) else torch.zeros((), device=self.device)
            yield Found(logits, score=score, existence=score if self.rule == 'all' else None, boxes=one.boxes)

    def _taken(self, candidates: Boxes) -> Boxes:
        """The boxes that the rule takes, or that a re-ranker is to choose from."""
        if self.rule == 'all':
            return above(candidates, self.test_cfg.existence_threshold)
        return best(candidates, 1 if self.reranker is None else self.candidates)

    @staticmethod
    def _chosen(candidates: Boxes, scores: Tensor) -> Boxes:
        """The one that a re-ranker scores highest; of several the detector's favourite."""
        index = int(scores.argmax())
        return Boxes(*(values[index:index + 1] for values in candidates))
