"""Images and expressions in, masks out."""

import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Union

import mmcv
import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import ConfigDict
from mmengine.infer import BaseInferencer
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmengine.utils import is_str
from mmengine.visualization import Visualizer
from pycocotools import mask as coco_mask
from rich.progress import track
from torch import nn

from mmrefseg.checkpoints import OFFICIAL, load_weights, read_checkpoint
from mmrefseg.datasets.budget import check_budget
from mmrefseg.engine import use_half_precision
from mmrefseg.exported import ExportedSegmentor, OnnxSession
from mmrefseg.models import compile_parts
from mmrefseg.models.text_encoders import PieceTokenizer, WordTokenizer
from mmrefseg.registry import INFERENCERS, MODELS, TRANSFORMS
from mmrefseg.structures import RefDataSample, masks_on_host
from mmrefseg.utils import find_config
from mmrefseg.utils.devices import check_device

from .embedded_config import config_of_checkpoint
from .image_arguments import Image, is_one_image, is_path, to_array
from .model_zoo import config_of_weights, find_zoo_model, list_zoo_models

# What is taken of a folder; all of it is decoded by OpenCV.
IMAGE_SUFFIXES = (
    '.jpg', '.jpeg', '.jfif', '.jpe', '.png', '.bmp', '.dib', '.tif', '.tiff', '.webp', '.gif', '.avif', '.jp2', '.ppm',
    '.pgm', '.pbm', '.pnm')

CHECKPOINT_SUFFIXES = ('.pth', '.pt', '.ckpt', '.safetensors', '.pkl', '.bin')


