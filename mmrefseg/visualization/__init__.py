"""Images of expressions and masks."""

from .prediction_grid import draw_prediction_grid
from .ref_local_visualizer import RefLocalVisualizer

__all__ = ['RefLocalVisualizer', 'draw_prediction_grid']
