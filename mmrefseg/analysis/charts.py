"""Charts of scores, of near misses and of logs."""

from pathlib import Path
from typing import Dict, List, Optional, Sequence

import numpy as np
from matplotlib.figure import Figure

from mmrefseg.utils.whole_file import whole_file

# Told apart by nearly all eyes (Okabe and Ito's, without yellow).
COLORS = ('#0072b2', '#e69f00', '#009e73', '#d55e00', '#cc79a7', '#56b4e9', '#000000')


def save_figure(figure: Figure, path: str) -> None:
    """Write a figure, atomically; its folder is made.

    Raises:
        ValueError: Matplotlib knows no format of that ending.
    """
    with whole_file(path) as part:
        figure.savefig(part, dpi=100, format=Path(path).suffix[1:].lower())


def draw_groups(scores: dict, metric: str, ways: Sequence[str]) -> Figure:
    """A panel a way of grouping, a bar a group and dump; the dashed line is that of all expressions.

    Args:
        scores (dict): From :func:`score_groups`.
        metric (str): oIoU, mIoU or P@0.5.
        ways (Sequence[str]): Which of the ways.
    """
    dumps = list(scores['all']['all']['scores'])
    columns = min(len(ways), 2)
    figure = Figure(figsize=(5.5 * columns, 3.4 * -(-len(ways) // columns)), layout='constrained')
    panels = figure.subplots(-(-len(ways) // columns), columns, squeeze=False, sharey=True).flat
    for axes, way in zip(panels, ways):
        groups = scores[way]
        for i, (dump, color) in enumerate(zip(dumps, _cycle(len(dumps)))):
            width = 0.8 / len(dumps)
            places = np.arange(len(groups)) + (i - (len(dumps) - 1) / 2) * width
            bars = axes.bar(places, [group['scores'][dump][metric] for group in groups.values()], 0.92 * width,
                            color=color, label=dump)
            if len(dumps) * len(groups) <= 24:
                # On white, as a dashed line may pass behind.
                axes.bar_label(bars, fmt='%.0f', fontsize=8, padding=2,
                               bbox=dict(facecolor='white', edgecolor='none', pad=0.5))
            axes.axhline(scores['all']['all']['scores'][dump][metric], color=color, linestyle='--', linewidth=1,
                         zorder=0)
        axes.set_xticks(range(len(groups)), [f'{name}\n{group["expressions"]}' for name, group in groups.items()],
                        fontsize=8)
        axes.set_title(way)
        axes.margins(y=0.1)
        axes.spines[['top', 'right']].set_visible(False)
    for axes in panels:  # places without a panel
        axes.set_visible(False)
    if len(dumps) > 1:
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc='outside upper center', ncols=min(len(dumps), 4))
    figure.supxlabel('group, number of expressions', fontsize=9)
    figure.supylabel(f'{metric}, %', fontsize=9)
    return figure


def draw_confusion(shares: Dict[str, int], categories: List[str], counts: np.ndarray) -> Figure:
    """Draw the kinds of failures, and the categories taken for one another.

    Args:
        shares (dict): Kind of failure -> how many.
        categories (list[str]): K names.
        counts (np.ndarray): (K, K), a row a category that was meant, a column one that was taken.
    """
    figure = Figure(figsize=(11, 4.6), layout='constrained')
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    total = max(sum(shares.values()), 1)
    bars = left.barh(list(shares), [100 * count / total for count in shares.values()],
                     color=COLORS[:len(shares)])
    left.bar_label(bars, [f' {100 * count / total:.0f} % ({count})' for count in shares.values()], fontsize=9)
    left.invert_yaxis()
    left.set(xlabel='share of the failures, %', title=f'{sum(shares.values())} failures')
    left.margins(x=0.25)
    left.spines[['top', 'right']].set_visible(False)
    right.set(title='another object was taken', ylabel='meant', xlabel='taken')
    if not categories:
        right.set(xticks=[], yticks=[])
        return figure
    image = right.imshow(counts, cmap='Blues')
    for (row, column), count in np.ndenumerate(counts):
        if count:
            dark = count > counts.max() / 2
            right.text(column, row, count, ha='center', va='center', fontsize=8, color='white' if dark else 'black')
    right.set_xticks(range(len(categories)), categories, rotation=45, ha='right', rotation_mode='anchor')
    right.set_yticks(range(len(categories)), categories)
    figure.colorbar(image, ax=right, shrink=0.8)
    return figure


def draw_curves(curves: Dict[str, Dict[str, tuple]], titles: Optional[Dict[str, str]] = None) -> Figure:
    """A panel a key of the log, a line a run; later ones are thinner, as equal runs lie on one another.

    Args:
        curves (dict): Key -> name of the run -> iterations and values.
        titles (dict, optional): Another title than its key for a panel.
    """
    columns = min(len(curves), 3)
    lines = -(-len(curves) // columns)
    figure = Figure(figsize=(4.2 * columns, 3.2 * lines + 0.4), layout='constrained')
    panels = figure.subplots(lines, columns, squeeze=False).flat
    runs = list(dict.fromkeys(run for of_key in curves.values() for run in of_key))
    handles = {}
    for axes, (key, of_key) in zip(panels, curves.items()):
        for i, (run, color) in enumerate(zip(runs, _cycle(len(runs)))):
            if run in of_key:
                x, y = of_key[run]
                handles[run], = axes.plot(x, y, color=color, linewidth=1 + 2 / (1 + i),
                                          marker='o' if len(x) < 10 else None, markersize=4)
        axes.set(title=(titles or {}).get(key, key), xlabel='iteration')
        axes.set_xlim(left=0)
        axes.grid(alpha=0.3)
        axes.spines[['top', 'right']].set_visible(False)
    for axes in panels:  # places without a panel
        axes.set_visible(False)
    figure.legend(list(handles.values()), list(handles), loc='outside upper center', ncols=min(len(handles), 4))
    return figure


def _cycle(number: int) -> List[str]:
    return [COLORS[i % len(COLORS)] for i in range(number)]