@INFERENCERS.register_module()
class RefSegInferencer(BaseInferencer):
    """Finds in images what expressions refer to.

    An image's file is taken as a person sees it, turned by the EXIF orientation of a phone's photograph: masks and
    what is drawn are of the turned one. ``upright=False`` takes it as its pixels are stored, as in the data sets.

    Example:
        >>> from mmrefseg.apis import RefSegInferencer
        >>> inferencer = RefSegInferencer('sadlr_lavt_nano_refshapes', show_progress=False)  # of the zoo, no network
        >>> result, = inferencer('street.jpg', ['the red circle', 'largest star'], out_dir='out')
        >>> result['masks'].shape  # two expressions, at the image's own size
        (2, 480, 640)
        >>> RefSegInferencer.list_models(patterns='sadlr_lavt_nano_refshapes')
        ['sadlr_lavt_nano_refshapes']

    One that you trained: ``RefSegInferencer('configs/lavt/lavt_nano_refshapes.py', 'epoch_3.pth')``.

    Args:
        model (str | Path | dict, optional): Config file or its name (see :func:`mmrefseg.utils.find_config`), config,
            or name in the model zoo, be it of a model without training (:func:`mmrefseg.apis.list_foundation_models`).
            None takes the config that the checkpoint belongs to: a safetensors file names one of ours; a training
            checkpoint holds its own, which is read as values and runs nothing. An ``….onnx`` file of tools/export.py is
            model, weights and config in one, and runs in onnxruntime.
        weights (str | Path, optional): Checkpoint file or URL. Defaults to the zoo's for a name of the zoo; a config
            without weights makes a random model.
        device (str, optional): Defaults to the best there is.
        amp (bool): Mixed precision, see :func:`mmrefseg.engine.use_half_precision`. Defaults to False.
        show_progress (bool): Draw a progress bar. Defaults to True.
        upright (bool): Turn files by their EXIF orientation, if the test pipeline begins with ``LoadRefImage``.
            Defaults to True.
        compile (bool): torch.compile: the first image takes minutes, further ones less time (see
            :func:`mmrefseg.models.compile_parts`). Defaults to False.
        allow_partial (bool): Whether weights of the model that ``weights`` lacks may stay random. Defaults to False.

    Raises:
        CheckpointError: ``weights`` is no checkpoint, is damaged, or does not fit the model.
        ValueError: A checkpoint as ``model``; a device that is not there; without ``weights``, a name that the zoo does
            not know, or has no weights for; an ONNX file with ``weights``, ``amp`` or ``compile``.
        FileNotFoundError: With ``weights``, a config that is not there.
    """

    def __init__(self,
                 model: Union[str, Path, dict, None] = None,
                 weights: Union[str, Path, None] = None,
                 device: Optional[str] = None,
                 amp: bool = False,
                 show_progress: bool = True,
                 compile: bool = False,
                 allow_partial: bool = False,
                 upright: bool = True) -> None:
        init_default_scope('mmrefseg')
        self._session = None
        self._allow_partial = allow_partial
        self.upright = upright
        model, weights = (str(value) if isinstance(value, Path) else value for value in (model, weights))
        if model is None and str(weights).endswith('.onnx'):
            model, weights = weights, None
        if str(model).endswith('.onnx'):
            if weights is not None or amp or compile:
                raise ValueError(f'{model} is a whole model in single precision: expected no weights, amp or compile')
            self._session = OnnxSession(model, device)
            model = self._session.description.config
        elif is_checkpoint(model):
            raise ValueError(f'{model} is a checkpoint: expected a config as the model, and {model} as the weights; '
                             'without a model its own config is taken')
        elif model is None and weights is not None:
            model = config_of_weights(weights)
        elif is_str(model) and not Path(model).is_file():
            if weights is None:
                weights = find_zoo_model(model).weights
            model = find_config(model)
        if self._session is None:
            check_device(device)
        super().__init__(model, weights, device, scope='mmrefseg', show_progress=show_progress)
        if amp:
            use_half_precision(self.model)
        if compile:
            compile_parts(self.model)
        # Whatever size the model is evaluated at, masks of the image's own size are wanted here.
        self.model.test_cfg = replace(self.model.test_cfg, eval_size='original')

    @staticmethod
    def list_models(scope: str = 'mmrefseg', patterns: str = '.*', with_weights: bool = True) -> List[str]:
        """Names that the constructor takes.

        Args:
            scope (str): 'mmrefseg'; other packages are listed by mmengine. Defaults to 'mmrefseg'.
            patterns (str): A regular expression that names begin with. Defaults to all.
            with_weights (bool): Only models whose weights are published. Defaults to True.

        Returns:
            list[str]: The names.
        """
        if scope != 'mmrefseg':
            return BaseInferencer.list_models(scope, patterns)
        return [name for name in list_zoo_models(with_weights) if re.match(patterns, name)]

    @property
    def tokenizer(self) -> Union[WordTokenizer, PieceTokenizer, None]:
        """Tokenizer of expressions; None where the text encoder has no ``standalone_tokenizer``."""
        if self._session is not None:
            return self.model.tokenize
        if not hasattr(self.model, 'text_encoder'):  # of transformers, which cut by themselves
            return None
        try:
            return self.model.text_encoder.standalone_tokenizer()
        except NotImplementedError:
            return None

    def __call__(self,
                 images: Union[Image, Sequence[Image]],
                 expressions: Union[str, Sequence[str], Sequence[Sequence[str]]],
                 batch_size: int = 1,
                 out_dir: Union[str, Path, None] = None) -> List[dict]:
        """Segment.

        Args:
            images: An image (path, URL, (H, W, 3) uint8 BGR array as cv2 reads it, or an image of Pillow), a folder of
                images, or a list of images.
            expressions: One expression or a list: each is looked for in every image. A list of lists
                has one list for each image.
            batch_size (int): Images at a time. Defaults to 1.
            out_dir (str | Path, optional): Where an image of each prediction is written.

        Returns:
            list[dict]: One for each image, with

            - ``image`` (str): its path, or ``image_<i>`` for an array,
            - ``expressions`` (list[str]): the E expressions,
            - ``masks`` (np.ndarray): (E, H, W) bool at the image's own size, of the turned image where it is,
            - ``rles`` (list[dict]): the masks as COCO run lengths, ready for JSON,
            - ``scores`` (list[float]): mean probability inside each mask, or how sure a model with boxes is; 0 for an
              empty mask,
            - ``existence`` (list[float] | None): probability that there is such an object, of a model with an existence
              head or rule ``'all'``; where it is not above ``test_cfg.existence_threshold`` the mask is empty,
            - ``boxes`` (list[list] | None): of a model with boxes, E lists of x0, y0, x1, y1 in pixels of the image:
              those that the mask is made from,
            - ``overlay`` (str | None): the file in ``out_dir``.

        Raises:
            ValueError: No image, one without pixels, an empty expression, another number of expression lists than
                of images, or a ``batch_size`` below 1.
            RefDataError: An image that is missing, cannot be decoded or is beyond the budget, alone or with all its
                masks (see :mod:`mmrefseg.datasets.budget`).
        """
        if batch_size < 1:
            raise ValueError(f'batch_size is {batch_size}, expected 1 or more')
        images = list_images(images)
        per_image = list_expressions(expressions, len(images))
        names = [str(image) if is_path(image) else f'image_{i}' for i, image in enumerate(images)]
        results = []
        starts = range(0, len(images), batch_size)
        for start in track(starts, description='Inference') if self.show_progress else starts:
            batch = range(start, min(start + batch_size, len(images)))
            samples = self.predict([images[i] for i in batch], [per_image[i] for i in batch])
            masks = masks_on_host([sample.pred_sem_seg.data for sample in samples])
            scores = torch.cat([sample.pred_scores for sample in samples]).cpu()
            scores = scores.split([len(sample.pred_scores) for sample in samples])
            for i, sample, own_masks, own_scores in zip(batch, samples, masks, scores):
                overlay = None
                if out_dir is not None:
                    overlay = str(Path(out_dir) / f'{i:05d}_{Path(names[i]).stem}.png')
                    self.draw(images[i], sample, overlay)
                results.append(dict(
                    image=names[i],
                    expressions=per_image[i],
                    masks=own_masks,
                    rles=list(encode(own_masks)),
                    scores=own_scores.tolist(),
                    existence=sample.pred_existence.tolist() if 'pred_existence' in sample else None,
                    boxes=[boxes.tolist() for boxes in sample.pred_boxes] if 'pred_boxes' in sample else None,
                    overlay=overlay))
        return results

    def predict(self, images: Sequence[Image],
                expressions: Sequence[Sequence[str]]) -> List[RefDataSample]:
        """One batch: B images with a list of expressions each -> B samples with predictions."""
        inputs = [{'expressions': list(said), **as_input(image, self.upright)}
                  for image, said in zip(images, expressions)]
        return self.forward(self.collate_fn([self.pipeline(one) for one in inputs]))

    def draw(self, image: Image, sample: RefDataSample, out_file: str) -> None:
        """Write an image of one prediction."""
        flag = 'color' if self.upright else 'color_ignore_orientation'
        pixels = mmcv.imread(str(image), flag=flag) if is_path(image) else to_array(image, self.upright)
        self.visualizer.add_datasample(
            Path(out_file).stem, mmcv.bgr2rgb(pixels), sample, draw_gt=False, out_file=out_file)

    def _init_model(self, cfg: ConfigDict, weights: Optional[str], device: str = 'cpu') -> nn.Module:
        """As mmengine's, through our door of weights; or what runs the ONNX file."""
        if self._session is not None:
            return ExportedSegmentor(self._session).eval()
        if weights is None:
            return super()._init_model(cfg, weights, device)
        checkpoint = read_checkpoint(weights)
        if not cfg:
            cfg.update(config_of_checkpoint(checkpoint, weights)._cfg_dict)
        _set_options(cfg, checkpoint)
        cfg.model.pop('pretrained', None)  # weights that these would replace
        model = MODELS.build(cfg.model)
        model.cfg = cfg
        fit = load_weights(model, checkpoint, weights, self._allow_partial)
        if not fit.is_whole:
            print_log(f'{weights}: {fit.summary()}; the rest is random', 'current', logging.WARNING)
        return model.to(device).eval()

    def _init_pipeline(self, cfg: ConfigDict):
        """The test pipeline without annotations, for paths and for arrays."""
        steps = [step for step in cfg.test_dataloader.dataset.pipeline
                 if step['type'].split('.')[-1] != 'LoadRefAnnotations']
        first = dict(steps[0])
        if first['type'].split('.')[-1] == 'LoadRefImage':
            first['upright'] = self.upright
        load = TRANSFORMS.build(first)
        rest = Compose([TRANSFORMS.build(step) for step in steps[1:]])

        def run(inputs: dict) -> dict:
            inputs = inputs if 'img' in inputs else load(inputs)
            count, (height, width) = len(inputs['expressions']), inputs['ori_shape'][:2]
            check_budget('MAX_MASK_PIXELS', count * height * width,
                         f'{inputs.get("img_path", "an image")} with {count} expressions')
            return rest(inputs)

        return run

    def _init_visualizer(self, cfg: ConfigDict) -> Optional[Visualizer]:
        """As mmengine's, without the places where a training's visualizer writes: :meth:`draw` names its file."""
        if cfg.get('visualizer'):
            cfg.visualizer.vis_backends = None
        return super()._init_visualizer(cfg)

    def visualize(self, *args, **kwargs):
        """Unused: :meth:`__call__` draws image by image, which keeps memory flat."""

    def postprocess(self, *args, **kwargs):
        """Unused, see :meth:`visualize`."""


