"""Curves from the logs of trainings."""

from typing import Dict, List, Tuple

from .run_history import RunHistory

Curve = Tuple[List[int], List[float]]


def curve_of(run: RunHistory, key: str) -> Curve:
    """One value of a run's log, over the iterations.

    What validation measures after an epoch stands at the epoch's last iteration in the log.

    Args:
        run (RunHistory): From :func:`mmrefseg.analysis.runs.run_history.read_run`.
        key (str): Such as ``loss``, ``lr`` or ``oIoU``.

    Returns:
        tuple[list[int], list[float]]: Iterations and values; none where the log has no such key.
    """
    rows = [(row['iter'], row[key]) for row in run.train if key in row]
    if not rows:
        ends = {row['epoch']: row['iter'] for row in run.train if 'epoch' in row}
        rows = [(ends.get(step, step), value) for step, value in run.curve(key).items()]
    return [iteration for iteration, _ in rows], [value for _, value in rows]


def keys_of(run: RunHistory) -> List[str]:
    """Keys of a run that can be drawn: first those that training logs, then those that validation measures."""
    logged = dict.fromkeys(key for row in run.train for key in row if key not in ('epoch', 'iter', 'step'))
    return [*logged, *(metric for metric in run.metrics if metric not in logged)]


def smooth(curve: Curve, weight: float) -> Curve:
    """The running mean of a curve, as TensorBoard's smoothing: unbiased at its start.

    Args:
        curve (Curve): Iterations and values.
        weight (float): Of the past, 0 (nothing changes) to below 1.
    """
    values, mean, total = [], 0., 0.
    for value in curve[1]:
        mean, total = weight * mean + (1 - weight) * value, weight * total + (1 - weight)
        values.append(mean / total)
    return curve[0], values


def collect_curves(runs: Dict[str, RunHistory], keys: List[str], weight: float = 0.) -> Dict[str, Dict[str, Curve]]:
    """Key -> name of the run -> curve, without empty ones.

    Args:
        runs (dict): By name.
        keys (list[str]): What to draw.
        weight (float): Smoothing of what training logs. Defaults to 0, none.

    Raises:
        ValueError: No run has a key.
    """
    found = {}
    for key in keys:
        curves = {name: curve_of(run, key) for name, run in runs.items()}
        found[key] = {name: smooth(curve, 0. if key in runs[name].metrics else weight)
                      for name, curve in curves.items() if curve[0]}
        if not found[key]:
            known = dict.fromkeys(one for run in runs.values() for one in keys_of(run))
            raise ValueError(f'no log has {key!r}, found {", ".join(known) or "nothing"}')
    return found
