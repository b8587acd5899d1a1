"""Links from pages to files of the repository, which work on GitHub and in the built site alike.

A page links to ``../../configs/lavt/lavt_swinb_refcoco.py``. GitHub shows that file; in the site, whose pages are
those of ``docs/en`` alone, every file and folder that some page links to gets a page below ``repository/``.

A page that consists of one ``{include}`` of a Markdown file elsewhere in the repository (``configs/lavt/README.md``)
shows that file, whose links are taken from where it lies; links to the file lead to that page.

A link to a file that does not exist is a warning, which ``-W`` turns into an error.
"""

import os
import re
import shutil
from pathlib import Path

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import (
    BashLexer,
    JsonLexer,
    MarkdownLexer,
    PythonLexer,
    TextLexer,
    TOMLLexer,
    YamlLexer,
)
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'```\{include\} (\S+)\n```\s*')
# [text](target#anchor); images, ![text](target), too.
LINK = re.compile(r'\]\((?!\w+:|#|/)([^)\s#]+)(#[^)\s]*)?\)')
SCHEME = 'repository:'
# What is shown, and in which language; any other file is copied as it is.
LEXERS = {'.py': PythonLexer, '.sh': BashLexer, '.md': MarkdownLexer, '.yml': YamlLexer, '.toml': TOMLLexer,
          '.json': JsonLexer, '.txt': TextLexer, '': TextLexer}


def find_included(app) -> None:
    """Find the files outside the pages that pages show: ``app.included`` {path: name of the page}."""
    app.included, app.linked = {}, set()
    for page in Path(app.srcdir).rglob('*.md'):
        match = INCLUDE.fullmatch(page.read_text(encoding='utf-8'))
        if match:
            name = page.relative_to(app.srcdir).with_suffix('').as_posix()
            app.included[(page.parent / match[1]).resolve()] = name


def rewrite_links(app, docname: str, source: list) -> None:
    """Turns relative links out of ``docs/en`` into ``repository:`` links or links to pages."""
    srcdir, origin = Path(app.srcdir), Path(app.env.doc2path(docname))
    match = INCLUDE.fullmatch(source[0])
    if match:
        origin = (origin.parent / match[1]).resolve()
        app.env.note_dependency(str(origin))
        source[0] = origin.read_text(encoding='utf-8')

    def rewrite(link: re.Match) -> str:
        path, anchor = Path(os.path.normpath(origin.parent / link[1])), link[2] or ''
        if path in app.included:
            return f'](/{app.included[path]}.md{anchor})'
        if not path.exists():
            LOGGER.warning('link to %s: there is no such file', link[1], location=docname)
        elif path.is_relative_to(srcdir):
            return f'](/{path.relative_to(srcdir).as_posix()}{anchor})' if match else link[0]
        elif path.is_relative_to(ROOT):
            app.env.note_dependency(str(path))
            return f']({SCHEME}{path.relative_to(ROOT).as_posix()})'
        return link[0]

    source[0] = LINK.sub(rewrite, source[0])


def is_shown(path: Path) -> bool:
    """Whether a file or folder gets a page; else it is copied into the site."""
    return path.is_dir() or path.suffix in LEXERS


def resolve_links(app, doctree, docname: str) -> None:
    """``repository:`` links -> the file's page in the site."""
    for reference in doctree.findall(nodes.reference):
        target = reference.get('refuri', '')
        if target.startswith(SCHEME):
            path = target.removeprefix(SCHEME)
            app.linked.add(path)
            uri = app.builder.get_relative_uri(docname, f'repository/{path}')
            reference['refuri'] = uri if is_shown(ROOT / path) else uri.removesuffix('.html')


def write_pages(app, exception) -> None:
    """Writes the pages of the files and folders that are linked to, those in such folders included.

    They are plain pages: the theme would build its navigation for each of hundreds.
    """
    if exception or app.builder.format != 'html':
        return
    linked = set(app.linked)
    for folder in [path for path in linked if (ROOT / path).is_dir()]:
        files = [path.name for path in (ROOT / folder).iterdir() if path.is_file() and path.suffix in LEXERS]
        linked.update(f'{folder}/{name}' for name in files)
    for path in linked:
        target = Path(app.outdir) / 'repository' / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not is_shown(ROOT / path):
            shutil.copyfile(ROOT / path, target)
        elif (ROOT / path).is_dir():
            children = sorted(child.rpartition('/')[2] for child in linked if child.rpartition('/')[0] == path)
            rows = ''.join(f'<li><a href="{target.name}/{name}.html">{name}</a></li>' for name in children)
            page = f'<!doctype html><meta charset="utf-8"><title>{path}</title><h2>{path}</h2><ul>{rows}</ul>'
            target.with_name(f'{target.name}.html').write_text(page, encoding='utf-8')
        else:
            formatter = HtmlFormatter(full=True, title=path, linenos='table', encoding='utf-8')
            page = highlight((ROOT / path).read_text(encoding='utf-8'), LEXERS[target.suffix](), formatter)
            target.with_name(f'{target.name}.html').write_bytes(page)


def setup(app) -> dict:
    """Sphinx's entry."""
    app.connect('builder-inited', find_included)
    app.connect('source-read', rewrite_links)
    app.connect('doctree-resolved', resolve_links)
    app.connect('build-finished', write_pages)
    return dict(parallel_read_safe=True, parallel_write_safe=False)
