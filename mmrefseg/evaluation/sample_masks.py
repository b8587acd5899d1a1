"""The two masks of a data sample, checked and at the size at which they are compared."""

from typing import Optional, Tuple

from torch import Tensor

from mmrefseg.errors import RefDataError

from .mask_counts import resize_masks

_CAUSES = dict(
    pred_sem_seg='the model gave no prediction',
    gt_sem_seg='the test pipeline needs LoadRefAnnotations',
    expressions='the test pipeline needs PackRefInputs')


def masks_at_eval_size(sample: dict, eval_size: str) -> Tuple[Tensor, Tensor]:
    """Prediction and ground truth of a sample, ready to be compared.

    Args:
        sample (dict): See :meth:`mmrefseg.evaluation.RefIoUMetric.process`.
        eval_size (str): 'input' or 'original', the size at which the protocol compares.

    Returns:
        tuple[Tensor, Tensor]: Prediction and ground truth, (E, h, w) both, on the prediction's device.

    Raises:
        RefDataError: One is missing, or they do not fit one another, the expressions or ``eval_size``.
    """
    for key, cause in _CAUSES.items():
        if sample.get(key) is None:
            raise RefDataError(f'{name_of(sample)} has no {key}: {cause}')
    pred, truth = sample['pred_sem_seg']['data'], sample['gt_sem_seg']['data']
    for key, masks in (('pred_sem_seg', pred), ('gt_sem_seg', truth)):
        if masks.ndim != 3:
            raise RefDataError(f'{name_of(sample)}: {key} has the shape {tuple(masks.shape)}, expected '
                               '(E, H, W)')
    if not len(sample['expressions']) == len(pred) == len(truth):
        raise RefDataError(
            f'{name_of(sample)}: {len(sample["expressions"])} expressions, {len(pred)} predicted masks '
            f'and {len(truth)} true masks, expected as many of each')
    _check_sizes(sample, eval_size, tuple(pred.shape[1:]), tuple(truth.shape[1:]))
    return pred, resize_masks(truth.to(pred.device, non_blocking=True), tuple(pred.shape[1:]))


def name_of(sample: dict) -> str:
    """How an error message calls a sample: by the path of its image."""
    return str(sample.get('img_path') or 'a sample without img_path')


def _check_sizes(sample: dict, eval_size: str, pred_size: tuple, truth_size: tuple) -> None:
    own_size = _shape(sample, 'ori_shape') or truth_size
    expected = own_size if eval_size == 'original' else _shape(sample, 'img_shape') or pred_size
    if pred_size != expected:
        raise RefDataError(
            f"{name_of(sample)}: the prediction is {pred_size}, but eval_size='{eval_size}' of the "
            f"metric's protocol needs {expected}: set model.test_cfg.eval_size='{eval_size}', or choose "
            'a protocol or eval_size of what the model predicts')
    # A ground truth that went through the same transforms as the image needs no resize for 'input'.
    if truth_size not in (own_size, expected):
        raise RefDataError(
            f'{name_of(sample)}: the ground truth is {truth_size}, but the picture is {own_size}: '
            'LoadRefAnnotations must come after RefResize in the test pipeline')


def _shape(sample: dict, key: str) -> Optional[tuple]:
    shape = sample.get(key)
    return None if shape is None else tuple(shape[:2])
