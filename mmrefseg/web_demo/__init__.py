"""Web demo behind ``demo/app.py``. Only :mod:`.page` needs Gradio."""

from .answer import Answer, Finding, find_in_image
from .expression_lines import read_expressions, text_notes
from .model_pool import ModelPool, fetch_note, list_foundation_sources, list_sources
from .result_cards import draw_cards, draw_notes
from .sample_images import make_samples
from .uploaded_image import open_image

__all__ = [
    'Answer', 'Finding', 'ModelPool', 'draw_cards', 'draw_notes', 'fetch_note', 'find_in_image',
    'list_foundation_sources', 'list_sources', 'make_samples',
    'open_image', 'read_expressions', 'text_notes'
]
