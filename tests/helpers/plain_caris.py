"""CARIS' pixel decoder and head, written out with its weights: the reference of test_caris.py."""

import math

import torch
import torch.nn.functional as F
from literal_deformable import literal as deformable


def attend(layer, query, key, value, mask=None):
    """Attention with an inner width, a head after the other; mask (L,) True = may be seen."""
    query, key, value = layer.query(query), layer.key(key), layer.value(value)
    heads = []
    for q, k, v in zip(*(rows.chunk(layer.num_heads, dim=-1) for rows in (query, key, value))):
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(~mask, -math.inf)
        heads.append(scores.softmax(-1) @ v)
    return layer.out(torch.cat(heads, -1))


def plain_layer(layer, words, mask, pixels, positions, places, sizes):
    """One layer on one expression: words (L, C), pixels (S, C)."""
    looked = attend(layer.words_to_pixels, words, pixels + positions, pixels)
    words = layer.word_norms[0](words + layer.word_gamma * looked)
    words = layer.word_norms[1](words + attend(layer.words_to_words, words, words, words, mask))
    words = layer.word_norms[2](words + layer.word_feed_forward(words))
    read = attend(layer.pixels_to_words, pixels + positions, words, words, mask)
    pixels = layer.pixel_norms[0](pixels + layer.pixel_gamma * read)
    around = deformable(layer.pixels_to_pixels, pixels[None], positions[None], places, sizes)[0]
    pixels = layer.pixel_norms[1](pixels + around)
    return words, layer.pixel_norms[2](pixels + layer.pixel_feed_forward(pixels))


def plain_caris(fusion, decoder, head, maps, words, mask):
    """Logits (2, h, w) of one expression: maps (1, C_i, H_i, W_i), words (L, C_t), mask (L,)."""
    finest, sequence = fusion.levels(maps)
    pixels, positions = sequence.pixels[0], sequence.positions[0]
    prompts = fusion.visual_prompts.weight
    words = torch.cat([fusion.embed_words(words), prompts])
    mask = torch.cat([mask, torch.ones(len(prompts), dtype=torch.bool)])
    for layer in fusion.layers:
        words, pixels = plain_layer(layer, words, mask, pixels, positions, sequence.places, sequence.sizes)
    height, width = sequence.sizes[-1]
    second = pixels[-height * width:].T.reshape(1, -1, height, width)
    merged = finest + F.interpolate(second, finest.shape[2:], mode='bilinear', align_corners=False)
    features = decoder.project(decoder.merge(merged))[0]
    background, referent = words[-len(prompts):].mean(0), words[0]
    return torch.stack([torch.einsum('c,chw->hw', head.classifier(query), features)
                        for query in (background, referent)])
