"""Search for the part of a model that cannot be exported."""

from typing import Any, Callable, Iterator, List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from mmrefseg.models import RefSegmentor
from mmrefseg.models.segmentors.heads import head_answers


class PartialGraph(nn.Module):
    """The graph of a model up to one part.

    Args:
        model (RefSegmentor): In evaluation mode.
        number (int): Which of :meth:`stages` is the last one.
    """

    def __init__(self, model: RefSegmentor, number: int) -> None:
        super().__init__()
        self.model = model
        self.number = number

    def stages(self, images: Tensor, ids: Tensor, mask: Tensor, image_index: Tensor) -> Iterator[Tuple[str, Any]]:
        """The config keys of the parts in the order in which they run, each with what it hands on."""
        model = self.model
        text = model.text_encoder.encode(ids, mask)
        yield 'text_encoder', text
        maps = model.encode_image(images)
        yield 'backbone', maps
        features = model.fuse(maps, text, image_index)
        # A backbone that takes text fuses in it.
        yield 'backbone' if model.fusion is None else 'fusion' if model.neck is None else 'neck', features
        decoded = model.decode(features)
        yield 'decoder', decoded
        if model.existence_head is not None:
            yield 'existence_head', model.existence_head.predict(decoded, features)
        yield 'decode_head', head_answers(model.decode_head, decoded, features)

    def forward(self, *inputs: Tensor) -> List[Tensor]:
        """Arguments as :meth:`stages`; the tensors that the last part hands on."""
        for number, (_, value) in enumerate(self.stages(*inputs)):
            if number == self.number:
                return _tensors(value)
        raise IndexError(f'there is no part {self.number}')


def failing_part(model: RefSegmentor, inputs: Sequence[Tensor],
                 attempt: Callable[[nn.Module], object]) -> Tuple[Optional[str], Optional[Exception]]:
    """Find the first part with which an attempt fails.

    Args:
        model (RefSegmentor): In evaluation mode.
        inputs (Sequence[Tensor]): Of its graph.
        attempt (Callable): Does with a graph what failed with the model's.

    Returns:
        tuple: The part as ``model.<key> <class>`` and what the attempt raised; None twice where none fails.
    """
    with torch.no_grad():
        keys = [key for key, _ in PartialGraph(model, 0).stages(*inputs)]
    for number, key in enumerate(keys):
        if getattr(model, key) is None:
            continue
        try:
            attempt(PartialGraph(model, number))
        except Exception as error:
            return f'model.{key} {type(getattr(model, key)).__name__}', error
    return None, None


def _tensors(value: Any) -> List[Tensor]:
    """All tensors in tuples, lists and dataclasses."""
    if isinstance(value, Tensor):
        return [value]
    if hasattr(value, '__dataclass_fields__'):
        value = list(vars(value).values())
    return [tensor for item in value for tensor in _tensors(item)] if isinstance(value, (list, tuple)) else []
