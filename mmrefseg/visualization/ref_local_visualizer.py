"""Draws what a model found for each expression of an image."""

from typing import List, Optional, Tuple

import numpy as np
from mmengine.dist import master_only
from mmengine.visualization import Visualizer

from mmrefseg.registry import VISUALIZERS
from mmrefseg.structures import RefDataSample

from .panel import (
    NO_OBJECT,
    PREDICTION,
    TRUTH,
    check_image,
    iou_percent,
    mask_at_size,
    outline_mask,
    panel_size,
    resize_image,
    tint_mask,
    write_image,
)
from .text import FAINT, PAPER, load_font, text_block, wrap_text


@VISUALIZERS.register_module()
class RefLocalVisualizer(Visualizer):
    """One row an expression: the expression, then the prediction and the ground truth side by side.

    ::

        1. woman in blue
        +------------+ +--------------+
        | prediction | | ground truth |
        +------------+ +--------------+
        # prediction · IoU 83.1 · score 0.91     # ground truth

    Where a model with an existence head predicts an empty mask, and where the truth is empty, the label says "no such
    object".

    Args:
        name (str): As mmengine's ``Visualizer``. Defaults to 'visualizer'.
        image (np.ndarray, optional): As mmengine's ``Visualizer``.
        vis_backends (list, optional): As mmengine's ``Visualizer``.
        save_dir (str, optional): As mmengine's ``Visualizer``.
        alpha (float): Share of the colour in a tinted pixel. Defaults to 0.4.
        max_expressions (int): Rows at most; the last line says how many more there are. Defaults to 8.
        sides (tuple[int, int]): Least and largest longer side of a drawn image, in pixels: small
            images are enlarged so that text beside them is readable. Defaults to (320, 800).
        font_file (str, optional): A font for scripts that DejaVu Sans lacks (Chinese, …).
        **kwargs: As mmengine's ``Visualizer``.
    """

    def __init__(self,
                 name: str = 'visualizer',
                 image: Optional[np.ndarray] = None,
                 vis_backends: Optional[list] = None,
                 save_dir: Optional[str] = None,
                 alpha: float = 0.4,
                 max_expressions: int = 8,
                 sides: Tuple[int, int] = (320, 800),
                 font_file: Optional[str] = None,
                 **kwargs) -> None:
        super().__init__(name, image, vis_backends, save_dir, **kwargs)
        self.alpha = alpha
        self.max_expressions = max_expressions
        self.sides = tuple(sides)
        self.font_file = font_file

    @master_only
    def set_image(self, image: np.ndarray) -> None:
        """Begin to draw on an image (H, W, 3) uint8, RGB."""
        super().set_image(image)
        self._drawn_on = list(self.ax_save.get_children())

    @master_only
    def get_image(self) -> np.ndarray:
        """np.ndarray: The image as it is drawn on: exactly what was set, where nothing was.

        matplotlib below 3.11 shows an image a part of a pixel off.
        """
        if self._image is not None and self.ax_save.get_children() == self._drawn_on:
            return self._image.copy()
        return super().get_image()

    @master_only
    def add_datasample(self,
                       name: str,
                       image: np.ndarray,
                       data_sample: Optional[RefDataSample] = None,
                       draw_gt: bool = True,
                       draw_pred: bool = True,
                       show: bool = False,
                       wait_time: float = 0,
                       out_file: Optional[str] = None,
                       step: int = 0,
                       **kwargs) -> None:
        """Draw a sample and show it, write it to a file, or hand it to the storage backends.

        Args:
            name (str): How the backends call the image.
            image (np.ndarray): (H, W, 3) uint8, RGB, of any size: masks are brought to it.
            data_sample (RefDataSample, optional): Its ``expressions``, ``pred_sem_seg``,
                ``pred_scores`` and ``gt_sem_seg``, as far as there are.
            draw_gt (bool): Draw the ground truth. Defaults to True.
            draw_pred (bool): Draw the prediction. Defaults to True.
            show (bool): Show it in a window. Defaults to False.
            wait_time (float): Seconds for which it is shown, 0 = until a key is pressed.
            out_file (str, optional): Write it there, and not to the backends.
            step (int): Step that the backends record. Defaults to 0.
            **kwargs: What callers pass to the visualizers of other tasks; not used.

        Raises:
            ValueError: As :meth:`draw`, or ``out_file`` does not end like an image file.
        """
        drawn = self.draw(image, data_sample, draw_gt=draw_gt, draw_pred=draw_pred)
        self.set_image(drawn)  # what get_image() gives
        if show:
            self.show(drawn, win_name=name, wait_time=wait_time)
        if out_file is not None:
            write_image(drawn, out_file)
        else:
            self.add_image(name, drawn, step)

    def draw(self, image: np.ndarray, data_sample: Optional[RefDataSample] = None, draw_gt: bool = True,
             draw_pred: bool = True) -> np.ndarray:
        """Draw a sample.

        The IoU is that at the image's own size, in percent; the metric's may be at another size.

        Args:
            image (np.ndarray): As :meth:`add_datasample`.
            data_sample (RefDataSample, optional): As :meth:`add_datasample`.
            draw_gt (bool): Draw the ground truth. Defaults to True.
            draw_pred (bool): Draw the prediction. Defaults to True.

        Returns:
            np.ndarray: (h, w, 3) uint8, RGB.

        Raises:
            ValueError: The image is no RGB array, or the sample has not one mask an expression.
        """
        image = check_image(image)
        size = panel_size(image.shape, self.sides)
        shown = resize_image(image, size)
        font_size = min(max(round(max(size) / 24), 14), 28)
        preds = _masks(data_sample, 'pred_sem_seg') if draw_pred else None
        truths = _masks(data_sample, 'gt_sem_seg') if draw_gt else None
        scores = _values(data_sample, 'pred_scores') if preds is not None else None
        existence = _values(data_sample, 'pred_existence') if preds is not None else None
        expressions = _expressions(data_sample, preds, truths)
        columns = max((preds is not None) + (truths is not None), 1)
        gap = round(font_size * 0.6)
        # A very narrow image must still have room for its label.
        column_width = max(size[1], 10 * font_size)
        width = columns * column_width + (columns - 1) * gap
        caption_font = load_font(font_size, self.font_file)
        label_font = load_font(round(font_size * 0.8), self.font_file)

        rows: List[np.ndarray] = []
        for i, expression in enumerate(expressions[:self.max_expressions]):
            number = f'{i + 1}. ' if len(expressions) > 1 else ''
            rows.append(text_block(wrap_text(number + expression, caption_font, width), width,
                                   caption_font))
            rows.append(_blank(gap // 2, width))
            parts = _labelled_masks(
                None if preds is None else mask_at_size(preds[i], image.shape[:2]),
                None if truths is None else mask_at_size(truths[i], image.shape[:2]),
                None if scores is None else float(scores[i]),
                None if existence is None else float(existence[i]))
            rows.append(self._panels(shown, parts, column_width, gap, label_font))
            rows.append(_blank(gap * 2, width))
        if not expressions:
            rows += [_widen(shown, width), _blank(gap, width)]
        if len(expressions) > self.max_expressions:
            rows.append(text_block([f'+{len(expressions) - self.max_expressions} more'], width,
                                   caption_font, FAINT))
            rows.append(_blank(gap, width))
        return np.pad(np.concatenate(rows), ((gap, 0), (gap, gap), (0, 0)), constant_values=PAPER[0])

    def _panels(self, shown: np.ndarray, parts: list, column_width: int, gap: int,
                font) -> np.ndarray:
        """The image with each of ``parts`` (mask, colour, label), side by side, labels below."""
        if not parts:
            return _widen(shown, column_width)
        labels = [wrap_text(label, font, column_width - 2 * font.size) for _, _, label in parts]
        num_lines = max(len(lines) for lines in labels)
        columns = []
        for (mask, color, _), lines in zip(parts, labels):
            mask = mask_at_size(mask, shown.shape[:2])
            panel = outline_mask(tint_mask(shown, mask, color, self.alpha), mask, color)
            lines = lines + [''] * (num_lines - len(lines))
            column = np.concatenate([
                _widen(panel, column_width), _blank(gap // 2, column_width),
                text_block(lines, column_width, font, FAINT, swatch=color)])
            columns += [column, _blank(len(column), gap)]
        return np.concatenate(columns[:-1], axis=1)


def _labelled_masks(pred: Optional[np.ndarray], truth: Optional[np.ndarray], score: Optional[float],
                    existence: Optional[float]) -> List[tuple]:
    """Masks to draw for one expression: (mask, colour, label) each."""
    parts = []
    no_truth = truth is not None and not (truth == 1).any()
    if pred is not None:
        label = 'prediction'
        if existence is not None and not pred.any():
            label += f' · {NO_OBJECT} · existence {existence:.2f}'
        else:
            if truth is not None and not no_truth:
                label += f' · IoU {iou_percent(pred, truth):.1f}'
            if score is not None:
                label += f' · score {score:.2f}'
        parts.append((pred, PREDICTION, label))
    if truth is not None:
        parts.append((truth, TRUTH, f'ground truth · {NO_OBJECT}' if no_truth else 'ground truth'))
    return parts


def _blank(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), PAPER, dtype=np.uint8)


def _widen(panel: np.ndarray, width: int) -> np.ndarray:
    return np.concatenate([panel, _blank(len(panel), width - panel.shape[1])], axis=1)


def _masks(data_sample: Optional[RefDataSample], key: str):
    """The masks (E, H, W) of a sample, None if it has none."""
    if data_sample is None or key not in data_sample:
        return None
    return data_sample.get(key).data


def _values(data_sample: RefDataSample, key: str):
    """The values (E,) of a sample, None if it has none."""
    return data_sample.get(key) if key in data_sample else None


def _expressions(data_sample: Optional[RefDataSample], preds, truths) -> List[str]:
    """The E expressions of a sample, checked against its masks."""
    if data_sample is None:
        return []
    expressions = list(data_sample.get('expressions', []))
    for key, masks in (('pred_sem_seg', preds), ('gt_sem_seg', truths)):
        if masks is not None and len(masks) != len(expressions):
            raise ValueError(f'{data_sample.get("img_path", "the sample")} has {len(expressions)} '
                             f'expressions and {len(masks)} masks in {key}')
    return expressions
