"""Registering everything at once, as other OpenMMLab packages offer it."""

from mmengine.registry import DefaultScope
from mmengine.registry import init_default_scope as set_default_scope


def register_all_modules(init_default_scope: bool = True) -> None:
    """Import all that registers parts of mmrefseg.

    Registries import what they need when they are first searched, so nothing here asks for it; mmengine and
    code written for other OpenMMLab packages look for this name.

    Args:
        init_default_scope (bool): Make ``mmrefseg`` the default scope where there is none. Defaults to True.
    """
    from mmrefseg import registry
    for child in vars(registry).values():
        if isinstance(child, registry.Registry):
            child.import_from_location()
    if init_default_scope and DefaultScope.get_current_instance() is None:
        set_default_scope('mmrefseg')
