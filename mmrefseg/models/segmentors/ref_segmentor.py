"""The referring segmentor: runs text encoder, backbone, fusion, decoder and heads."""

import math
from typing import Dict, List, Optional, Sequence, Tuple, Union

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.models.segmentors import BaseSegmentor
from mmseg.utils import add_prefix
from torch import Tensor, nn

from mmrefseg.errors import RefDataError
from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, RefDataSample, TextFeatures, image_index_of

from ..utils import at_least_single, checkpoint_blocks, checkpointed
from .expression_rows import ExpressionRows
from .heads import BaseRefHead, head_logits, head_loss
from .part_checks import check_parts
from .ref_test_cfg import RefTestCfg


@MODELS.register_module()
class RefSegmentor(BaseSegmentor):
    """Segments in each image what each of its expressions refers to.

    ::

        images (B,3,H,W) ─► backbone ─────────► maps, one row an image ──┐
        expressions (N) ──► text_encoder ─► TextFeatures ────────────────┴► fusion ─► neck ─► decoder
            ─► Y (N,C,h,w) ─► decode_head ─► logits (N,K,h,w)

    A batch holds B images with E_b >= 1 expressions each, N = sum E_b. A language-aware backbone
    (``takes_text``) does what lies before its first word once an image. Parts of mmseg (backbones,
    necks, decode heads) need no change: a decode head of mmseg takes the place of decoder and head.

    Args:
        backbone (dict): A language-aware backbone, or any of mmseg's (then ``fusion`` is needed).
        text_encoder (dict): Turns expressions into ``TextFeatures``.
        decode_head (dict): A head of ours (needs ``decoder``) or of mmseg.
        fusion (dict, optional): Joins maps and text.
        neck (dict, optional): Any mmseg neck, on the fused maps.
        decoder (dict, optional): Turns the fused maps into Y.
        auxiliary_head (dict | list[dict], optional): Only trained with, absent at inference. A head of
            mmseg sees the fused maps.
        train_cfg (dict, optional): Handed to mmseg's heads.
        test_cfg (dict, optional): See :class:`RefTestCfg`.
        data_preprocessor (dict, optional): mmseg's ``SegDataPreProcessor``.
        with_cp (bool): Save memory in training: the backbone's blocks and every part behind it compute their
            activations again in the backward pass. Defaults to False.
        pretrained (str, optional): mmseg's old way to name the backbone's checkpoint.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: Parts that cannot work together, with what lacks what.
    """

    def __init__(self,
                 backbone: dict,
                 text_encoder: dict,
                 decode_head: dict,
                 fusion: Optional[dict] = None,
                 neck: Optional[dict] = None,
                 decoder: Optional[dict] = None,
                 auxiliary_head: Union[dict, List[dict], None] = None,
                 train_cfg: Optional[dict] = None,
                 test_cfg: Optional[dict] = None,
                 data_preprocessor: Optional[dict] = None,
                 with_cp: bool = False,
                 pretrained: Optional[str] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        if pretrained is not None:
            backbone = dict(backbone, pretrained=pretrained)
        self.backbone = MODELS.build(backbone)
        self.text_encoder = MODELS.build(text_encoder)
        self.fusion = _build(fusion)
        self.neck = _build(neck)
        self.decoder = _build(decoder)
        self.decode_head = MODELS.build(decode_head)
        auxiliary = [auxiliary_head] if isinstance(auxiliary_head, dict) else auxiliary_head or []
        self.auxiliary_head = nn.ModuleList(MODELS.build(head) for head in auxiliary)
        self.train_cfg = train_cfg
        self.test_cfg = RefTestCfg.from_config(test_cfg)
        self.with_cp = with_cp
        if with_cp:
            checkpoint_blocks(self.backbone)
            checkpoint_blocks(self.text_encoder)
        check_parts(self)

    @property
    def _backbone_takes_text(self) -> bool:
        return getattr(self.backbone, 'takes_text', False)

    # The data flow, part by part.

    def encode_text(self, data_samples: Sequence[RefDataSample]) -> TextFeatures:
        """The N expressions of a batch -> TextFeatures."""
        if data_samples is None:
            raise ValueError('a referring segmentor needs data_samples: they hold the expressions')
        return self.text_encoder(
            [expression for sample in data_samples for expression in sample.expressions])

    def encode_image(self, inputs: Tensor):
        """(B, 3, H, W) -> what the backbone makes of the images without any word."""
        if self._backbone_takes_text:
            return self.backbone.forward_image(inputs)
        return self.backbone(inputs)

    def fuse(self, image_feats, text: TextFeatures,
             image_index: Optional[Tensor]) -> MultiModalFeatures:
        """The B images' features and N expressions -> fused maps, one row an expression."""
        if self._backbone_takes_text:
            maps = self.backbone.forward_text(image_feats, text, image_index)
            features = MultiModalFeatures(maps, text)
            if self.fusion is not None:
                features = self._run(self.fusion, maps, text)
        else:
            features = self._run(self.fusion, image_feats, text, image_index)
        return features if self.neck is None else features.with_maps(self._run(self.neck, features.maps))

    def decode(self, features: MultiModalFeatures) -> Optional[Tensor]:
        """Fused maps -> Y (N, C, h, w); None where a head of mmseg takes the maps themselves."""
        return None if self.decoder is None else self._run(self.decoder, features)

    def extract_feat(self, inputs: Tensor,
                     data_samples: Sequence[RefDataSample]) -> MultiModalFeatures:
        """Images (B, 3, H, W) and their expressions -> fused features of N rows."""
        text = self.encode_text(data_samples)
        return self.fuse(self.encode_image(inputs), text, _image_index(data_samples, inputs.device))

    def encode_decode(self, inputs: Tensor, batch_data_samples: Sequence[RefDataSample]) -> Tensor:
        """Images (B, 3, H, W) and their expressions -> logits (N, K, h, w) of the decode head."""
        features = self.extract_feat(inputs, batch_data_samples)
        return head_logits(self.decode_head, self.decode(features), features)

    def _run(self, part: nn.Module, *args):
        """``part(*args)``, checkpointed with ``with_cp``."""
        return checkpointed(part, *args, with_cp=self.with_cp)

    def _head_loss(self, head, *args) -> Dict[str, Tensor]:
        return checkpointed(head_loss, head, *args, self.train_cfg, with_cp=self.with_cp, part=head)

    # The three modes of mmengine.

    def _forward(self, inputs: Tensor, data_samples: Sequence[RefDataSample]) -> Tensor:
        return self.encode_decode(inputs, data_samples)

    def loss(self, inputs: Tensor, data_samples: Sequence[RefDataSample]) -> Dict[str, Tensor]:
        """The losses of all heads.

        Args:
            inputs (Tensor): (B, 3, H, W).
            data_samples (Sequence[RefDataSample]): With ``gt_sem_seg.data`` (E, H, W).

        Returns:
            dict: ``decode.*`` and ``aux_i.*`` scalars.

        Raises:
            RefDataError: A sample has another number of masks than of expressions.
        """
        target = _targets(data_samples)
        features = self.extract_feat(inputs, data_samples)
        decoded = self.decode(features)
        losses = add_prefix(self._head_loss(self.decode_head, decoded, features, target), 'decode')
        for i, head in enumerate(self.auxiliary_head):
            given = decoded if isinstance(head, BaseRefHead) else None
            losses.update(add_prefix(self._head_loss(head, given, features, target), f'aux_{i}'))
        return losses

    def predict(self, inputs: Tensor,
                data_samples: Sequence[RefDataSample]) -> Sequence[RefDataSample]:
        """Fill ``pred_sem_seg`` (E, h, w) and ``pred_scores`` (E,) of every sample.

        The backbone runs once an image, the rest once for expressions that are the same on it; at most
        ``test_cfg.max_expressions`` expressions go through the rest at once. Nothing waits for the device. (h, w) is
        the input's or the picture's own size by ``test_cfg.eval_size``. Where fusion gives a prior, ``pred_prior``
        (E, h, w) are its logits at their own size, which cover the input, padding included; ``batch_input_shape`` is
        the size of that.
        """
        rows = ExpressionRows.of(data_samples)
        text = self.text_encoder(rows.texts)
        image_feats = self.encode_image(inputs)
        logits, priors = [], []
        for chunk in rows.chunks(image_feats, text, self.test_cfg.max_expressions):
            features = self.fuse(*chunk)
            logits.append(head_logits(self.decode_head, self.decode(features), features))
            priors.append(features.prior)
        for image, (sample, own) in enumerate(zip(data_samples, torch.cat(logits).split(rows.counts))):
            predicted = self._masks_and_scores(own, sample, inputs.shape[2:])
            masks, scores = (rows.spread(image, values) for values in predicted[:2])
            sample.pred_sem_seg = PixelData(data=masks)
            sample.pred_scores = scores
            if self.test_cfg.keep_logits:
                sample.seg_logits = PixelData(data=rows.spread(image, predicted[2]).flatten(0, 1))
        if priors[0] is not None:
            for image, (sample, prior) in enumerate(zip(data_samples, torch.cat(priors).split(rows.counts))):
                # (R, 1, h, w) -> (E, h, w)
                sample.pred_prior = PixelData(data=rows.spread(image, at_least_single(prior[:, 0])))
                sample.set_metainfo(dict(batch_input_shape=tuple(inputs.shape[2:])))
        return data_samples

    def _masks_and_scores(self, logits: Tensor, sample: RefDataSample, input_size) -> Tuple[Tensor, ...]:
        """Logits (R, K, h, w) of one image -> masks (R, H, W) at the size asked for, scores (R,), logits (R, K, H, W).

        Some rows at once; the logits are of 0 rows unless they are kept.
        """
        pieces = [self._mask_some(at_least_single(piece), sample, input_size)
                  for piece in logits.split(self.test_cfg.max_expressions)]
        return pieces[0] if len(pieces) == 1 else tuple(torch.cat(parts) for parts in zip(*pieces))

    def _mask_some(self, logits: Tensor, sample: RefDataSample, input_size) -> Tuple[Tensor, ...]:
        """:meth:`_masks_and_scores` of all rows at once."""
        logits = self._resize(logits, input_size)
        height, width = sample.get('img_shape', tuple(input_size))[:2]
        logits = logits[..., :height, :width]  # padding lies at the right and the bottom
        if self.test_cfg.eval_size == 'original':
            logits = self._resize(logits, sample.ori_shape[:2])
        # The softmax of two classes is the sigmoid of their difference.
        evidence = logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits[:, 0]
        threshold = self.test_cfg.threshold
        masks = evidence > math.log(threshold / (1 - threshold))
        scores = (evidence.sigmoid() * masks).sum((1, 2)) / masks.sum((1, 2)).clamp(min=1)
        return masks.to(torch.uint8), scores, logits if self.test_cfg.keep_logits else logits[:0]

    def _resize(self, logits: Tensor, size) -> Tensor:
        if tuple(size) == tuple(logits.shape[2:]):
            return logits
        return F.interpolate(
            logits, size=tuple(size), mode='bilinear', align_corners=self.decode_head.align_corners)


def _build(config: Optional[dict]):
    return None if config is None else MODELS.build(config)


def _image_index(data_samples: Sequence[RefDataSample], device) -> Optional[Tensor]:
    """The image of each expression, or None where each image has exactly one."""
    if all(len(sample.expressions) == 1 for sample in data_samples):
        return None
    return image_index_of(data_samples, device)


def _targets(data_samples: Sequence[RefDataSample]) -> Tensor:
    """The masks of all expressions of a batch, (N, H, W) int64."""
    for sample in data_samples:
        if 'gt_sem_seg' not in sample:
            raise RefDataError(f'{sample.get("img_path", "a sample")} has no gt_sem_seg: the train pipeline needs '
                               'LoadRefAnnotations')
        masks, expressions = len(sample.gt_sem_seg.data), len(sample.expressions)
        if masks != expressions:
            raise RefDataError(f'{sample.get("img_path", "a sample")} has {expressions} expressions but '
                               f'{masks} masks in gt_sem_seg')
    return torch.cat([sample.gt_sem_seg.data for sample in data_samples]).long()
