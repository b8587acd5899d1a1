"""Findings as HTML: a card an expression. Whatever somebody typed is escaped."""

import base64
from html import escape
from typing import Sequence

import cv2
import numpy as np

from mmrefseg.visualization.panel import NO_OBJECT

from .answer import Finding

# Colours are Gradio's variables, which follow its light and dark modes.
CARD_STYLE = """
.ref-cards {display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 16px}
.ref-card {margin: 0; border: 1px solid var(--border-color-primary); border-radius: 10px; overflow: hidden;
  background: var(--block-background-fill)}
.ref-card img {display: block; width: 100%; max-height: 420px; object-fit: contain; margin: 0;
  background: var(--background-fill-secondary)}
.ref-card figcaption {padding: 10px 14px 12px; color: var(--body-text-color)}
.ref-card .said {font-weight: 600; overflow-wrap: anywhere; display: -webkit-box; -webkit-box-orient: vertical;
  -webkit-line-clamp: 3; overflow: hidden}
.ref-card .bar {height: 6px; border-radius: 3px; margin: 8px 0 6px; background: var(--border-color-primary)}
.ref-card .bar div {height: 100%; border-radius: 3px; background: rgb(255, 112, 0)}
.ref-card .facts {display: flex; justify-content: space-between; gap: 8px; font-size: 0.9em;
  color: var(--body-text-color-subdued)}
.ref-note {border-left: 4px solid rgb(0, 119, 255); padding: 8px 12px; margin: 0 0 8px; border-radius: 4px;
  background: var(--background-fill-secondary); color: var(--body-text-color); overflow-wrap: anywhere}
.ref-note.problem {border-left-color: rgb(217, 48, 37)}
"""


def draw_cards(findings: Sequence[Finding]) -> str:
    """str: HTML with the overlay, expression, score and covered share of every finding."""
    return f'<div class="ref-cards">{"".join(map(_card, findings))}</div>' if findings else ''


def draw_notes(notes: Sequence[str], problem: bool = False) -> str:
    """str: HTML of short texts; ``problem`` marks those that say why nothing was found."""
    kind = 'ref-note problem' if problem else 'ref-note'
    return ''.join(f'<p class="{kind}" role="{"alert" if problem else "note"}">{escape(note)}</p>' for note in notes)


def _card(finding: Finding) -> str:
    said = escape(finding.expression)
    return (f'<figure class="ref-card"><img src="{_as_url(finding.overlay)}" alt="{said}"><figcaption>'
            f'<div class="said" title="{said}">{said}</div>'
            f'<div class="bar"><div style="width: {finding.score:.0%}"></div></div>'
            f'<div class="facts"><span>{_verdict(finding)}</span><span>{finding.share:.1%} of the picture</span></div>'
            '</figcaption></figure>')


def _verdict(finding: Finding) -> str:
    """The score; of an empty mask, whether the model says that there is no such object."""
    if finding.existence is None:
        return f'score {finding.score:.2f}' if finding.share else 'nothing found'
    exists = f'existence {finding.existence:.2f}'
    return f'score {finding.score:.2f} · {exists}' if finding.share else f'{NO_OBJECT} · {exists}'


def _as_url(image: np.ndarray) -> str:
    """An RGB image as a data URL, of good JPEG quality."""
    _, encoded = cv2.imencode('.jpg', cv2.cvtColor(image, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, 92))
    return f'data:image/jpeg;base64,{base64.b64encode(encoded).decode()}'
