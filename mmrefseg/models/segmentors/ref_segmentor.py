"""The referring segmentor: runs text encoder, backbone, fusion, decoder and heads."""

from typing import Dict, List, Optional, Sequence, Tuple, Union

import torch
from mmseg.models.segmentors import BaseSegmentor
from mmseg.utils import add_prefix
from torch import Tensor, nn

from mmrefseg.errors import RefDataError
from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, RefDataSample, TextFeatures, image_index_of

from ..utils import checkpoint_blocks, checkpointed
from .expression_rows import ExpressionRows
from .heads import BaseRefHead, build_head, head_answers, head_logits, head_loss, head_loss_and_logits
from .part_checks import check_parts
from .predictions import RowOutputs, fill_predictions
from .ref_test_cfg import RefTestCfg


@MODELS.register_module()
class RefSegmentor(BaseSegmentor):
    """Segments in each image what each of its expressions refers to.

    ::

        images (B,3,H,W) ─► backbone ─────────► maps, one row an image ──┐
        expressions (N) ──► text_encoder ─► TextFeatures ────────────────┴► fusion ─► neck ─► decoder
            ─► Y (N,C,h,w) ─┬► decode_head ─► logits (N,K,h,w)
                            └► existence_head ─► logits (N,)

    Words and pixels may meet inside an encoder. A backbone that takes words (``takes_text``) is run in two steps, of
    which only the second knows them; so is a text encoder that looks (``takes_image``): its words meet the image behind
    the backbone, which then takes none.

    A batch holds B images with E_b >= 1 expressions each, N = sum E_b. What depends on the image alone is done once an
    image. Parts of mmseg (backbones, necks, decode heads) need no change: a decode head of mmseg takes the place of
    decoder and head.

    Args:
        backbone (dict): A language-aware backbone, or any of mmseg's (then ``fusion`` is needed).
        text_encoder (dict): Turns expressions into ``TextFeatures``.
        decode_head (dict): A head of ours (needs ``decoder``) or of mmseg.
        fusion (dict, optional): Joins maps and text.
        neck (dict, optional): Any mmseg neck, on the fused maps.
        decoder (dict, optional): Turns the fused maps into Y.
        existence_head (dict, optional): An :class:`ExistenceHead`, which says whether there is such an object at all;
            left out with a decode head that says it itself (``gives_existence``).
        auxiliary_head (dict | list[dict], optional): Only trained with, absent at inference. A head of
            mmseg sees the fused maps.
        train_cfg (dict, optional): Handed to mmseg's heads.
        test_cfg (dict, optional): See :class:`RefTestCfg`.
        data_preprocessor (dict, optional): :class:`RefDataPreProcessor`, or mmseg's ``SegDataPreProcessor``.
        with_cp (bool): Save memory in training: the backbone's blocks and every part behind it compute their
            activations again in the backward pass. Defaults to False.
        pretrained (str, optional): mmseg's old way to name the backbone's checkpoint.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: Parts that cannot work together, with what lacks what.

    Example:
        >>> import torch
        >>> from mmengine.registry import init_default_scope
        >>> from mmrefseg.registry import MODELS
        >>> from mmrefseg.structures import RefDataSample
        >>> init_default_scope('mmrefseg')
        >>> model = MODELS.build(dict(
        ...     type='RefSegmentor',
        ...     text_encoder=dict(type='RNNEncoder', vocab=['red', 'man'], embed_dims=8, hidden_dims=8),
        ...     backbone=dict(type='ResNet', depth=18, stem_channels=8, base_channels=8),
        ...     fusion=dict(type='PWAMFusion', in_channels=[8, 16, 32, 64], text_channels=16),
        ...     decoder=dict(type='LAVTDecoder', in_channels=[8, 16, 32, 64], channels=8),
        ...     decode_head=dict(type='MaskHead', in_channels=8))).eval()
        >>> sample = RefDataSample(metainfo=dict(expressions=['the red man', 'the man']))
        >>> model(torch.zeros(1, 3, 64, 64), [sample], mode='tensor').shape  # a row an expression
        torch.Size([2, 2, 16, 16])
    """

    def __init__(self,
                 backbone: dict,
                 text_encoder: dict,
                 decode_head: dict,
                 fusion: Optional[dict] = None,
                 neck: Optional[dict] = None,
                 decoder: Optional[dict] = None,
                 existence_head: Optional[dict] = None,
                 auxiliary_head: Union[dict, List[dict], None] = None,
                 train_cfg: Optional[dict] = None,
                 test_cfg: Optional[dict] = None,
                 data_preprocessor: Optional[dict] = None,
                 with_cp: bool = False,
                 pretrained: Optional[str] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        # mmseg's takes no such option: images of pinned memory then go to a GPU without a wait of the host.
        self.data_preprocessor._non_blocking = True
        if pretrained is not None:
            backbone = dict(backbone, pretrained=pretrained)
        self.backbone = MODELS.build(backbone)
        self.text_encoder = MODELS.build(text_encoder)
        self.fusion = _build(fusion)
        self.neck = _build(neck)
        self.decoder = _build(decoder)
        self.decode_head = build_head(decode_head)
        self.existence_head = _build(existence_head)
        auxiliary = [auxiliary_head] if isinstance(auxiliary_head, dict) else auxiliary_head or []
        self.auxiliary_head = nn.ModuleList(build_head(head) for head in auxiliary)
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

    @property
    def _text_takes_image(self) -> bool:
        return getattr(self.text_encoder, 'takes_image', False)

    # The data flow, part by part.

    def encode_text(self, data_samples: Sequence[RefDataSample], mask_ratio: float = 0.) -> TextFeatures:
        """The N expressions of a batch -> TextFeatures, of a text encoder that looks those before it has.

        ``mask_ratio`` of the words are hidden (``mask_words``).
        """
        if data_samples is None:
            raise ValueError('a referring segmentor needs data_samples: they hold the expressions')
        return self.text_encoder(
            [expression for sample in data_samples for expression in sample.expressions], mask_ratio)

    def encode_image(self, inputs: Tensor):
        """(B, 3, H, W) -> what the backbone makes of the images without any word."""
        if self._backbone_takes_text:
            return self.backbone.forward_image(inputs)
        maps = self.backbone(inputs)
        return (maps, self.text_encoder.forward_image(maps)) if self._text_takes_image else maps

    def fuse(self, image_feats, text: TextFeatures,
             image_index: Optional[Tensor]) -> MultiModalFeatures:
        """The B images' features and N expressions -> fused maps, one row an expression."""
        if self._text_takes_image:
            image_feats, seen = image_feats
            text = self.text_encoder.forward_text(text, seen, image_index)
        if self._backbone_takes_text:
            maps = self.backbone.forward_text(image_feats, text, image_index)
            features = MultiModalFeatures(maps, text)
            if self.fusion is not None:
                features = self._run(self.fusion, maps, text)
        else:
            features = self._run(self.fusion, image_feats, text, image_index)
            # Sizes, and not `len`, which torch.export takes for constants.
            found, expected = features.maps[0].shape[0], text.words.shape[0]
            if found != expected:
                raise ValueError(f'model.fusion {type(self.fusion).__name__} gives {found} rows for {expected} '
                                 'expressions: it must repeat those of an image by image_index')
        return features if self.neck is None else features.with_maps(self._run(self.neck, features.maps))

    def decode(self, features: MultiModalFeatures) -> Optional[Tensor]:
        """Fused maps -> Y (N, C, h, w); None where a head of mmseg takes the maps themselves."""
        return None if self.decoder is None else self._run(self.decoder, features)

    def extract_feat(self, inputs: Tensor, data_samples: Sequence[RefDataSample],
                     mask_ratio: float = 0.) -> MultiModalFeatures:
        """Images (B, 3, H, W) and their expressions, of whose words some are hidden -> fused features of N rows."""
        text = self.encode_text(data_samples, mask_ratio)
        return self.fuse(self.encode_image(inputs), text, _image_index(data_samples, inputs.device))

    def encode_decode(self, inputs: Tensor, batch_data_samples: Sequence[RefDataSample]) -> Tensor:
        """Images (B, 3, H, W) and their expressions -> logits (N, K, h, w) of the decode head."""
        features = self.extract_feat(inputs, batch_data_samples)
        return head_logits(self.decode_head, self.decode(features), features)

    def _run(self, part: nn.Module, *args):
        """``part(*args)``, checkpointed with ``with_cp``."""
        return checkpointed(part, *args, with_cp=self.with_cp)

    def _head_loss(self, function, head, *args):
        return checkpointed(function, head, *args, self.train_cfg, with_cp=self.with_cp, part=head)

    # The three modes of mmengine.

    def _forward(self, inputs: Tensor, data_samples: Sequence[RefDataSample]) -> Tensor:
        return self.encode_decode(inputs, data_samples)

    def loss(self, inputs: Tensor, data_samples: Sequence[RefDataSample]) -> Dict[str, Tensor]:
        """The losses of all heads.

        Args:
            inputs (Tensor): (B, 3, H, W).
            data_samples (Sequence[RefDataSample]): With ``gt_sem_seg.data`` (E, H, W).

        Returns:
            dict: ``decode.*``, ``existence.*`` and ``aux_i.*`` scalars.

        Raises:
            RefDataError: A sample has another number of masks than of expressions.
        """
        losses, _ = self.losses_and_outputs(self.extract_feat(inputs, data_samples), targets_of(data_samples))
        return losses

    def losses_and_outputs(self, features: MultiModalFeatures, target: Tensor,
                           existence: Optional[Tensor] = None) -> Tuple[Dict[str, Tensor], RowOutputs]:
        """The losses of all heads, and what they were taken of.

        Args:
            features (MultiModalFeatures): What fusion made, N rows.
            target (Tensor): (N, H, W), as :meth:`BaseRefHead.loss` takes it.
            existence (Tensor, optional): (N,), the target of an existence head. Defaults to None: ``target``.

        Returns:
            tuple[dict, RowOutputs]: As :meth:`loss`; logits are None of a head of mmseg, existence without such a head.
        """
        decoded = self.decode(features)
        losses, logits = self._head_loss(head_loss_and_logits, self.decode_head, decoded, features, target)
        losses = add_prefix(losses, 'decode')
        exists = None
        if self.existence_head is not None:
            existence = target if existence is None else existence
            found, exists = self._head_loss(head_loss_and_logits, self.existence_head, decoded, features, existence)
            losses.update(add_prefix(found, 'existence'))
        for i, head in enumerate(self.auxiliary_head):
            given = decoded if isinstance(head, BaseRefHead) else None
            losses.update(add_prefix(self._head_loss(head_loss, head, given, features, target), f'aux_{i}'))
        return losses, RowOutputs(logits, exists, features.prior)

    def predict(self, inputs: Tensor,
                data_samples: Sequence[RefDataSample]) -> Sequence[RefDataSample]:
        """Fill ``pred_sem_seg`` (E, h, w), ``pred_scores`` (E,) and, with a head that tells, ``pred_existence`` (E,).

        The backbone runs once an image, the rest once for expressions that are the same on it; at most
        ``test_cfg.max_expressions`` expressions go through the rest at once. (h, w) is the input's or the image's own
        size by ``test_cfg.eval_size``. Where fusion gives a prior, ``pred_prior``
        (E, h, w) are its logits at their own size, which cover the input, padding included; ``batch_input_shape`` is
        the size of that. The mask of an expression whose existence is not above ``test_cfg.existence_threshold`` is
        empty.
        """
        rows = ExpressionRows.of(data_samples)
        text = self.text_encoder(rows.texts)
        image_feats = self.encode_image(inputs)
        outputs = RowOutputs.cat([self.run_rows(*chunk) for chunk in
                                  rows.chunks(image_feats, text, self.test_cfg.max_expressions)])
        fill_predictions(data_samples, rows, outputs, inputs.shape[2:], self.test_cfg, self.decode_head.align_corners)
        return data_samples

    def run_rows(self, image_feats, text: TextFeatures, image_index: Optional[Tensor]) -> RowOutputs:
        """The B images' features and N expressions -> what the heads that predict make of them."""
        features = self.fuse(image_feats, text, image_index)
        decoded = self.decode(features)
        logits, existence = head_answers(self.decode_head, decoded, features)
        if self.existence_head is not None:
            existence = self.existence_head.predict(decoded, features)
        return RowOutputs(logits, existence, features.prior)


def _build(config: Optional[dict]):
    return None if config is None else MODELS.build(config)


def _image_index(data_samples: Sequence[RefDataSample], device) -> Optional[Tensor]:
    """The image of each expression, or None where each image has exactly one."""
    if all(len(sample.expressions) == 1 for sample in data_samples):
        return None
    return image_index_of(data_samples, device)


def targets_of(data_samples: Sequence[RefDataSample]) -> Tensor:
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
