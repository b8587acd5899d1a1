"""One scene as the data set needs it: its image on disk, its annotations, its expressions."""

import os
from collections import Counter
from typing import Dict, List, Sequence, Tuple

import cv2
import numpy as np
from pycocotools import mask as mask_utils

from .drawing import draw_scene
from .expressions import Description
from .generalized import GeneralizedSpeaker, Reference, count_reference
from .referents import Judge
from .scenes import KINDS, SPLITS, STYLES, Scene, sample_scene, scene_random
from .speakers import GENERALIZED, Speaker, Utterance

MAX_SCENES = 1_000_000
# JPEG, not PNG: the noise makes PNG twice as large (38 kB at 128 px) and ten times as slow to
# write. Full chroma keeps the thin coloured stripes.
JPEG_OPTIONS = (cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
                   cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)


def make_record(task: Tuple[str, int], seed: int, size: int, variants: Sequence[str], image_dir: str,
                style: str) -> dict:
    """Make one scene, write its image, and return what its annotations need.

    Returns:
        dict: ``split``; ``image`` and ``annotations``, entries of instances.json; ``said``: for
        every variant a list of :class:`Reference`; ``counts``: for every variant what
        :func:`count` or :func:`count_reference` counts.
    """
    split, number = task
    scene = sample_scene(seed, split, number, size, style)
    pixels = draw_scene(scene, scene_random(seed, split, number, 'picture'))
    name = f'refshapes_{split}_{number:06d}.jpg'
    path = os.path.join(image_dir, name)
    if not cv2.imwrite(path, pixels, JPEG_OPTIONS):
        raise OSError(f'cannot write {path}')
    # Ids tell split and number, so that they do not depend on the other splits' sizes.
    image_id = SPLITS.index(split) * MAX_SCENES + number + 1
    image = dict(id=image_id, file_name=name, height=size, width=size)
    judge = Judge(scene)
    said: Dict[str, List[Reference]] = {}
    counts: Dict[str, Counter] = {}
    for variant in variants:
        rng = scene_random(seed, split, number, variant)
        counts[variant] = Counter()
        if variant == GENERALIZED:
            said[variant] = GeneralizedSpeaker(judge, split, rng, STYLES[style]).speak()
            for reference in said[variant]:
                count_reference(counts[variant], reference)
            continue
        speaker, said[variant] = Speaker(judge, variant, rng), []
        for index, shape in enumerate(scene.shapes):
            utterances = speaker.speak(index) if shape.referable else []
            if utterances:
                said[variant].append(Reference((index,), [utterance.text for utterance in utterances]))
            for utterance in utterances:
                count(counts[variant], judge, utterance, index)
    return dict(split=split, image=image, annotations=_annotate(scene, image_id), said=said,
                counts=counts)


def count(counts: Dict[str, int], judge: Judge, utterance: Utterance, index: int) -> None:
    """Add one expression for shape ``index`` to the statistics.

    Keys: ``expressions``, ``words``, ``family <name>``; ``kind_only`` and ``colour_only``: a reader
    who sees nothing but the target's kind (colour) word would be right, beyond doubt;
    ``attributes_only``: one who reads the target's attributes and neither position, comparison,
    order nor relation.
    """
    expression, text = utterance
    target = expression.target
    counts['expressions'] += 1
    counts['words'] += text.count(' ') + 1
    counts[f'family {expression.family}'] += 1
    # What reads nothing matches every shape.
    for reader, description in (('kind_only', Description(kind=target.kind)),
                                ('colour_only', Description(colour=target.colour)),
                                ('attributes_only', target)):
        counts[reader] += judge.described(description).referent == index


def _annotate(scene: Scene, image_id: int) -> List[dict]:
    """The COCO annotations of a scene; masks show what is seen of a shape.

    They are run-length encoded: polygons cannot say the holes of rings or single pixels exactly.
    """
    total = len(scene.shapes)
    masks = np.empty((scene.size, scene.size, total), np.uint8, order='F')
    for index in range(total):
        masks[:, :, index] = scene.owner == index + 1
    rles = mask_utils.encode(masks)
    boxes, areas = mask_utils.toBbox(rles).tolist(), mask_utils.area(rles).tolist()
    annotations = []
    for index, shape in enumerate(scene.shapes):
        covered = [[_annotation_id(image_id, upper), round(share, 4)]
                   for upper, share in enumerate(scene.hidden[index]) if share]
        annotations.append(dict(
            id=_annotation_id(image_id, index), image_id=image_id,
            category_id=KINDS.index(shape.kind) + 1, iscrowd=0, area=areas[index],
            bbox=boxes[index],
            segmentation=dict(size=[scene.size, scene.size],
                              counts=rles[index]['counts'].decode('ascii')),
            attributes=dict(kind=shape.kind, colour=shape.colour, texture=shape.texture,
                            size=shape.size, extent=round(2 * shape.radius, 2),
                            covered_by=covered)))
    return annotations


def _annotation_id(image_id: int, index: int) -> int:
    return 10 * image_id + index
