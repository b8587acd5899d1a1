"""Trainable layers of a transformer, and those that drop."""

from typing import Sequence, Union

from torch import nn


def set_trainable_layers(model: nn.Module, trainable_layers: Union[int, Sequence[int], None]) -> None:
    """Freeze all of a model of transformers but some of its encoder layers.

    Args:
        model (PreTrainedModel): With ``config.num_hidden_layers`` layers in a list.
        trainable_layers (int | Sequence[int], optional): The numbers (from 0) of the layers that train, or an int n
            for those below n. None: everything trains.

    Raises:
        ValueError: The model has no such layers.
    """
    if trainable_layers is None:
        return
    count = model.config.num_hidden_layers
    layers = next((module for module in model.modules() if isinstance(module, nn.ModuleList) and len(module) == count),
                  None)
    if layers is None:
        raise ValueError(f'text_encoder.trainable_layers: {type(model).__name__} has no list of {count} layers to '
                         'choose from; leave it None.')
    numbers = list(range(trainable_layers)) if isinstance(trainable_layers, int) else list(trainable_layers)
    wrong = [number for number in numbers if number not in range(count)]
    if wrong:
        raise ValueError(f'text_encoder.trainable_layers={trainable_layers!r}: the model has layers 0 to {count - 1}.')
    model.requires_grad_(False)
    for number in numbers:
        layers[number].requires_grad_(True)


def evaluate_frozen(module: nn.Module) -> None:
    """Put every part of a model of which no parameter trains into eval mode: what is frozen drops nothing.

    Args:
        module (nn.Module): In training mode, with some of its parameters frozen.
    """
    parameters = list(module.parameters())
    if parameters and not any(parameter.requires_grad for parameter in parameters):
        module.eval()
        return
    for child in module.children():
        evaluate_frozen(child)
