"""ReLA's regions, written out with a head's weights: the reference of test_rela.py."""

import torch
import torch.nn.functional as F
from plain_caris import attend


def cross(layer, query, key, value, inside):
    """Attention of each query to the pixels inside its own mask (Q, S)."""
    rows = [attend(layer, query[None, number], key[own], value[own]) for number, own in enumerate(inside)]
    return torch.cat(rows)


def plain_rela(head, decoded, maps, words):
    """One expression: Y (C, h, w), maps (C_i, H_i, W_i) finest first, the words to be seen (L, C_t).

    Returns logits (2, h, w), minimap (Q, 2) and no target (2,).
    """
    regions, positions = head.regions.weight, head.region_positions.weight

    def masks_of(regions):
        return torch.einsum('qc,chw->qhw', head.embed(head.norm(regions)), decoded)

    for number, layer in enumerate(head.layers):
        level = number % head.num_levels
        pixels = head.level_projections[level](maps[-1 - level][None])
        place = head.position(None, pixels)[0].flatten(1).T
        masks = F.interpolate(masks_of(regions)[None], pixels.shape[2:], mode='bilinear', align_corners=False)[0]
        inside = masks.flatten(1).sigmoid() >= 0.5
        for own in inside:
            if not own.any():  # a region that is nowhere looks everywhere
                own[:] = True
        pixels = pixels[0].flatten(1).T + head.level_embedding.weight[level]
        looked = cross(layer.image_attention, regions + positions, pixels + place, pixels, inside)
        regions = layer.norms[0](regions + looked)
        if number == 0:
            language = layer.language
            said = language.project(words)
            heard = language.norm(regions + attend(language.attention, regions, said, said))
            regions = regions + 0.1 * language.gate.sigmoid() * heard
        placed = regions + positions
        regions = layer.norms[1](regions + attend(layer.region_attention, placed, placed, regions))
        regions = layer.norms[2](regions + layer.feed_forward(regions))
    regions = head.norm(regions)
    minimap = head.minimap(regions)
    logits = torch.einsum('qk,qhw->khw', minimap, torch.einsum('qc,chw->qhw', head.embed(regions), decoded))
    return logits, minimap, head.no_target(regions).mean(0)
