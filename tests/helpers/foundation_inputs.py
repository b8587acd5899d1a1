"""Images and sentences that the tests of foundation models share."""

import numpy as np
import torch
from mmengine.registry import init_default_scope
from PIL import Image

from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample

SENTENCES = [
    'the left man', 'The red circle, of St. Louis. left?', '左边的红色圆圈', ' '.join(['the red man'] * 100), '...']


MODELS_BUILT = {}


def image_of(kind):
    """An image in RGB, as Pillow has it."""
    if kind == '1x1':
        return Image.new('RGB', (1, 1), (10, 200, 30))
    noise = np.random.default_rng(3).integers(0, 255, (45, 70, 3), dtype=np.uint8)
    if kind == 'grey':
        noise[...] = noise[..., :1]
    noise[10:30, 20:50] = (200, 30, 30)
    return Image.fromarray(noise)


def grounded(foundation_folder, detector, segmenter, **kwargs):
    """A GroundedSegmentor of two tiny models, built once for the same settings."""
    key = f'{detector} {segmenter} {kwargs}'
    if key not in MODELS_BUILT:
        MODELS_BUILT[key] = _grounded(foundation_folder, detector, segmenter, **kwargs)
    return MODELS_BUILT[key]


def _grounded(foundation_folder, detector, segmenter, **kwargs):
    return build(
        type='GroundedSegmentor', detector=dict(type='ZeroShotDetector', pretrained=foundation_folder(detector)),
        segmenter=dict(type='PromptableSegmenter', pretrained=foundation_folder(segmenter)), **kwargs)


def build(**config):
    """The model, for inference."""
    init_default_scope('mmrefseg')
    return MODELS.build(config).eval()


@torch.no_grad()
def run(model, images, expressions, **metainfo):
    """Images in RGB and a list of expressions for each -> data samples, through the model's own preprocessor."""
    inputs = [torch.from_numpy(np.asarray(image)[..., ::-1].copy()).permute(2, 0, 1) for image in images]
    samples = [
        RefDataSample(metainfo={**dict(expressions=said, ori_shape=(image.height, image.width)), **metainfo})
        for image, said in zip(images, expressions)]
    data = model.data_preprocessor(dict(inputs=inputs, data_samples=samples), False)
    return model(**data, mode='predict')
