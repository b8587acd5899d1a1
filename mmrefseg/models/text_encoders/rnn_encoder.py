"""A recurrent network over words: the text encoder of LTS, VLT and M3Att."""

from os import PathLike
from typing import Optional, Sequence, Union

import torch
from mmengine.logging import print_log
from torch import Tensor, nn, no_grad
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmrefseg.errors import RefDataError
from mmrefseg.registry import MODELS
from mmrefseg.structures import TextFeatures

from ..utils import is_exporting
from .base_text_encoder import BaseTextEncoder
from .glove import read_glove
from .packed_rnn import packed_rnn
from .vocabulary import Vocabulary
from .word_masking import WordMasking
from .word_tokenizer import WordTokenizer

#: Name of the digest of the words in the metadata of a state dict.
WORDS = 'vocabulary'
_CELLS = {'gru': nn.GRU, 'lstm': nn.LSTM}


@MODELS.register_module()
class RNNEncoder(BaseTextEncoder):
    """GRU or LSTM, one-way or bidirectional, over the embeddings of a word vocabulary.

    Word features are the hidden states of the last layer, both directions side by side: h_t of
    "Locate then Segment" (LTS, CVPR 2021), section 3.1, equations 1, 2 and 4, and F_t of M3Att
    (TIP 2023), section III. C = ``hidden_dims``, times 2 if bidirectional. Each direction of an
    expression runs over its own words only, so padding cannot reach a feature.

    Args:
        vocab (Sequence[str] or path): The words, or a file with one a line
            (``tools/dataset_converters/build_vocab.py`` makes it). Other words share one
            "unknown" embedding.
        cell (str): ``'gru'`` or ``'lstm'``.
        embed_dims (int): Width of the word embeddings.
        hidden_dims (int): Width of the hidden state of one direction. LTS' "1024 dimensional
            bi-GRU" is read as 512 for each direction.
        num_layers (int): Stacked recurrent layers.
        bidirectional (bool): Whether the expression is read backwards as well.
        dropout (float): Of the embeddings, and between layers.
        max_length (int): How many words of an expression are read, the boundaries included.
        boundaries (bool): Whether a token of its own stands before and behind the words, as BERT's [CLS] and
            [SEP] do. Attention over the words that is followed by an instance norm (LAVT's PWAM) needs it: of one
            word alone every pixel gathers the same, and the norm of a constant is nothing. Defaults to False.
        glove (path, optional): A GloVe text file: embeddings start from its vectors, and words that
            it lacks stay random. It is read by ``init_weights`` only, so inference needs no file.
        freeze_embedding (bool): Whether the embeddings stay as they start.
        sentence (str): The sentence feature: ``'last'``, the final state of each direction (M3Att's
            F'_t), or ``'mean'`` of the word features (LTS, equation 3; SADLR's S).
        init_cfg (dict or list[dict], optional): mmengine's.

    Raises:
        FileNotFoundError, TypeError, ValueError: An option is not one of those above, or the
            vocabulary is unusable (see :class:`Vocabulary`).

    Example:
        >>> from mmrefseg.models import RNNEncoder
        >>> encoder = RNNEncoder(vocab=['the', 'man', 'in', 'red'], embed_dims=8, hidden_dims=8)
        >>> text = encoder(['the man in red', 'the man'])
        >>> text.words.shape, text.sentence.shape, text.mask.sum(1).tolist()
        (torch.Size([2, 4, 16]), torch.Size([2, 16]), [4, 2])
    """

    def __init__(self, vocab: Union[Sequence[str], str, PathLike], cell: str = 'gru',
                 embed_dims: int = 300, hidden_dims: int = 512, num_layers: int = 1,
                 bidirectional: bool = True, dropout: float = 0., max_length: int = 20,
                 boundaries: bool = False, glove: Optional[Union[str, PathLike]] = None, freeze_embedding: bool = False,
                 sentence: str = 'last', init_cfg=None) -> None:
        if cell not in _CELLS:
            raise ValueError(f"text_encoder.cell must be 'gru' or 'lstm', found {cell!r}.")
        if sentence not in ('last', 'mean'):
            raise ValueError(f"text_encoder.sentence must be 'last' or 'mean', found {sentence!r}.")
        super().__init__(out_channels=hidden_dims * (2 if bidirectional else 1),
                         max_length=max_length, init_cfg=init_cfg)
        if boundaries and max_length < 3:
            raise ValueError(f'text_encoder.max_length is {max_length}, expected 3 or more: with boundaries a word '
                             'needs three tokens.')
        self.vocabulary = Vocabulary(vocab)
        self._register_state_dict_hook(_note_words)
        self.boundaries = boundaries
        self.glove = glove
        self.sentence = sentence
        self.embedding = nn.Embedding(len(self.vocabulary) + 2 * boundaries, embed_dims,
                                      padding_idx=Vocabulary.pad_id)
        self.embedding.weight.requires_grad_(not freeze_embedding)
        self.dropout = nn.Dropout(dropout)
        self.rnn = _CELLS[cell](
            input_size=embed_dims, hidden_size=hidden_dims, num_layers=num_layers, batch_first=True,
            # torch warns of a dropout between the layers when there is but one
            dropout=dropout if num_layers > 1 else 0., bidirectional=bidirectional)

    def standalone_tokenizer(self) -> WordTokenizer:
        """WordTokenizer: To words, and boundaries; see :meth:`Vocabulary.encode`."""
        return WordTokenizer(self.vocabulary, self.max_length, self.boundaries)

    def word_masking(self) -> WordMasking:
        """WordMasking: With a mask word of its own, the zero vector; unknown words and boundaries are special.

        Its id is that of padding, which the network does not read: so the weights are those of a model without it.
        """
        return WordMasking(Vocabulary.pad_id, torch.arange(2, len(self.vocabulary)))

    def encode(self, ids: Tensor, mask: Tensor) -> TextFeatures:
        """Encode the ids (N, L) of N expressions whose real words the mask (N, L) tells.

        The real words must come first. Where the mask is on the CPU, as :meth:`tokenize` makes it, their numbers
        are known without asking a GPU.
        """
        if is_exporting():
            return self._encode_for_export(ids, mask)
        embedded = self.dropout(self.embedding(ids.to(self.device, non_blocking=True)))  # (N, L) -> (N, L, embed_dims)
        # Sorted here: what torch would sort by itself has a GPU waited for twice.
        lengths, order = mask.sum(dim=1).cpu().sort(descending=True, stable=True)
        packed = pack_padded_sequence(
            embedded.index_select(0, order.to(self.device, non_blocking=True)), lengths, batch_first=True)
        outputs, state = self.rnn(packed)
        words, _ = pad_packed_sequence(outputs, batch_first=True, total_length=ids.shape[1])
        back = order.argsort().to(self.device, non_blocking=True)
        words, mask = words.index_select(0, back), mask.to(self.device, non_blocking=True)
        if self.sentence == 'mean':
            return self._features(words=words, mask=mask)
        hidden = state[0] if isinstance(state, tuple) else state  # an LSTM's is (hidden, cell)
        directions = 2 if self.rnn.bidirectional else 1
        # (layers * directions, N, hidden_dims) -> (N, directions * hidden_dims), of the last layer
        final = hidden[-directions:].transpose(0, 1).flatten(start_dim=1).index_select(0, back)
        return self._features(words=words, mask=mask, sentence=final)

    def _encode_for_export(self, ids: Tensor, mask: Tensor) -> TextFeatures:
        rnn = self.rnn
        words, final = packed_rnn(self.embedding(ids), mask.sum(dim=1), list(rnn.parameters()), rnn.mode.lower(),
                                  rnn.num_layers, rnn.bidirectional)
        return self._features(words=words, mask=mask, sentence=None if self.sentence == 'mean' else final)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, local_metadata: dict, *args) -> None:
        """Load the weights, unless the embeddings are those of other words.

        Raises:
            RefDataError: They are of other words than ``vocab``, or of the same in another order.
        """
        digest = local_metadata.get(WORDS)  # older checkpoints have none
        found = state_dict.get(f'{prefix}embedding.weight')
        if found is not None and (len(found) != len(self.embedding.weight) or digest not in (
                None, self.vocabulary.digest)):
            raise RefDataError(
                f'the checkpoint has the embedding of {len(found)} rows of other words than text_encoder.vocab, which '
                f'needs {len(self.embedding.weight)}, or of the same in another order: take the vocabulary that it was '
                'trained with, or mmrefseg tool change_vocab to bring the checkpoint to this one')
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)

    @no_grad()
    def load_pretrained(self) -> None:
        """Start the embeddings from the GloVe file.

        Raises:
            FileNotFoundError, ValueError: See :func:`read_glove`.
        """
        if self.glove is None:
            return
        ids, vectors = read_glove(self.glove, vocabulary=self.vocabulary,
                                  dims=self.embedding.embedding_dim)
        weight = self.embedding.weight
        weight[ids.to(weight.device)] = vectors.to(weight)
        print_log(f'{len(ids)} of {len(self.vocabulary.words)} words have a vector in {self.glove}, '
                  'the rest start at random.', logger='current')


def _note_words(encoder: RNNEncoder, state_dict: dict, prefix: str, local_metadata: dict) -> None:
    """Note in a state dict, as versions of layers are, which words its embedding is of."""
    local_metadata[WORDS] = encoder.vocabulary.digest
