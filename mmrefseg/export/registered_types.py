"""What a config out of a file may build."""

from typing import Iterator, Set

from mmengine.registry import Registry

from mmrefseg.registry import MODELS, TRANSFORMS, VISBACKENDS, VISUALIZERS


def check_types(config: object, source: str) -> None:
    """Refuse a config that names anything but registered parts.

    mmengine imports and calls what a ``type`` names when no registry has it, ``os.system`` as well. A config that is
    ours may do so; one that came with somebody's file may not.

    Args:
        config (object): Of dicts, lists and values.
        source (str): Where it comes from.

    Raises:
        ValueError: A ``type`` that is no registered transform, model, visualizer or backend of one.
    """
    known = set().union(*(_names(_root(registry)) for registry in (TRANSFORMS, MODELS, VISUALIZERS, VISBACKENDS)))
    for name in _types(config):
        if not isinstance(name, str) or name.rpartition('.')[2] not in known:
            raise ValueError(f'{source} wants to build {name!r}: expected parts that mmrefseg and the packages below '
                             'it register')


def _types(config: object) -> Iterator[object]:
    if isinstance(config, dict):
        if 'type' in config:
            yield config['type']
        config = list(config.values())
    if isinstance(config, (list, tuple)):
        for value in config:
            yield from _types(value)


def _root(registry: Registry) -> Registry:
    registry.import_from_location()
    return registry if registry.parent is None else _root(registry.parent)


def _names(registry: Registry) -> Set[str]:
    return set(registry.module_dict).union(*(_names(child) for child in registry.children.values()))
