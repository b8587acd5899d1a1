"""Names of released files: the set that a file was trained on and the size of its model, as authors write them."""

import re
from typing import Callable, Dict
from urllib.parse import parse_qsl

WEIGHTS = ('.pth', '.pt', '.bin', '.safetensors')
_END = r'(?![a-z0-9])'
_G_REF = r'(?:refcocog|refcoco_g|g[-_]?ref)[-_ (/]*'
# The first that is found: the name of a mixed model may name the sets that were mixed.
TRAITS = dict(
    data={
        'mixed': r'mix|combined',
        'refcocog-google': rf'{_G_REF}(?:val)?[-_ (]*(?:google|g){_END}',
        'refcocog-umd': rf'{_G_REF}(?:val)?[-_ (]*(?:umd|u){_END}',
        'refcoco+': rf'refcoco(?:\+|[-_ ]?plus|p{_END})',
        'refcoco': rf'refcoco{_END}',
    },
    size={
        'large': rf'large|(?:^|[-_/])(?:vit|dinov2)?l{_END}',
        'base': rf'base|(?:^|[-_/])(?:vit|dinov2)?b{_END}',
    })


def traits_of(name: str) -> Dict[str, str]:
    """Read what a file's name says: ``data`` and ``size``, as far as it does.

    Args:
        name (str): Path of the file in its model.

    Example:
        >>> from mmrefseg.checkpoints.released_names import traits_of
        >>> traits_of('refcoco+/DETRIS_base.pth')
        {'data': 'refcoco+', 'size': 'base'}
    """
    found = {}
    for trait, patterns in TRAITS.items():
        for value, pattern in patterns.items():
            if re.search(pattern, name.lower()):
                found[trait] = value
                break
    return found


def with_traits(query: str) -> Callable[[str], bool]:
    """Test for the names of weights that say what is asked for.

    Args:
        query (str): ``data=refcoco&size=large``: some of :data:`TRAITS`, each with one of its values.

    Returns:
        Callable: Of a path; True for weights that have all of these traits.

    Raises:
        ValueError: There is no such trait or value.
    """
    wanted = dict(parse_qsl(query.replace('+', '%2B'), keep_blank_values=True))
    for trait, value in wanted.items():
        if trait not in TRAITS or value not in TRAITS[trait]:
            known = '; '.join(f'{name}: {", ".join(values)}' for name, values in TRAITS.items())
            raise ValueError(f'?{query} asks for {trait}={value}, expected some of {known}')
    if not wanted:
        raise ValueError(f'?{query} asks for nothing, expected some of {", ".join(TRAITS)}')
    return lambda name: name.lower().endswith(WEIGHTS) and wanted.items() <= traits_of(name).items()
