"""Text encoders: N expressions in, :class:`mmrefseg.structures.TextFeatures` out."""

from .base_text_encoder import BaseTextEncoder
from .bert_encoder import BERTEncoder
from .clip_encoder import CLIPTextEncoder
from .conditional_prompts import ConditionalPrompts
from .piece_tokenizer import PieceTokenizer
from .prompted_bert_encoder import PromptedBERTEncoder
from .rnn_encoder import RNNEncoder
from .vocabulary import Vocabulary, tokenize
from .word_tokenizer import WordTokenizer

__all__ = [
    'BERTEncoder', 'BaseTextEncoder', 'CLIPTextEncoder', 'ConditionalPrompts', 'PieceTokenizer', 'PromptedBERTEncoder',
    'RNNEncoder', 'Vocabulary', 'WordTokenizer', 'tokenize'
]
