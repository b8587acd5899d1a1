"""Text encoders small enough for tests, and what the tests say to them."""

from mmengine.model import BaseModule
from torch import nn

from mmrefseg.models.text_encoders import BERTEncoder, RNNEncoder

WORDS = ['red', 'blue', 'circle', 'square', 'left', 'right', 'the', 'of', '##s', 'man']
SHORT, LONG = 'red circle', 'the red square left of the blue circle right of the man'
TINY = dict(model_type='bert', hidden_size=16, num_hidden_layers=3, num_attention_heads=2,
            intermediate_size=32)


def bert(**kwargs):
    kwargs = {**dict(pretrained=None, config=TINY, tokenizer=WORDS), **kwargs}
    return BERTEncoder(**kwargs)


def rnn(**kwargs):
    return RNNEncoder(**{**dict(vocab=WORDS, embed_dims=6, hidden_dims=8), **kwargs})


ENCODERS = {
    'bert': lambda **kwargs: bert(**kwargs),
    'bert-eager': lambda **kwargs: bert(config={**TINY, 'attn_implementation': 'eager'}, **kwargs),
    'distilbert': lambda **kwargs: bert(
        config=dict(model_type='distilbert', dim=16, n_layers=2, n_heads=2, hidden_dim=32),
        **kwargs),
    'roberta': lambda **kwargs: bert(
        config={**TINY, 'model_type': 'roberta', 'pad_token_id': 0}, **kwargs),
    'gru': lambda **kwargs: rnn(**kwargs),
    'lstm': lambda **kwargs: rnn(cell='lstm', **kwargs),
    'gru-one-way': lambda **kwargs: rnn(bidirectional=False, **kwargs),
    'lstm-two-layers': lambda **kwargs: rnn(cell='lstm', num_layers=2, dropout=0.1, **kwargs),
}


class Parent(BaseModule):
    """A model that has a text encoder."""

    def __init__(self, text_encoder, init_cfg=None):
        super().__init__(init_cfg=init_cfg)
        self.text_encoder = text_encoder
        self.head = nn.Linear(2, 2)
