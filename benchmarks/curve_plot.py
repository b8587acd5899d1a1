"""The picture of a cost curve."""

from pathlib import Path
from typing import Dict, List

from matplotlib import pyplot, ticker


def draw(rows: List[Dict[str, object]], x_name: str, y_name: str, path: Path) -> None:
    """A line a series over logarithmic axes, and dashed what would be proportional to the first point."""
    figure, axes = pyplot.subplots(figsize=(6, 4), layout='constrained')
    for name in dict.fromkeys(row['series'] for row in rows):
        x, y = zip(*((row['x'], row['y']) for row in rows if row['series'] == name))
        line, = axes.plot(x, y, marker='o', label=name)
        power = 2 if 'side' in x_name else 1  # of a side, pixels are the square
        axes.plot(x, [y[0] * (each / x[0])**power for each in x], '--', color=line.get_color(), alpha=0.4)
    axes.set(xscale='log', yscale='log', xlabel=x_name, ylabel=y_name, title='dashed: proportional')
    axes.set_xticks(sorted({row['x'] for row in rows}), labels=sorted({row['x'] for row in rows}))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
