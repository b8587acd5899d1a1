"""Any vision model of the ``transformers`` library that gives feature maps, as a backbone."""

from typing import Optional, Sequence, Tuple

from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor
from transformers import AutoBackbone as TransformersAutoBackbone
from transformers import AutoConfig, PretrainedConfig

from mmrefseg.registry import MODELS
from mmrefseg.structures import Gives

from ..utils import checkpointed
from ..utils.hub import clear_errors, load_pretrained, quiet_transformers
from .auto_backbone_plan import plan_backbone
from .plain_pyramid import PlainPyramid


@MODELS.register_module()
class AutoBackbone(BaseModule):
    """Backbone of ``transformers.AutoBackbone``: Swin, ConvNeXt, ConvNeXtV2, DINOv2, DINOv3, Hiera, PVTv2, ResNet, ….

    ::

        hierarchical (ConvNeXt …)   images ─► model ─► maps at strides 4, 8, 16, 32
        plain (DINOv2 …)            images ─► model ─► maps of equal stride ─► pyramid (x4, x2, x1, x1/2) ─► maps

    A plain transformer cuts images into patches, 14 or 16 pixels wide, and all its layers have maps of that stride.
    ``pyramid`` makes four levels of them (:class:`PlainPyramid`), as a fusion or decoder with several strides wants.
    With patches of 14 the strides are 3.5, 7, 14, 28.

    Weights are loaded by ``init_weights``, that is, at the start of a training; building the model needs the
    architecture alone. Weights that no gradient can reach (a mask token, a norm behind the last map that is asked for)
    do not train; they stay in the state dict. Images must be normalized as the model's were
    (``model.data_preprocessor``; the hub's ``preprocessor_config.json`` tells): for most it is ImageNet's mean and
    deviation.

    Args:
        out_features (Sequence[str]): The stages whose maps are given, finest first: ``['stage1', 'stage2', 'stage3',
            'stage4']`` of ConvNeXt, ``['stage3', 'stage6', 'stage9', 'stage12']`` of a DINOv2 of twelve layers.
        pretrained (str, optional): Where the weights come from: a name of the Hugging Face hub or a folder with
            ``config.json`` and the weights. None: random weights; then ``config`` must be given. Defaults to None.
        config (dict, optional): With ``model_type`` it is the whole architecture (``dict(model_type='dinov2', …)``;
            what it leaves out is transformers' default). Without, it changes single values of that of ``pretrained``.
        pyramid (Sequence[int], optional): C of the four levels to make of the four maps of a plain model. Defaults to
            None: its maps as they are.
        norm_cfg (dict, optional): Of the pyramid. Defaults to ``dict(type='BN')``.
        with_cp (bool): Whether to save memory in training by computing the activations twice. Defaults to False.
        local_files_only (bool): Whether to use only what is on this disk (no network). Defaults to False.
        init_cfg (dict, optional): Initialization, as in mmengine; where there is one, ``pretrained`` is not read.

    Attributes:
        channels (tuple[int]): C of each level, finest first.
        strides (tuple[int]): Pixels of an image for a pixel of each map of the model, before any pyramid.

    Raises:
        OSError: ``pretrained`` cannot be read.
        ValueError: An option is not one of those above; in ``forward``, an image is no multiple of the patches.

    Example:
        >>> import torch
        >>> from mmrefseg.models import AutoBackbone
        >>> backbone = AutoBackbone(  # random and tiny; pretrained='microsoft/resnet-18' has published weights
        ...     out_features=['stage1', 'stage2', 'stage3', 'stage4'],
        ...     config=dict(model_type='resnet', embedding_size=8, hidden_sizes=[8, 16, 32, 64], depths=[1, 1, 1, 1],
        ...                 layer_type='basic'))
        >>> [tuple(level.shape[1:]) for level in backbone(torch.zeros(1, 3, 64, 64))]
        [(8, 16, 16), (16, 8, 8), (32, 4, 4), (64, 2, 2)]
    """

    def __init__(self,
                 out_features: Sequence[str],
                 pretrained: Optional[str] = None,
                 config: Optional[dict] = None,
                 pyramid: Optional[Sequence[int]] = None,
                 norm_cfg: Optional[dict] = None,
                 with_cp: bool = False,
                 local_files_only: bool = False,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        architecture = _build_config(out_features, pretrained, config, local_files_only)
        plan = plan_backbone(architecture)
        self.pretrained = pretrained
        self.local_files_only = local_files_only
        self.with_cp = with_cp
        self.channels = plan.channels if pyramid is None else tuple(pyramid)
        self.strides = plan.strides
        self.patch_size = plan.patch_size
        self.gives = Gives(maps=self.channels)
        self.model = TransformersAutoBackbone.from_config(architecture).float()
        for name in plan.idle:
            self.model.get_parameter(name).requires_grad_(False)
        self.pyramid = None
        if pyramid is not None:
            if plan.patch_size is None or not len(plan.channels) == len(pyramid) == 4:
                raise ValueError(f'backbone.pyramid is {list(pyramid)}, four widths for four maps of one stride, but '
                                 f'{architecture.model_type} gives maps of the strides {plan.strides}: name four '
                                 'stages of a plain transformer in backbone.out_features, or leave pyramid out')
            self.pyramid = PlainPyramid(plan.channels[0], pyramid, norm_cfg)

    def forward(self, images: Tensor) -> Tuple[Tensor, ...]:
        """Images (B, 3, H, W) -> one (B, C_i, H_i, W_i) map a level, finest first."""
        if self.patch_size is not None and any(side % self.patch_size for side in images.shape[2:]):
            raise ValueError(f'model.backbone cuts pictures into patches of {self.patch_size} pixels, found a picture '
                             f'of {tuple(images.shape[2:])}: resize to a multiple, or set size_divisor='
                             f'{self.patch_size} in model.data_preprocessor and in its test_cfg')
        maps = checkpointed(self._feature_maps, images, with_cp=self.with_cp, part=self.model)
        return maps if self.pyramid is None else self.pyramid(maps)

    def _feature_maps(self, images: Tensor) -> Tuple[Tensor, ...]:
        return tuple(self.model(images).feature_maps)

    def init_weights(self) -> None:
        """Load ``pretrained``, the first time only, or apply ``init_cfg``."""
        if self.pretrained is not None and not self.init_cfg and not self.is_init:
            # The norms of the maps that are asked for belong to the backbone: no classifier was trained with them.
            count = load_pretrained(self.model, self.pretrained, 'backbone', self.local_files_only,
                                    may_lack='hidden_states_norms.')
            print_log(f'AutoBackbone: {count} weights from {self.pretrained}.', logger='current')
        super().init_weights()


def _build_config(out_features, pretrained, config, local_files_only) -> PretrainedConfig:
    values = dict(config or {})
    if 'model_type' in values:
        kind = values['model_type']
        try:
            built = AutoConfig.for_model(**values)
        except ValueError as error:
            raise ValueError(f'backbone.config: transformers knows no model_type {kind!r}') from error
    elif pretrained is None:
        raise ValueError(f'backbone.pretrained is None: then backbone.config with a model_type must be given, found '
                         f'{config!r}')
    else:
        with clear_errors('backbone.pretrained', pretrained), quiet_transformers():
            built = AutoConfig.from_pretrained(pretrained, local_files_only=local_files_only, **values)
    stages = getattr(built, 'stage_names', None)
    if stages is None:
        raise ValueError(f'backbone: {built.model_type} of transformers gives no feature maps (it has no backbone)')
    ordered = [stage for stage in stages if stage in out_features]
    if not ordered or ordered != list(out_features):
        raise ValueError(f'backbone.out_features is {list(out_features)}, expected some of {list(stages)}, in this '
                         'order')
    for name, value in vars(built).items():
        if isinstance(value, tuple):  # its own defaults among them, and its models join them with lists
            setattr(built, name, list(value))
    built.out_features = ordered
    return built
