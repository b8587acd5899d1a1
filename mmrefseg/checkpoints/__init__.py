"""Weights: the one door by which they come in and go out."""

from . import latest, read, write
from .fit import Fit, check_options, fit_weights, load_weights
from .latest import find_latest_checkpoint
from .read import OFFICIAL, read_checkpoint, weights_of
from .safetensors_files import load_from_safetensors, read_meta, save_safetensors
from .write import save_checkpoint

read.register_door()
write.register_door()
latest.register_door()

__all__ = [
    'Fit', 'OFFICIAL', 'check_options', 'find_latest_checkpoint', 'fit_weights',
    'load_from_safetensors', 'load_weights', 'read_checkpoint',
    'read_meta', 'save_checkpoint', 'save_safetensors', 'weights_of'
]
