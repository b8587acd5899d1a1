"""Draws predictions while a model is validated or tested."""

import os
from typing import Optional, Sequence

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmrefseg.registry import HOOKS
from mmrefseg.structures import RefDataSample
from mmrefseg.visualization import RefLocalVisualizer
from mmrefseg.visualization.panel import read_image, write_image


@HOOKS.register_module()
class RefVisualizationHook(Hook):
    """Draws a sample's expressions, predictions and ground truths with :class:`RefLocalVisualizer`.

    In place of mmseg's ``SegVisualizationHook``, which turns images by their EXIF orientation while
    :class:`LoadRefImage` does not, calls two samples of one image the same, and in a distributed run draws
    what the first process has.

    Args:
        draw (bool): Whether anything is drawn. Defaults to True.
        interval (int): Draw the samples whose ``sample_idx`` is a multiple of it: the same ones whatever the
            batch size and the number of processes. Defaults to 1.
        show (bool): Show each drawing in a window of the first process, and do not store it unless ``out_dir``
            is given. Defaults to False.
        wait_time (float): Seconds for which it is shown, 0 = until a key is pressed.
        out_dir (str, optional): Every process writes its samples to
            ``<out_dir>/<dataset_name>/<sample_idx>_<picture's name>.png``, in validation with the iteration
            behind it. Without it, the first process hands its samples to the visualizer's backends (files,
            TensorBoard, W&B).

    Raises:
        ValueError: ``interval`` is below 1; while drawing, a sample has no ``sample_idx``.
        TypeError: While drawing, the config's visualizer is no :class:`RefLocalVisualizer`.
    """

    def __init__(self,
                 draw: bool = True,
                 interval: int = 1,
                 show: bool = False,
                 wait_time: float = 0,
                 out_dir: Optional[str] = None) -> None:
        if interval < 1:
            raise ValueError(f'RefVisualizationHook.interval must be at least 1, found {interval}')
        self.draw = draw
        self.interval = interval
        self.show = show
        self.wait_time = wait_time
        self.out_dir = out_dir

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None,
                       outputs: Optional[Sequence[RefDataSample]] = None) -> None:
        """Called by the runner after each batch of validation."""
        self._draw(runner, outputs or (), suffix=f'_{runner.iter}')

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None,
                        outputs: Optional[Sequence[RefDataSample]] = None) -> None:
        """Called by the runner after each batch of a test."""
        self._draw(runner, outputs or (), suffix='')

    def _draw(self, runner: Runner, samples: Sequence[RefDataSample], suffix: str) -> None:
        # Showing, and the backends, are the first process' alone.
        if not self.draw or (self.out_dir is None and runner.rank != 0):
            return
        visualizer = runner.visualizer
        if not isinstance(visualizer, RefLocalVisualizer):
            raise TypeError("RefVisualizationHook needs visualizer.type 'RefLocalVisualizer', found "
                            f'{type(visualizer).__name__}')
        for sample in samples:
            number = sample.get('sample_idx')
            if number is None:
                raise ValueError(f'{sample.get("img_path", "a sample")} has no sample_idx, which names its drawing: '
                                 'it belongs to the meta_keys of PackRefInputs')
            if number % self.interval:
                continue
            drawn = visualizer.draw(read_image(sample.img_path), sample)
            folder = sample.get('dataset_name', 'samples')
            name = f'{number:06d}_{os.path.splitext(os.path.basename(sample.img_path))[0]}'
            if self.show:
                visualizer.show(drawn, win_name=name, wait_time=self.wait_time)
            if self.out_dir is not None:
                write_image(drawn, os.path.join(self.out_dir, folder, f'{name}{suffix}.png'))
            elif not self.show:
                # Backends put the step behind the name; that of files makes no folders.
                visualizer.add_image(f'{folder}_{name}', drawn, step=runner.iter)
