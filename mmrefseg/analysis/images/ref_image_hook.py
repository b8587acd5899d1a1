"""Images of what a model does, drawn while it trains."""

import torch
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmrefseg.registry import HOOKS

from . import attention_sheet, heatmap_sheet, iteration_sheet, prediction_sheet

KINDS = dict(predictions=prediction_sheet, iterations=iteration_sheet, heatmaps=heatmap_sheet,
             attention=attention_sheet)


@HOOKS.register_module()
class RefImageHook(Hook):
    """Draws sheets after every validation or test, and hands them to the visualizer's backends.

    The images are those of ``tools/analysis_tools/*_grid.py``, of samples that are evenly spread over the dataset,
    always the same ones. In the backends (files, TensorBoard, W&B, …) they are called ``val_<kind>`` or
    ``test_<kind>``; the step of a validation is the iteration. With ``RefVisualizationHook`` each sample is an image
    of its own.

    Example::

        custom_hooks = [dict(type='EpochSeedHook'), dict(type='RefImageHook', kinds=['predictions', 'attention'])]
        vis_backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
        visualizer = dict(type='RefLocalVisualizer', vis_backends=vis_backends, name='visualizer')

    Args:
        kinds (Sequence[str]): Of ``'predictions'``, ``'iterations'`` (a ``SADLRHead``), ``'heatmaps'`` (a fusion with a
            prior), ``'attention'`` (a PWAM or an M3Att). Defaults to ``('predictions', )``.
        number (int): Expressions of a sheet. Defaults to 6.

    Raises:
        ValueError: A kind is not one of those, or ``number`` is below 1; while drawing, the model has no such thing.
    """

    def __init__(self, kinds=('predictions', ), number: int = 6) -> None:
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown:
            raise ValueError(f'RefImageHook.kinds has {unknown}, expected some of {list(KINDS)}')
        if number < 1:
            raise ValueError(f'RefImageHook.number is {number}, expected 1 or more')
        self.kinds = tuple(kinds)
        self.number = number

    def after_val_epoch(self, runner: Runner, metrics=None) -> None:
        """Called by the runner after a validation."""
        self._draw(runner, runner.val_dataloader.dataset, 'val')

    def after_test_epoch(self, runner: Runner, metrics=None) -> None:
        """Called by the runner after a test."""
        self._draw(runner, runner.test_dataloader.dataset, 'test')

    @master_only
    def _draw(self, runner: Runner, dataset, name: str) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        with torch.no_grad():
            for kind in self.kinds:
                runner.visualizer.add_image(f'{name}_{kind}', KINDS[kind](model, dataset, self.number),
                                            step=runner.iter)
