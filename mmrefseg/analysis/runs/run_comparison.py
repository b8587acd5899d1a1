"""Two or more trainings side by side."""

import shlex
from pathlib import Path
from statistics import median
from typing import Dict, List, Sequence

from prettytable import PrettyTable

from .run_history import RunHistory

ABSENT = '–'


def compare(runs: Sequence[RunHistory]) -> dict:
    """All that can be said of some runs, ready for JSON.

    Returns:
        dict: ``runs`` (their names), ``run`` (command, seed, code …), ``config`` (dotted key -> values, of the keys
        that differ), ``versions`` (all), ``validation`` (metric -> epoch -> values), ``tests`` (``split metric`` ->
        values), ``cost`` and ``log`` (a list of lines for each run). Values are lists in the order of the runs, None
        where a run has none.
    """
    configs = [flatten({key: value for key, value in run.config.items() if key != 'work_dir'}) for run in runs]
    metrics = list(dict.fromkeys(metric for run in runs for metric in run.metrics))
    curves = {metric: [run.curve(metric) for run in runs] for metric in metrics}
    return dict(
        runs=names(runs),
        run=_rows([describe(run) for run in runs]),
        config={key: values for key, values in _rows(configs).items() if differ(values)},
        versions=_rows([run.last.get('versions', {}) for run in runs]),
        validation={metric: {str(step): [curve.get(step) for curve in of_runs]
                             for step in sorted(set().union(*of_runs))} for metric, of_runs in curves.items()},
        tests=_rows([{f'{split} {metric}': value for split, test in run.tests.items()
                      for metric, value in test['metrics'].items() if metric not in ('time', 'data_time')}
                     for run in runs]),
        cost=_rows([cost(run) for run in runs]),
        log=[run.train for run in runs])


def describe(run: RunHistory) -> Dict[str, object]:
    """How a run was made."""
    last = run.last
    rows = dict(
        command=shlex.join(last['command'][1:]) if last else None,
        folder=last.get('folder'),
        started=run.starts[0]['started'] if last else None,
        ended=last.get('ended') or ('not finished' if last else None),
        resumed=len(run.starts) - 1 if last else None,
        seed=last.get('seed', (run.config.get('randomness') or {}).get('seed')),
        deterministic=last.get('deterministic'),
        processes=last.get('processes'))
    for name, state in last.get('git', {}).items():
        rows[f'git {name}'] = state and f'{(state["commit"] or "no commit")[:10]} ({state["branch"] or "detached"})' \
            + (f', changed ({state.get("patch_sha256", "by large files")[:10]})' if state['dirty'] else '')
    rows.update({name: value if not isinstance(value, list) else ', '.join(value) or 'none'
                 for name, value in last.get('hardware', {}).items()})
    tested = list(dict.fromkeys(Path(test['checkpoint']).name for test in run.tests.values() if test['checkpoint']))
    rows['tested'] = ', '.join(tested) or None
    return rows


def cost(run: RunHistory) -> Dict[str, float]:
    """Time and memory."""
    rows = {}
    if run.train:
        rows['seconds a step'] = run.seconds_a_step()
        rows['of it, for data'] = median(row['data_time'] for row in run.train)
    if run.last.get('ended'):
        rows['hours in all'] = sum(start.get('seconds') or 0 for start in run.starts) / 3600
    rows.update({f'memory, {name} (MB)': value for name, value in run.memory().items()})
    return rows


def report(result: dict, metrics: Sequence[str]) -> str:
    """The tables of a comparison.

    Args:
        result (dict): From :func:`compare`.
        metrics (Sequence[str]): Those to show by epoch.
    """
    head = result['runs']
    config, versions = result['config'], result['versions']
    changed = {name: values for name, values in versions.items() if differ(values)}
    parts = [_table('run (* differs)', head, {
        f'{"*" if differ(values) else " "} {name}': values for name, values in result['run'].items()})]
    parts += [_table(f'config: {len(config)} keys differ', head, config) if config else 'config: no difference']
    parts += [_table(f'versions: {len(changed)} of {len(versions)} differ', head, changed) if changed else
              f'versions: no difference in {len(versions)}' if versions else 'versions: not recorded']
    for metric in metrics:
        parts.append(_table(f'{metric} by epoch', head, result['validation'][metric]))
    best = {f'best {metric}': [max(seen, default=None) for seen in _seen(rows)]
            for metric, rows in result['validation'].items()}
    last = {f'last {metric}': [seen[-1] if seen else None for seen in _seen(rows)]
            for metric, rows in result['validation'].items()}
    tests = {f'test {key}': values for key, values in result['tests'].items()}
    parts.append(_table('numbers', head, {**best, **last, **tests}))
    parts.append(_table('time and memory', head, result['cost']))
    return '\n\n'.join(parts)


def flatten(node, prefix: str = '') -> Dict[str, object]:
    """Nested dicts and lists -> dotted keys; empty ones and plain values stay."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, (list, tuple)) else ()
    flat = {}
    for key, value in items:
        flat.update(flatten(value, f'{prefix}.{key}' if prefix else str(key)))
    return flat or {prefix: list(node) if isinstance(node, tuple) else node}


def names(runs: Sequence[RunHistory]) -> List[str]:
    """A name for each run: as much of its path's end as tells it from the others."""
    parts = [run.path.resolve().parts for run in runs]
    depth = next((depth for depth in range(1, max(map(len, parts)))
                  if len({each[-depth:] for each in parts}) == len(parts)), 1)
    return ['/'.join(each[-depth:]) for each in parts]


def differ(values: Sequence) -> bool:
    """Whether values are not all the same."""
    return any(type(value) is not type(values[0]) or value != values[0] for value in values[1:])


def _rows(columns: Sequence[dict]) -> Dict[str, list]:
    """A dict for each run -> key -> a value for each run."""
    return {key: [column.get(key) for column in columns] for key in dict.fromkeys(key for c in columns for key in c)}


def _seen(rows: Dict[str, list]) -> List[list]:
    return [[value for value in column if value is not None] for column in zip(*rows.values())]


def _table(title: str, head: Sequence[str], rows: Dict[str, list]) -> str:
    table = PrettyTable([title, *head], align='l', max_width=48)
    for name, values in rows.items():
        table.add_row([name, *(_text(value) for value in values)])
    return table.get_string()


def _text(value) -> str:
    if value is None:
        return ABSENT
    return f'{value:.4g}' if isinstance(value, float) else str(value)
