"""Weights from the Hugging Face hub or from a folder, and errors that say what to do."""

import copy
import re
from contextlib import contextmanager
from pathlib import Path

from torch import nn
from transformers.utils import logging as transformers_logging

from mmrefseg.checkpoints.read import check_file

# Files of weights in a folder of transformers.
WEIGHTS = re.compile(r'(pytorch_model|model).*\.(bin|safetensors)')


def load_pretrained(model: nn.Module, pretrained: str, part: str, local_files_only: bool = False,
                    may_lack: str = '') -> int:
    """Load the weights of ``pretrained`` into a model of transformers.

    Weights that the model does not have (a head, a pooler) are left.

    Args:
        model (PreTrainedModel): Built from its config.
        pretrained (str): A name of the hub, or a folder.
        part (str): The config key of the part, for errors: ``'text_encoder'``.
        local_files_only (bool): Whether to use only what is on this disk. Defaults to False.
        may_lack (str): How names of weights begin that ``pretrained`` need not have. Defaults to '': it must have all.

    Returns:
        int: How many weights were loaded.

    Raises:
        OSError: They cannot be read.
        ValueError: They lack some of the model's weights: another architecture.
    """
    with clear_errors(f'{part}.pretrained', pretrained), quiet_transformers():
        for path in sorted(Path(pretrained).glob('*')) if Path(pretrained).is_dir() else ():
            if WEIGHTS.fullmatch(path.name):
                check_file(str(path))
        # The model's own class: AutoBackbone asks the hub even for a folder.
        loaded, report = type(model).from_pretrained(
            pretrained, config=copy.deepcopy(model.config), local_files_only=local_files_only, output_loading_info=True)
    own = model.state_dict().keys()
    weights = {name: weight for name, weight in loaded.state_dict().items() if name in own}
    missing = sorted(set(report['missing_keys']) & set(weights))
    if may_lack:
        missing = [name for name in missing if not name.startswith(may_lack)]
    if missing:
        raise ValueError(f'{part}.pretrained={pretrained!r} lacks {len(missing)} of the {len(weights)} weights of the '
                         f'{type(loaded).__name__} that {part}.config describes, {missing[0]!r} first: is it another '
                         'architecture?')
    model.load_state_dict(weights)
    return len(weights)


def check_vocabulary(tokenizer, source: str, key: str) -> None:
    """Refuse a tokenizer that knows no word: transformers makes one where a folder lacks the vocabulary.

    Args:
        tokenizer (PreTrainedTokenizerBase): What was made.
        source (str): Of what.
        key (str): The config key that names it.

    Raises:
        OSError: It has special tokens alone.
    """
    if not set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens):
        raise OSError(
            f'{key}={str(source)!r} has no vocabulary, so that every word would be unknown: expected tokenizer.json or '
            'vocab.txt (of BERT; others have vocab.json with merges.txt, or a model of sentencepiece) beside '
            'config.json and the weights')


@contextmanager
def clear_errors(key: str, source):
    """Say which config key is at fault where transformers cannot read ``source``."""
    try:
        yield
    except Exception as error:  # what a damaged file makes of unpickling is not one kind
        raise OSError(
            f'{key}={str(source)!r} cannot be read: it must be a folder with config.json and the weights (and the '
            'tokenizer, of a text encoder), or a model of the Hugging Face hub that this machine can reach. Without a '
            f'network: on one that has it, run  hf download NAME --local-dir FOLDER  and set {key} to that folder. '
            f'({type(error).__name__}: {error})') from error


@contextmanager
def quiet_transformers():
    """No reports of weights that are not used, and no progress bars, from transformers."""
    verbosity = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
