"""Weights: the one door by which they come in and go out."""

from .safetensors_files import load_from_safetensors, read_meta, save_safetensors

__all__ = ['load_from_safetensors', 'read_meta', 'save_safetensors']
