"""JSON that came with somebody's file."""

import json


def json_object(text: str, source: str) -> dict:
    """Read a JSON object.

    Args:
        text (str): JSON.
        source (str): Says in errors where it comes from.

    Returns:
        dict: The object.

    Raises:
        ValueError: It is no JSON, or something else than an object.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:  # nested deeper than Python's stack
        raise ValueError(f'{source} is no JSON: {error}') from error
    if not isinstance(found, dict):
        raise ValueError(f'{source}: expected an object, found {text[:60]}')
    return found
