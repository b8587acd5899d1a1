"""How Sphinx builds these pages: ``python -m sphinx -W docs/en docs/en/_build/html``."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / 'extensions')]

from mmrefseg.version import __version__  # noqa: E402

project = 'mmrefseg'
author = 'the authors of mmrefseg'
copyright = author
release = __version__

extensions = ['myst_nb', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon', 'mathml', 'repository_links']
exclude_patterns = ['_build']

myst_enable_extensions = ['dollarmath']
myst_heading_anchors = 4  # links to headings, as GitHub has them
myst_url_schemes = ['http', 'https', 'mailto', 'repository']
nb_execution_mode = 'off'  # the notebook holds its outputs; tests/test_docs/test_tutorial.py runs it

autodoc_member_order = 'bysource'
autodoc_typehints = 'signature'
autodoc_default_options = {'members': True, 'show-inheritance': True}
python_use_unqualified_type_names = True

html_math_renderer = 'mathml'  # of docs/extensions: nothing is fetched
html_theme = 'furo'
html_title = f'mmrefseg {release}'
html_copy_source = False
