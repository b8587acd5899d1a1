"""Small tensor functions that several parts share."""

from .expressions import expand_to_expressions

__all__ = ['expand_to_expressions']
