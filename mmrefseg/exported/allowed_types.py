"""Types that a config from somebody's file may build."""

#: Names of the parts that an exported file may build, without a scope. Each was read: it runs, reads and builds nothing
#: that its config could choose. A transform of your own: ``mmrefseg.export.ALLOWED_TYPES.add('MyResize')``.
ALLOWED_TYPES = {
    'LoadRefImage', 'LoadRefAnnotations', 'RefResize', 'PackRefInputs', 'RefDataPreProcessor', 'SegDataPreProcessor',
    'RefLocalVisualizer',
    # of mmcv and mmseg
    'CenterCrop', 'Normalize', 'Pad', 'Resize', 'ResizeShortestEdge', 'ResizeToMultiple'
}
SCOPES = ('mmrefseg', 'mmseg', 'mmdet', 'mmcv', 'mmengine')
# What these say is of one machine: where its files lie and what reads, draws or stores them. Among mmengine's backends
# of files is one that imports from a folder of its config's choice.
LEFT_OUT = ('backend_args', 'file_client_args', 'font_file', 'save_dir', 'vis_backends')


def safe_config(config: dict) -> dict:
    """The parts of a config that an exported model needs, and nothing that names files or programs.

    mmengine imports and calls what a ``type`` names when no registry has it, ``os.system`` as well, and so do
    ``collate_fn`` and ``_scope_``; of what is registered, mmseg has a transform that unpickles an image. A config that
    is ours may do so; one that came with somebody's file may not.

    Args:
        config (dict): Of plain dicts, lists and values.

    Returns:
        dict: Its data preprocessor, test pipeline and visualizer without :data:`LEFT_OUT`; nothing else of it.

    Raises:
        ValueError: A part is missing, or names a ``type`` that is not in :data:`ALLOWED_TYPES`.
    """
    try:
        preprocessor = config['model'].get('data_preprocessor')
        pipeline = list(config['test_dataloader']['dataset']['pipeline'])
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError('the config has no model.data_preprocessor and test_dataloader.dataset.pipeline') from error
    visualizer = config.get('visualizer')
    parts = [*pipeline, *(part for part in (preprocessor, visualizer) if part is not None)]
    for part in parts:
        if not isinstance(part, dict) or 'type' not in part:
            raise ValueError(f'{part!r} in the config is no dict with a type')
    if not pipeline:
        raise ValueError('test_dataloader.dataset.pipeline of the config is empty')
    safe = dict(model=dict(data_preprocessor=_safe(preprocessor)),
                test_dataloader=dict(dataset=dict(pipeline=_safe(pipeline))))
    if visualizer is not None:
        safe['visualizer'] = _safe(visualizer)
    return safe


def _safe(node: object) -> object:
    """A copy of a part without :data:`LEFT_OUT`."""
    if isinstance(node, (list, tuple)):
        return [_safe(value) for value in node]
    if not isinstance(node, dict):
        return node
    if 'type' in node and not _is_allowed(node['type']):
        raise ValueError(f'{node["type"]!r} may not be built: expected one of {", ".join(sorted(ALLOWED_TYPES))}; a '
                         'transform of your own is let in by mmrefseg.export.ALLOWED_TYPES.add(its name)')
    if node.get('_scope_', SCOPES[0]) not in SCOPES:
        raise ValueError(f'the config has a _scope_ {node["_scope_"]!r}: expected one of {", ".join(SCOPES)}')
    return {key: _safe(value) for key, value in node.items() if key not in LEFT_OUT}


def _is_allowed(name: object) -> bool:
    if not isinstance(name, str):
        return False
    scope, _, bare = name.partition('.')
    return name in ALLOWED_TYPES or (scope in SCOPES and bare in ALLOWED_TYPES)
