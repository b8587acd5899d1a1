"""The site: it builds without a warning, every link in it leads somewhere, and what is generated is up to date."""

import ast
import re
import runpy
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from conftest import ROOT
from sphinx.cmd.build import main as build
from sphinx.errors import SphinxError

EN = ROOT / 'docs/en'
# Of Sphinx to its extensions' authors.
pytestmark = pytest.mark.filterwarnings('ignore::DeprecationWarning', 'ignore::PendingDeprecationWarning')
METHODS = ('lavt', 'sadlr', 'lts', 'cmpc', 'vlt', 'cgan', 's2rm', 'm3att')
PAGES = [path for path in EN.rglob('*.md') if '_build' not in path.parts]


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """The built site. ``-W``: a warning is an error; so is a page in no table of contents."""
    out = tmp_path_factory.mktemp('site')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'path', [*sys.path])
        assert build(['-q', '-W', '--keep-going', '-d', str(out / 'doctrees'), str(EN), str(out / 'html')]) == 0
    return out / 'html'


def test_every_page_is_there(site):
    for page in [*PAGES, EN / 'tutorial.ipynb']:
        assert (site / page.relative_to(EN)).with_suffix('.html').is_file(), page
    for method in METHODS:
        assert f'methods/{method}.html' in (site / 'index.html').read_text()
        assert (site / f'_images/{method}.svg').is_file()


def test_links_lead_somewhere(site):
    checked = 0
    for page in site.rglob('*.html'):
        anchors = {}
        for link in re.findall(r'(?:href|src)="([^"]+)"', page.read_text()):
            path, _, anchor = unquote(unescape(link)).partition('#')
            if re.match(r'\w+:', link) or path.startswith('//'):
                assert not link.startswith('repository:'), (page, link)
                continue
            target = (page.parent / path.partition('?')[0]).resolve() if path else page
            assert target.exists(), f'{page.relative_to(site)} links to {link}'
            if anchor and target.suffix == '.html':
                if target not in anchors:
                    anchors[target] = set(re.findall(r'id="([^"]+)"', target.read_text()))
                assert anchor in anchors[target], f'{page.relative_to(site)} links to {link}'
            checked += 1
    assert checked > 2000


class Seen(HTMLParser):
    """What a browser fetches for a page, and its formulas."""

    def __init__(self):
        super().__init__()
        self.fetched, self.formulas, self._inside = [], [], False

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in ('script', 'img', 'iframe') and attrs.get('src'):
            self.fetched.append(attrs['src'])
        if tag == 'link' and attrs.get('rel') in ('stylesheet', 'preload', 'preconnect', 'icon'):
            self.fetched.append(attrs['href'])
        if tag == 'math':
            self._inside = True
            self.formulas.append('')

    def handle_endtag(self, tag):
        self._inside = self._inside and tag != 'math'

    def handle_data(self, data):
        if self._inside:
            self.formulas[-1] += data


def test_formulas_need_no_network(site):
    """They are MathML, whole, and no page fetches a script, a style or a font from anywhere."""
    formulas = 0
    for page in site.rglob('*.html'):
        seen = Seen()
        seen.feed(page.read_text())
        assert not [address for address in seen.fetched if re.match(r'\w+:|//', address)], (page, seen.fetched)
        assert '\\' not in ''.join(seen.formulas), page  # a command that nobody knew
        formulas += len(seen.formulas)
    written = sum(len(re.findall(r'\$[^$\n]+\$', re.sub(r'```.*?```|`[^`]*`', '', page.read_text(), flags=re.DOTALL)))
                  for page in (EN / 'methods').glob('*.md'))
    assert formulas >= written > 60
    page = (site / 'methods/lavt.html').read_text()
    assert '<mi>tanh</mi>' in page and r'\mathrm' not in page and r'\odot' not in page


def test_a_formula_that_is_none():
    sys.path.insert(0, str(ROOT / 'docs/extensions'))
    try:
        from mathml import convert_formula
    finally:
        sys.path.pop(0)
    assert '<mfrac>' in convert_formula(r'\frac{a}{b}', 'block')
    with pytest.raises(SphinxError, match=r"the formula .*frac.* cannot be read"):
        convert_formula(r'\frac{a}{', 'inline')


def test_files_of_the_repository_are_pages(site):
    page = (site / 'repository/mmrefseg/models/fusion/pwam.py.html').read_text()
    assert 'PWAM' in page and 'Pixel-word attention' in page
    assert '../repository/mmrefseg/models/fusion/pwam.py.html' in (site / 'methods/lavt.html').read_text()
    assert '../repository/configs/lavt/lavt_swinb_refcoco.py.html' in (site / 'configs/lavt.html').read_text()
    assert 'lavt_swinb_replace_refcoco.py.html' in (site / 'repository/configs/sadlr/ablations.html').read_text()


def test_a_dead_link_is_a_warning(tmp_path):
    (tmp_path / 'conf.py').write_text(f"import sys\nsys.path.insert(0, {str(ROOT / 'docs/extensions')!r})\n"
                                      "extensions = ['myst_parser', 'repository_links']\n"
                                      "myst_url_schemes = ['repository']\n")
    (tmp_path / 'index.md').write_text('# Title\n\n[gone](gone.py)\n')
    command = [sys.executable, '-m', 'sphinx', '-q', '-W', '-b', 'dummy', str(tmp_path), str(tmp_path / 'out')]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and 'link to gone.py: there is no such file' in done.stderr


def test_symbols_are_where_the_pages_say():
    """``[`Class.method`](…/file.py)``: the file defines it."""
    links = [link for page in PAGES for link in re.findall(r'\[`([A-Za-z_][\w.]*)`\]\(([^)#]+\.py)\)', page.read_text())
             if not link[0].endswith('.py') and page.parent.name == 'methods']
    assert len(links) > 60
    for symbol, target in links:
        if symbol.islower() and '/configs/' in target:
            continue
        scope = ast.parse((EN / 'methods' / target).resolve().read_text()).body
        for name in symbol.split('.'):
            found = [node for node in scope if getattr(node, 'name', None) == name]
            assert found, f'{target} has no {symbol}'
            scope = getattr(found[0], 'body', [])


def test_relative_links_work_on_github():
    """Of what the site does not build: README and CONTRIBUTING; and no page uses the site's own addresses."""
    for page in [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', ROOT / 'docs/README.md', *PAGES]:
        for target in re.findall(r'\]\((?!\w+:|#)([^)\s#]+)', page.read_text()):
            assert (page.parent / target).exists(), f'{page.relative_to(ROOT)} links to {target}'


@pytest.mark.parametrize('script, written', [
    ('docs/method_index.py', ['docs/en/method_index.md']),
    ('docs/test_index.py', ['docs/en/test_index.md']),
    ('docs/figures/draw_methods.py', [f'docs/en/images/methods/{method}.svg' for method in METHODS]),
])
def test_what_is_generated_is_up_to_date(script, written, tmp_path, monkeypatch):
    out = tmp_path / 'index.md' if script.endswith('index.py') else tmp_path
    monkeypatch.setattr(sys, 'argv', [script, str(out)])
    monkeypatch.setattr(sys, 'path', [str((ROOT / script).parent), *sys.path])
    runpy.run_path(str(ROOT / script), run_name='__main__')
    for path in written:
        made = out if out.is_file() else tmp_path / Path(path).name
        assert made.read_text() == (ROOT / path).read_text(), f'{path} is old: python {script}'