def is_checkpoint(model: Union[str, dict, None]) -> bool:
    """bool: Whether what is given as a model is, by its name, a file of weights."""
    return is_str(model) and model.lower().endswith(CHECKPOINT_SUFFIXES)


def _set_options(cfg: ConfigDict, checkpoint: dict) -> None:
    """Set what an official checkpoint needs in the config beside the shapes of its weights."""
    official = (checkpoint.get('meta') or {}).get(OFFICIAL) or {}
    for key, value in official.get('options', {}).items():
        node = cfg
        *parents, last = key.split('.')
        for part in parents:
            node = node.setdefault(part, ConfigDict())
        if node.get(last) != value:
            print_log(f'{key}={value}, as this checkpoint of {official["family"]} needs it', 'current')
            node[last] = value


def list_images(images: Union[Image, Sequence[Image]]) -> List[Image]:
    """An image, a folder or a list -> a list of images.

    Raises:
        ValueError: There is none.
    """
    if is_path(images) and Path(images).is_dir():
        found = sorted(path for path in Path(images).iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
        if not found:
            raise ValueError(f'no picture ({", ".join(IMAGE_SUFFIXES)}) in the folder {images}')
        return found
    found = [images] if is_one_image(images) else list(images)
    if not found:
        raise ValueError('images is empty, expected at least one picture')
    return found


def list_expressions(expressions, num_images: int) -> List[List[str]]:
    """Expressions as the user gave them -> one list for each image.

    Raises:
        ValueError: Another number of lists than of images, or an expression that is empty.
        TypeError: An expression that is no string.
    """
    if is_str(expressions):
        expressions = [expressions]
    nested = [said for said in expressions if not is_str(said)]
    per_image = list(expressions) if nested else [list(expressions)] * num_images
    if len(per_image) != num_images:
        raise ValueError(f'{len(per_image)} lists of expressions for {num_images} pictures')
    for i, said in enumerate(per_image):
        if is_str(said) or len(said) == 0:
            raise ValueError(f'expressions of picture {i}: expected a list of at least one, found {said!r}')
        for expression in said:
            if not is_str(expression):
                raise TypeError(f'expressions of picture {i}: expected strings, found {expression!r}')
            if not expression.strip():
                raise ValueError(f'expressions of picture {i}: one is empty')
            try:
                expression.encode('utf-8')
            except UnicodeEncodeError as error:
                raise ValueError(f'expressions of picture {i}: {expression!r} holds half a character (a lone surrogate '
                                 'such as half an emoji)') from error
    return [list(said) for said in per_image]


def as_input(image: Image, upright: bool = True) -> Dict:
    """Make the dict that the pipeline starts from.

    Raises:
        ValueError, RefDataError: It is neither a path nor an image: see :func:`.image_arguments.to_array`.
    """
    if is_path(image):
        return dict(img_path=str(image))
    pixels = to_array(image, upright)
    return dict(img=pixels, img_shape=pixels.shape[:2], ori_shape=pixels.shape[:2])


def encode(masks: np.ndarray) -> Iterator[dict]:
    """(E, H, W) bool masks -> E COCO run lengths whose counts are strings."""
    for mask in masks:
        rle = coco_mask.encode(np.asfortranarray(mask.view(np.uint8)))
        yield dict(size=list(mask.shape), counts=rle['counts'].decode())
