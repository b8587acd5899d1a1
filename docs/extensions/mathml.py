"""Formulas as MathML, which browsers draw themselves: no script, no font and no network."""

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import SphinxError


def convert_formula(latex: str, display: str) -> str:
    """LaTeX -> a ``<math>`` element.

    Args:
        latex (str): Without dollar signs.
        display (str): 'inline' or 'block'.

    Raises:
        SphinxError: It is no formula; the message has it.
    """
    try:
        return convert(latex, display=display)
    except Exception as error:  # the library has many kinds
        raise SphinxError(f'the formula {latex!r} cannot be read: {type(error).__name__}: {error}') from error


def visit_math(self, node: nodes.Node) -> None:
    """Write a formula within a line."""
    self.body.append(convert_formula(node.astext(), 'inline'))
    raise nodes.SkipNode


def visit_math_block(self, node: nodes.Node) -> None:
    """Write a formula of its own."""
    self.body.append(f'<div class="math">{convert_formula(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.add_html_math_renderer('mathml', inline_renderers=(visit_math, None), block_renderers=(visit_math_block, None))
    return dict(parallel_read_safe=True, parallel_write_safe=True)
