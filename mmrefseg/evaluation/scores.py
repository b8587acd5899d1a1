"""From pixel counts to scores. I and U are the (N,) counts of intersection and union."""

import math

import numpy as np


def expression_iou(intersection: np.ndarray, union: np.ndarray, empty: float = 0.) -> np.ndarray:
    """IoU_n = I_n / U_n of each expression, ``empty`` where U_n = 0.

    Args:
        intersection (np.ndarray): (N,) int64, pixels.
        union (np.ndarray): (N,) int64, pixels.
        empty (float): IoU where prediction and ground truth are both empty. Defaults to 0.

    Returns:
        np.ndarray: (N,) float64 in 0 ... 1.
    """
    return np.where(union > 0, intersection / np.maximum(union, 1), empty)


def overall_iou(intersection: np.ndarray, union: np.ndarray, empty: float = 0.) -> float:
    """oIoU = 100 * sum_n I_n / sum_n U_n, percent; 100 * ``empty`` if every union is empty.

    Papers also print it as overall IoU, cIoU (cumulative IoU) or plain IoU. Large objects weigh more.
    """
    total = int(union.sum())
    return 100 * int(intersection.sum()) / total if total else 100. * empty


def mean_iou(iou: np.ndarray) -> float:
    """mIoU = 100 / N * sum_n IoU_n, percent.

    Papers also print it as gIoU (generalized IoU as GRES and LISA mean it, not the gIoU of boxes), and
    CRIS, ETRIS and VLT as plain IoU. Every expression weighs the same. The sum is exact, so the order of
    the expressions changes no digit.
    """
    return 100 * math.fsum(iou) / len(iou)


def precision_at(iou: np.ndarray, threshold: float, inclusive: bool) -> float:
    """P@X = 100 / N * |{n: IoU_n >= X}|, percent; with > in place of >= if not ``inclusive``.

    Papers also print it as prec@X, Pr@X or Precision@X.
    """
    passed = iou >= threshold if inclusive else iou > threshold
    return 100 * int(passed.sum()) / len(iou)
