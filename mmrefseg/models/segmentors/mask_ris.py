"""MaskRIS: a model also learns what it says of the whole from a part of it (MaskRIS, arXiv 2411.19067)."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Dict, Optional, Sequence, Tuple

from mmengine.dist import get_world_size
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample

from ..utils import mask_patches
from .heads import BaseRefHead, learns_from_soft_targets
from .masking_options import MaskingOptions
from .ref_segmentor import RefSegmentor, targets_of


@dataclass
class Lesson:
    """Lesson of the masked pass: its target and weights.

    Attributes:
        target (Tensor): (N, H, W), the first pass's probabilities of the object, or the truth.
        existence (Tensor, optional): (N,), its probabilities that there is such an object.
    """

    target: Tensor
    existence: Optional[Tensor] = None


@MODELS.register_module()
class MaskRIS(RefSegmentor):
    """Trains any referring segmentor in two passes; at inference it is that segmentor.

    ::

        image, sentence ──────────────────► model ─► losses with the truth x first_weight ─► backward
                                              └─ prediction, without a gradient ─┐
        patches at zero, words masked ────► model ─► losses with it x the rest ◄─┘ ─► backward, one optimizer step

    Any config of a :class:`RefSegmentor` becomes one by ``model=dict(type='MaskRIS')`` and, for several processes,
    ``model_wrapper_cfg=dict(type='TwoPassDataParallel')``. Parts, their names and the prediction are the segmentor's
    own, so a checkpoint of the one is one of the other, and nothing is wrapped at inference.

    Wherever a loss reads the truth in the first pass, it reads the first pass's final prediction in the second:

    - ``MaskHead`` and ``LTSMaskHead``: the soft form of their losses. ``SADLRHead``: every iteration learns R_n of the
      first pass, as every iteration learns the truth. ``CGAHead``: so do the mask and, as the share of the object in a
      cell, every A_t of the attention loss. ``LocateHead`` and ``LevelHead``: the heatmap and every level, too.
    - ``ExistenceHead``: its own probability in the first pass.
    - ``LFRHead`` reads no truth: the masked expression is rebuilt from the masked pass's queries.
    - Heads of mmseg take no soft target and are refused.

    Pixels that do not count in the truth do not count in the prediction. Batch norms see both passes.

    Args:
        *args: As :class:`RefSegmentor`.
        masking (dict, optional): See :class:`MaskingOptions`. Defaults to None: the paper's.
        **kwargs: As :class:`RefSegmentor`.

    Raises:
        ValueError: A head cannot learn from a soft target, an option is out of range, or the text encoder does not say
            how its words are masked.
    """

    def __init__(self, *args, masking: Optional[dict] = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.masking = MaskingOptions.from_config(masking)
        if self.masking.word_ratio:
            self.text_encoder.word_masking()
        if self.masking.distill:
            self._check_heads()

    def _check_heads(self) -> None:
        predicting = dict(decode_head=self.decode_head)
        if self.existence_head is not None:
            predicting['existence_head'] = self.existence_head
        for key, head in predicting.items():
            if not learns_from_soft_targets(head):
                raise ValueError(f'model.{key} {type(head).__name__} has losses that take no soft target: MaskRIS '
                                 'wants a head of mmrefseg with loss_and_logits, or model.masking.distill=False')
        for head in self.auxiliary_head:
            if not isinstance(head, BaseRefHead):
                raise ValueError(f'model.auxiliary_head {type(head).__name__} is a head of mmseg, whose losses take no '
                                 'soft target: leave it out, or set model.masking.distill=False')

    def forward(self,
                inputs: Tensor,
                data_samples: Optional[Sequence[RefDataSample]] = None,
                mode: str = 'tensor',
                lesson: Optional[Lesson] = None):
        """As mmengine's, with two modes more: ``'teach'``, the first pass, and ``'learn'``, the masked one."""
        if mode == 'teach':
            return self.teach(inputs, data_samples)
        if mode == 'learn':
            return self.learn(inputs, data_samples, lesson)
        if mode == 'loss' and self.training and get_world_size() > 1:
            raise RuntimeError('MaskRIS on several processes needs the config to say model_wrapper_cfg = dict(type='
                               "'TwoPassDataParallel'): another wrapper would train one pass alone")
        return super().forward(inputs, data_samples, mode)

    def teach(self, inputs: Tensor, data_samples: Sequence[RefDataSample]) -> Tuple[Dict[str, Tensor], Lesson]:
        """The first pass: images (B, 3, H, W) and their expressions -> losses with the truth, what to learn."""
        target = targets_of(data_samples)
        losses, outputs = self.losses_and_outputs(self.extract_feat(inputs, data_samples), target)
        if not self.masking.distill:
            return losses, Lesson(target)
        existence = None if outputs.existence is None else outputs.existence.detach().sigmoid()
        return losses, Lesson(self.decode_head.soft_target(outputs.logits, target), existence)

    def learn(self, inputs: Tensor, data_samples: Sequence[RefDataSample], lesson: Lesson) -> Dict[str, Tensor]:
        """The masked pass: the same images and expressions, and what to learn of them -> losses."""
        features = self.extract_feat(self.mask_images(inputs), data_samples, self.masking.word_ratio)
        return self.losses_and_outputs(features, lesson.target, lesson.existence)[0]

    def mask_images(self, inputs: Tensor) -> Tensor:
        """Normalised images (B, 3, H, W) -> with patches at zero."""
        if not self.masking.image_ratio:
            return inputs
        return mask_patches(inputs, self.masking.image_ratio, self.masking.patch_size, self.masking.grid)

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> Dict[str, Tensor]:
        """Both passes on a batch as the loader gives it, and a step of the optimizer."""
        return two_pass_step(self, self, data, optim_wrapper)


def two_pass_step(model: nn.Module, segmentor: MaskRIS, data: dict, optim_wrapper: OptimWrapper) -> Dict[str, Tensor]:
    """Two forwards, two backwards, one step.

    Each backward frees its pass, so that no more is held at once than without masks. On several processes the gradients
    travel once, in the second.

    Args:
        model (nn.Module): What is called: the segmentor, or a distributed wrapper of it.
        segmentor (MaskRIS): The segmentor.
        data (dict): A batch as the loader gives it.
        optim_wrapper (OptimWrapper): Steps, accumulates, scales and clips as it is set.

    Returns:
        dict: The losses for the log: those of the masked pass begin with ``masked.``, ``loss`` is the weighted sum.
    """
    weight = segmentor.masking.first_weight
    masked = weight < 1
    with ExitStack() as stack:
        if masked and hasattr(model, 'no_sync'):
            stack.enter_context(model.no_sync())
        with optim_wrapper.optim_context(model):
            data = segmentor.data_preprocessor(data, True)
            losses, lesson = model(**data, mode='teach')
        loss, log = segmentor.parse_losses(losses)
        if not masked:
            optim_wrapper.update_params(loss)
            return log
        count = optim_wrapper._inner_count
        optim_wrapper.backward(optim_wrapper.scale_loss(weight * loss))
        optim_wrapper._inner_count = count  # both passes are one of the steps that are accumulated
    with optim_wrapper.optim_context(model):
        losses = model(**data, mode='learn', lesson=lesson)
    masked_loss, masked_log = segmentor.parse_losses(losses)
    optim_wrapper.update_params((1 - weight) * masked_loss)
    log.update({f'masked.{name}': value for name, value in masked_log.items() if name != 'loss'})
    log['loss'] = (weight * loss + (1 - weight) * masked_loss).detach()
    return log
