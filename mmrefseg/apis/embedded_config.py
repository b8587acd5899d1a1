"""The config that a training checkpoint holds, read as data: it is Python that came with somebody's file."""

import ast
import math
from typing import Dict, Iterator, Optional, Set

from mmengine.config import Config
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import TASK_UTILS, Registry

from mmrefseg.errors import CheckpointError, shown
from mmrefseg.exported.allowed_types import LEFT_OUT, SCOPES, safe_config

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 60
CONSTANTS = dict(inf=math.inf, nan=math.nan)


def config_of_checkpoint(checkpoint: dict, source: str) -> Config:
    """Read the config that mmengine stored beside the weights of a training; nothing of it runs.

    It is taken as values alone. Of it remain the model, the test pipeline and the visualizer, if all they build is
    registered, and the parts of the pipeline are among :data:`mmrefseg.export.ALLOWED_TYPES`.

    Args:
        checkpoint (dict): Of :func:`mmrefseg.checkpoints.read_checkpoint`.
        source (str): Its file, for errors.

    Returns:
        Config: With ``model``, ``test_dataloader.dataset.pipeline`` and ``visualizer``.

    Raises:
        CheckpointError: There is none, it is more than values, or it would build what is not allowed; give the config.
    """
    hub, meta = checkpoint.get('message_hub'), checkpoint.get('meta')
    runtime = hub.get('runtime_info') if isinstance(hub, dict) else None
    text = (runtime.get('cfg') if isinstance(runtime, dict) else None) or (
        meta.get('cfg') if isinstance(meta, dict) else None)
    if not isinstance(text, str):
        raise CheckpointError(f'{source} holds no config: give the one it was trained with')
    try:
        values = read_values(text)
        safe = safe_config(values)
        model = dict(values['model'], data_preprocessor=safe['model']['data_preprocessor'])
        safe['model'] = _safe_model(model, _registered())
    except (ValueError, KeyError, TypeError, RecursionError, SyntaxError, MemoryError) as error:
        raise CheckpointError(f'the config inside {source} is not used: {error}. Give the config it was trained with, '
                              'if you trust that') from error
    return Config(safe)


def read_values(text: str) -> Dict[str, object]:
    """Read a config that is values alone, as ``Config.pretty_text`` writes them.

    Args:
        text (str): ``name = value`` a statement; a value is a constant, list, tuple, dict or ``dict(key=value)``.

    Returns:
        dict: Names -> values.

    Raises:
        ValueError: It is anything else, or too long or deep.
        SyntaxError: It is no Python.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f'it has {len(text)} characters, expected at most {MAX_CHARACTERS}')
    values = {}
    for statement in ast.parse(text).body:
        if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1
                and isinstance(statement.targets[0], ast.Name)):
            raise ValueError(f'line {statement.lineno} is no  name = value')
        values[statement.targets[0].id] = _value(statement.value)
    return values


def _value(node: ast.AST, depth: int = 0) -> object:
    if depth > MAX_DEPTH:
        raise ValueError(f'line {node.lineno} is nested deeper than {MAX_DEPTH}')
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, depth + 1)
    if isinstance(node, ast.Name) and node.id in CONSTANTS:
        return CONSTANTS[node.id]
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        items = [_value(item, depth + 1) for item in node.elts]
        return tuple(items) if isinstance(node, ast.Tuple) else set(items) if isinstance(node, ast.Set) else items
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {_value(key, depth + 1): _value(value, depth + 1) for key, value in zip(node.keys, node.values)}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict' and len(
            node.args) < 2 and all(isinstance(item, ast.Dict) for item in node.args) and all(
                item.arg is not None for item in node.keywords):
        named = {item.arg: _value(item.value, depth + 1) for item in node.keywords}
        return {**(_value(node.args[0], depth + 1) if node.args else {}), **named}
    raise ValueError(f'line {node.lineno} has {shown(ast.unparse(node))}, which is no plain value')


def _safe_model(node: object, known: Set[str], key: Optional[str] = None) -> object:
    """A copy of a model's config that builds what is registered, and no weights from elsewhere."""
    if isinstance(node, (list, tuple)):
        return type(node)(_safe_model(value, known, key) for value in node)
    if not isinstance(node, dict):
        return node
    kind = node.get('type')
    if 'type' in node:
        scope, _, bare = str(kind).rpartition('.')
        if not isinstance(kind, str) or bare not in known or scope not in ('', *SCOPES):
            raise ValueError(f'{key or "model"}.type is {shown(kind)}, which is not registered')
    if node.get('_scope_', SCOPES[0]) not in SCOPES:
        raise ValueError(f'{key or "model"} has the _scope_ {shown(node["_scope_"])}')
    return {name: _safe_model(value, known, name) for name, value in node.items()
            if name not in ('init_cfg', 'collate_fn', *LEFT_OUT)}


def _registered() -> Set[str]:
    names = set()
    for root in (MMENGINE_MODELS, TASK_UTILS):
        for registry in _tree(root):
            names.update(registry.module_dict)
    return names


def _tree(registry: Registry) -> Iterator[Registry]:
    yield registry
    for child in registry.children.values():
        yield from _tree(child)
