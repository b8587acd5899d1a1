"""Images of what a model does with a dataset's expressions, as arrays."""

from .attention import attention_sheet
from .chosen import ORDERS, Chosen, choose, predict_item
from .heatmaps import heatmap_sheet
from .iterations import draw_iterations, iteration_rows, iteration_sheet
from .predictions import prediction_sheet

__all__ = [
    'Chosen', 'ORDERS', 'attention_sheet', 'choose', 'draw_iterations', 'heatmap_sheet', 'iteration_rows',
    'iteration_sheet', 'predict_item', 'prediction_sheet'
]
