"""Helpers that know no model, data set or format of the field: files, JSON, configs by name, the machine."""

from .cpu_memory import keep_freed_memory
from .find_config import find_config, list_configs, package_files, zoo_entries
from .input_size import pipeline_sizes, set_input_size
from .json_object import json_object
from .register_all_modules import register_all_modules
from .without_pretrained import without_pretrained
from .write_text import write_text

__all__ = [
    'find_config', 'json_object', 'keep_freed_memory', 'list_configs', 'package_files',
    'pipeline_sizes', 'register_all_modules', 'set_input_size', 'without_pretrained', 'write_text', 'zoo_entries'
]
