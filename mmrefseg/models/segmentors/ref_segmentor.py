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

from .heads import BaseDecodeHead, BaseRefHead, head_logits, head_loss
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
        self._check_parts()

    def _check_parts(self) -> None:
        if self.fusion is None and not self._backbone_takes_text:
            raise ValueError('nothing joins the expression with the picture: model.backbone '
                             f'{type(self.backbone).__name__} takes no text, so model.fusion is needed (for example '
                             'PWAMFusion)')
        for part in (self.decode_head, *self.auxiliary_head):
            self._check_head(part)

    def _check_head(self, head) -> None:
        name = type(head).__name__
        if isinstance(head, BaseRefHead):
            if head.in_channels is None:
                return  # does not read Y
            if self.decoder is None:
                raise ValueError(f'the head {name} turns one map Y into masks, so model.decoder is needed (for '
                                 'example LAVTDecoder)')
            if self.decoder.out_channels != head.in_channels:
                raise ValueError(f'the head {name} has in_channels {head.in_channels}, but model.decoder '
                                 f'{type(self.decoder).__name__} gives Y of {self.decoder.out_channels} channels')
        elif not isinstance(head, BaseDecodeHead):
            raise ValueError(f'model has the head {name}, which is neither a head of mmrefseg nor a BaseDecodeHead '
                             'of mmseg that gives logits')
        elif head.out_channels not in (1, 2):
            raise ValueError(f'the head {name} has {head.out_channels} classes, expected num_classes=2: background '
                             'and object')

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
                features = self.fusion(maps, text)
        else:
            features = self.fusion(image_feats, text, image_index)
        return features if self.neck is None else features.with_maps(self.neck(features.maps))

    def decode(self, features: MultiModalFeatures) -> Optional[Tensor]:
        """Fused maps -> Y (N, C, h, w); None where a head of mmseg takes the maps themselves."""
        return None if self.decoder is None else self.decoder(features)

    def extract_feat(self, inputs: Tensor,
                     data_samples: Sequence[RefDataSample]) -> MultiModalFeatures:
        """Images (B, 3, H, W) and their expressions -> fused features of N rows."""
        text = self.encode_text(data_samples)
        return self.fuse(self.encode_image(inputs), text, _image_index(data_samples, inputs.device))

    def encode_decode(self, inputs: Tensor, batch_data_samples: Sequence[RefDataSample]) -> Tensor:
        """Images (B, 3, H, W) and their expressions -> logits (N, K, h, w) of the decode head."""
        features = self.extract_feat(inputs, batch_data_samples)
        return head_logits(self.decode_head, self.decode(features), features)

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
        losses = add_prefix(
            head_loss(self.decode_head, decoded, features, target, self.train_cfg), 'decode')
        for i, head in enumerate(self.auxiliary_head):
            given = decoded if isinstance(head, BaseRefHead) else None
            losses.update(
                add_prefix(head_loss(head, given, features, target, self.train_cfg), f'aux_{i}'))
        return losses

    def predict(self, inputs: Tensor,
                data_samples: Sequence[RefDataSample]) -> Sequence[RefDataSample]:
        """Fill ``pred_sem_seg`` (E, h, w) and ``pred_scores`` (E,) of every sample.

        The backbone runs once an image; at most ``test_cfg.max_expressions`` expressions go through
        the rest at once. (h, w) is the input's or the picture's own size by ``test_cfg.eval_size``.
        Where fusion gives a prior, ``pred_prior`` (E, h, w) are its logits at their own size, which cover the
        input, padding included; ``batch_input_shape`` is the size of that.
        """
        text = self.encode_text(data_samples)
        image_feats = self.encode_image(inputs)
        image_index = _image_index(data_samples, inputs.device)
        step = self.test_cfg.max_expressions
        if image_index is None and len(text) > step:
            image_index = torch.arange(len(text), device=inputs.device)
        logits, priors = [], []
        for start in range(0, len(text), step):
            chunk = slice(start, start + step)
            index = None if image_index is None else image_index[chunk]
            features = self.fuse(image_feats, text[chunk], index)
            logits.append(head_logits(self.decode_head, self.decode(features), features))
            priors.append(features.prior)
        counts = [len(sample.expressions) for sample in data_samples]
        for sample, sample_logits in zip(data_samples, torch.cat(logits).split(counts)):
            self._fill_prediction(sample, sample_logits, inputs.shape[2:])
        if priors[0] is not None:
            for sample, prior in zip(data_samples, torch.cat(priors).split(counts)):
                sample.pred_prior = PixelData(data=prior[:, 0].float())  # (E, 1, h, w) -> (E, h, w)
                sample.set_metainfo(dict(batch_input_shape=tuple(inputs.shape[2:])))
        return data_samples

    def _fill_prediction(self, sample: RefDataSample, logits: Tensor, input_size) -> None:
        """Logits (E, K, h, w) of one image -> its masks at the size asked for, some expressions at once."""
        pieces = [self._masks_and_scores(piece.float(), sample, input_size)
                  for piece in logits.split(self.test_cfg.max_expressions)]
        masks, scores, full_logits = (torch.cat(parts) for parts in zip(*pieces))
        sample.pred_sem_seg = PixelData(data=masks)
        sample.pred_scores = scores
        if self.test_cfg.keep_logits:
            sample.seg_logits = PixelData(data=full_logits.flatten(0, 1))

    def _masks_and_scores(self, logits: Tensor, sample: RefDataSample, input_size) -> Tuple[Tensor, ...]:
        """Logits (n, K, h, w) -> masks (n, H, W), scores (n,) and, if they are kept, logits (n, K, H, W)."""
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
