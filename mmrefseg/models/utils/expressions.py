"""From one row an image to one row an expression."""

from typing import Optional

from torch import Tensor


def expand_to_expressions(per_image: Tensor, image_index: Optional[Tensor]) -> Tensor:
    """Repeat the rows of B images for their N expressions.

    Args:
        per_image (Tensor): (B, …).
        image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each,
            and nothing is copied.

    Returns:
        Tensor: (N, …).
    """
    return per_image if image_index is None else per_image.index_select(0, image_index)
