"""Patches and words: hidden exactly as often as said, special tokens never."""

import pytest
import torch
from tiny_text_encoders import TINY, WORDS

from mmrefseg.models import BERTEncoder, CLIPTextEncoder, RNNEncoder
from mmrefseg.models.losses import RefCrossEntropyLoss, RefDiceLoss
from mmrefseg.models.utils import mask_patches

SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
ENCODERS = dict(
    bert=lambda: BERTEncoder(pretrained=None, config=TINY, tokenizer=[*SPECIAL, *WORDS]),
    clip=lambda: CLIPTextEncoder(
        pretrained=None, tokenizer=[],
        config=dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)),
    rnn=lambda: RNNEncoder(vocab=WORDS, embed_dims=6, hidden_dims=8),
    boundaries=lambda: RNNEncoder(vocab=WORDS, embed_dims=6, hidden_dims=8, boundaries=True))
MASK_ID = dict(bert=4, clip=0, rnn=0, boundaries=0)


@pytest.mark.parametrize('ratio,count', [(0.75, 27), (0.5, 18), (0.4, 15), (0., 0), (1., 36)])
def test_patches_are_exact(ratio, count):
    torch.manual_seed(0)
    images = torch.rand(5, 3, 24, 24) + 1
    masked = mask_patches(images, ratio, 4)
    patches = masked.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 1, 4, 5).flatten(3)  # (B, 6, 6, 48)
    hidden = (patches == 0).all(dim=3)
    assert hidden.flatten(1).sum(dim=1).tolist() == [count] * 5
    pixels = hidden.repeat_interleave(4, 1).repeat_interleave(4, 2)[:, None].expand(-1, 3, -1, -1)
    assert torch.equal(masked == 0, pixels)
    assert torch.equal(masked[masked != 0], images[masked != 0])
    if 0 < ratio < 1:
        assert not torch.equal(hidden[0], hidden[1])


def test_the_released_code_keeps_the_floor():
    assert (mask_patches(torch.ones(1, 1, 3, 3), 0.75, 1) == 1).sum() == 2  # of nine 2.25


def test_a_grid_keeps_one_of_four():
    torch.manual_seed(0)
    hidden = mask_patches(torch.ones(40, 1, 8, 12), 0.75, 2, grid=True)[:, 0, ::2, ::2] == 0
    kept = {tuple(map(tuple, (~row).nonzero().tolist())) for row in hidden}
    assert len(kept) == 4
    for places in kept:
        assert len(places) == 6 and len({(y % 2, x % 2) for y, x in places}) == 1
    with pytest.raises(ValueError, match='multiples of 4'):
        mask_patches(torch.ones(1, 1, 6, 8), 0.75, 2, grid=True)
    with pytest.raises(ValueError, match='image_ratio is 0.75, found 0.5'):
        mask_patches(torch.ones(1, 1, 8, 8), 0.5, 2, grid=True)


@pytest.mark.parametrize('name', ENCODERS)
def test_words_as_bert_masks_them(name):
    torch.manual_seed(0)
    encoder = ENCODERS[name]()
    ids, mask = encoder.tokenize(['red circle left of the blue square', 'man', 'unheard red'] * 4000)
    masked = encoder.mask_words(ids, mask, 0.15)
    masking = encoder.word_masking()
    ordinary = torch.isin(ids, masking.words) & mask
    assert torch.equal(masked[~ordinary], ids[~ordinary])  # special tokens and padding stay
    changed = masked != ids
    hidden = changed & (masked == masking.mask_id)
    assert masking.mask_id == MASK_ID[name]
    assert torch.isin(masked[changed & ~hidden], masking.words).all()
    total = ordinary.sum()
    assert hidden.sum() / total == pytest.approx(0.12, abs=0.006)  # 80 % of 15 %
    assert (changed & ~hidden).sum() / total == pytest.approx(0.015, abs=0.0035)  # and 10 % of it are other words
    everything = encoder.mask_words(ids, mask, 1.)
    assert (everything == ids)[ordinary].float().mean() == pytest.approx(0.1, abs=0.01)
    assert torch.equal(encoder.mask_words(ids, mask, 0.), ids)


def test_what_is_special():
    for name, encoder in ((name, make()) for name, make in ENCODERS.items()):
        words = set(encoder.word_masking().words.tolist())
        ids, mask = encoder.tokenize(['red'])
        inner = {ids[0, 0].item()} if name == 'rnn' else set(ids[0, 1:-1].tolist())
        assert inner <= words and (name == 'rnn' or not {ids[0, 0].item(), ids[0, -1].item()} & words)
    assert not set(range(5)) & set(ENCODERS['bert']().word_masking().words.tolist())
    assert 1 not in ENCODERS['rnn']().word_masking().words  # the unknown word


def test_a_hidden_word_has_a_feature_of_its_own():
    """The zero vector of RNNEncoder is read as a word, and padding is not."""
    encoder = ENCODERS['rnn']()
    ids, mask = encoder.tokenize(['red circle'])
    hidden = ids.clone()
    hidden[0, 1] = encoder.word_masking().mask_id
    words, shorter = encoder.encode(hidden, mask).words, encoder.encode(hidden[:, :1], mask[:, :1]).words
    assert words[0, 1].any() and not torch.equal(words[0, :1], shorter[0])
    assert not torch.equal(words, encoder.encode(ids, mask).words)


def test_a_tokenizer_without_a_mask_token():
    with pytest.raises(ValueError, match=r'text_encoder.tokenizer has no mask token \(such as \[MASK\]\)'):
        BERTEncoder(pretrained=None, config=TINY, tokenizer=WORDS).word_masking()


@pytest.mark.parametrize('classes', [1, 2])
def test_soft_targets(classes):
    """Written out pixel by pixel; one-hot ones are hard ones, but that cross entropy is no weighted mean."""
    torch.manual_seed(0)
    logits, soft = torch.randn(2, classes, 3, 4), torch.rand(2, 3, 4)
    soft[1, 2] = 255
    counted = soft != 255
    p = (logits[:, 0].sigmoid() if classes == 1 else logits.softmax(1)[:, 1])[counted]
    g = soft[counted]
    entropy = -(0.9 * (1 - g) * (1 - p).log() + 1.1 * g * p.log())
    loss = RefCrossEntropyLoss(class_weight=[0.9, 1.1])
    torch.testing.assert_close(loss(logits, soft), entropy.mean())
    if classes == 2:
        unmasked = soft.where(counted, 0.5)
        expected = torch.nn.functional.cross_entropy(
            logits, torch.stack([1 - unmasked, unmasked], 1), weight=torch.tensor([0.9, 1.1]))
        torch.testing.assert_close(loss(logits, unmasked), expected)
    hard = (soft > 0.5).long().where(counted, 255)
    one_hot = hard.float()
    torch.testing.assert_close(RefCrossEntropyLoss()(logits, one_hot), RefCrossEntropyLoss()(logits, hard))
    torch.testing.assert_close(RefDiceLoss()(logits, one_hot), RefDiceLoss()(logits, hard))
    terms = []
    for row in range(2):
        valid = counted[row]
        q = (logits[row, 0].sigmoid() if classes == 1 else logits[row].softmax(0)[1])[valid]
        for p, g in ((q, soft[row][valid]), (1 - q, 1 - soft[row][valid])):
            terms.append(1 - (2 * (p * g).sum() + 1e-3) / ((p * p).sum() + (g * g).sum() + 1e-3))
    torch.testing.assert_close(RefDiceLoss()(logits, soft), sum(terms) / 4)
