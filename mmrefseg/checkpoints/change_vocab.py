"""Bring a checkpoint with a recurrent text encoder to the words of another config, to train it further there:

python tools/model_converters/change_vocab.py CHECKPOINT OUT.pth --old OLD_CONFIG --new NEW_CONFIG

Words that both know keep their embeddings. New ones start from that of unknown words, which is what the model has made
of them so far. Words that the new config does not know go. Everything else stays. Then train with
--cfg-options load_from=OUT.pth
"""

import argparse

import torch
from mmengine.config import Config

from mmrefseg.checkpoints.read import read_checkpoint, weights_of
from mmrefseg.checkpoints.write import save_checkpoint
from mmrefseg.models import RNNEncoder, Vocabulary
from mmrefseg.models.text_encoders.rnn_encoder import WORDS

NAME = 'text_encoder.embedding.weight'


def change_vocab(weight: torch.Tensor, old: Vocabulary, new: Vocabulary) -> torch.Tensor:
    """Rearrange the embeddings of words.

    Args:
        weight (Tensor): (rows, C): padding, unknown words, the words of ``old``, and whatever is behind them.
        old (Vocabulary): The words it knows.
        new (Vocabulary): The words it is to know.

    Returns:
        Tensor: (rows, C), the same of ``new``.

    Raises:
        ValueError: ``weight`` has another number of rows than ``old`` needs.
    """
    boundaries = len(weight) - len(old)
    if boundaries not in (0, 2):  # RNNEncoder.boundaries: begin and end
        raise ValueError(f'{NAME} has {len(weight)} rows, but the old config has {len(old.words)} words, for which '
                         f'{len(old)} or {len(old) + 2} were expected: is --old the config of the checkpoint?')
    rows = {word: row for row, word in enumerate(old.words, start=len(old) - len(old.words))}
    taken = [Vocabulary.pad_id, Vocabulary.unknown_id, *(rows.get(word, Vocabulary.unknown_id) for word in new.words),
             *range(len(old), len(weight))]
    return weight[taken]


def read_vocab(path: str) -> Vocabulary:
    """The words of a config.

    Raises:
        ValueError: Its text encoder has none.
    """
    text_encoder = Config.fromfile(path).model.text_encoder
    if text_encoder.type.split('.')[-1] != RNNEncoder.__name__:
        raise ValueError(f'{path}: model.text_encoder is {text_encoder.type}, expected RNNEncoder, which has a vocab')
    return Vocabulary(text_encoder.vocab)


def main(arguments=None) -> None:
    """Change one checkpoint."""
    parser = argparse.ArgumentParser(description='Bring a checkpoint to the words of another config')
    parser.add_argument('checkpoint', help='what training wrote, or a file of the zoo')
    parser.add_argument('out', help='the file to write')
    parser.add_argument('--old', required=True, help='config that the checkpoint was trained with')
    parser.add_argument('--new', required=True, help='config to train it further with')
    args = parser.parse_args(arguments)
    old, new = read_vocab(args.old), read_vocab(args.new)
    weights = weights_of(read_checkpoint(args.checkpoint), args.checkpoint)
    if NAME not in weights:
        raise ValueError(f'{args.checkpoint} has no {NAME}: expected a model with an RNNEncoder')
    noted = getattr(weights, '_metadata', {}).get('text_encoder', {})
    if noted.get(WORDS, old.digest) != old.digest:
        raise ValueError(f'{args.checkpoint} has the embeddings of other words than {args.old}: is --old the config it '
                         'was trained with?')
    noted.pop(WORDS, None)
    weights[NAME] = change_vocab(weights[NAME], old, new)
    save_checkpoint(dict(state_dict=weights), args.out)
    kept = len(set(old.words) & set(new.words))
    print(f'{args.out}: {kept} of {len(new.words)} words keep their embeddings')
