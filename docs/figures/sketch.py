"""Boxes and arrows as SVG: the figures of the methods are drawn with it."""

from dataclasses import dataclass
from html import escape
from typing import List, Optional, Sequence, Tuple

Point = Tuple[float, float]
# Fill and line of a box, by what the part is.
KINDS = {
    'data': ('#ffffff', '#6b7280'),
    'text': ('#ede9fe', '#7c3aed'),
    'image': ('#dbeafe', '#2563eb'),
    'fusion': ('#fef3c7', '#d97706'),
    'decoder': ('#dcfce7', '#16a34a'),
    'head': ('#fee2e2', '#dc2626'),
    'training': ('#ffffff', '#dc2626'),
}
CHARACTER, LINE = 6.9, 16  # what a character takes at 13 px, and a line


@dataclass(frozen=True)
class Box:
    """Place of a box, at whose sides arrows start and end."""
    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> Point:
        """Middle of the left side."""
        return self.x, self.y + self.height / 2

    @property
    def right(self) -> Point:
        """Middle of the right side."""
        return self.x + self.width, self.y + self.height / 2

    def top(self, at: float = 0.5) -> Point:
        """A point of the upper side, ``at`` of the way from left to right."""
        return self.x + at * self.width, self.y

    def bottom(self, at: float = 0.5) -> Point:
        """A point of the lower side, ``at`` of the way from left to right."""
        return self.x + at * self.width, self.y + self.height


class Sketch:
    """A figure.

    Args:
        width (int): In pixels.
        height (int): In pixels.
        title (str): What a screen reader says.
    """

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self.parts: List[str] = []

    def box(self, x: float, y: float, text: str, kind: str = 'data', width: float = 120, height: float = 44) -> Box:
        """A box with text of one line or several.

        Raises:
            ValueError: The text does not fit, or the box leaves the figure.
        """
        lines = text.split('\n')
        if max(map(len, lines)) * CHARACTER > width or len(lines) * LINE > height:
            raise ValueError(f'{text!r} does not fit into {width}x{height}')
        if x < 0 or y < 0 or x + width > self.width or y + height > self.height:
            raise ValueError(f'the box {text!r} leaves the figure')
        fill, line = KINDS[kind]
        dashes = ' stroke-dasharray="5 3"' if kind == 'training' else ''
        self.parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="7" fill="{fill}" '
                          f'stroke="{line}" stroke-width="1.5"{dashes}/>')
        first = y + height / 2 - (len(lines) - 1) * LINE / 2 + 4.5
        for number, words in enumerate(lines):
            self.text(x + width / 2, first + number * LINE, words)
        return Box(x, y, width, height)

    def circle(self, x: float, y: float, sign: str) -> Box:
        """A sum or a product, around (x, y)."""
        self.parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="10" fill="#ffffff" stroke="#374151" stroke-width="1.5"/>')
        self.text(x, y + 4.5, sign)
        return Box(x - 10, y - 10, 20, 20)

    def text(self, x: float, y: float, words: str, small: bool = False) -> None:
        """Text around x, its foot at y."""
        size = ' font-size="12" fill="#4b5563"' if small else ''
        self.parts.append(f'<text x="{x:g}" y="{y:g}" text-anchor="middle"{size}>{escape(words)}</text>')

    def arrow(self, points: Sequence[Point], label: Optional[str] = None, at: Optional[Point] = None,
              kind: str = 'data', head: bool = True) -> None:
        """A line through points, with a label around ``at`` (by default above the middle of its first stretch)."""
        path = ' '.join(f'{x:g},{y:g}' for x, y in points)
        colour = '#374151' if kind == 'data' else KINDS[kind][1]
        marker = f' marker-end="url(#{kind})"' if head else ''
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"{marker}/>')
        if label:
            (x0, y0), (x1, y1) = points[:2]
            self.text(*(at or ((x0 + x1) / 2, min(y0, y1) - 5)), label, small=True)

    def svg(self) -> str:
        """The file."""
        colours = {kind: line for kind, (_, line) in KINDS.items()} | dict(data='#374151')
        heads = ''.join(
            f'<marker id="{kind}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
            f'orient="auto-start-reverse"><path d="M0,0 L10,5 L0,10 z" fill="{colour}"/></marker>'
            for kind, colour in colours.items())
        start = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
                 f'width="{self.width}" height="{self.height}" '
                 'font-family="Helvetica, Arial, \'DejaVu Sans\', sans-serif" '
                 f'font-size="13" fill="#111827" role="img"><title>{escape(self.title)}</title>')
        return '\n'.join([start, f'<defs>{heads}</defs>',
                          f'<rect width="{self.width}" height="{self.height}" rx="10" fill="#ffffff"/>',
                          *self.parts, '</svg>', ''])
