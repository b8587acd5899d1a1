"""S2RM's coparsing as its equations are written: shifted copies, laid side by side, and a product for each map.

Independent of mmrefseg, so that it can be the reference of tests and the baseline of speed.

Symbols: N expressions, C channels, H and W of the maps. Maps are (N, C, H, W) outside, (N, H, W, C) inside.
"""

import torch


def column_wise(parsed, generator, shift=True):
    """Eqs. 5 and 6: row i of the parsed context meets row i of every shifted copy. -> (N, HW, H, W)."""
    steps = range(parsed.shape[1] if shift else 1)
    # T^row: (N, H, W, C) -> (N, H, HW, C)
    copies = torch.cat([torch.roll(generator, step, dims=1) for step in steps], dim=2)
    # (N, H, W, C) x (N, H, C, HW) -> (N, H, W, HW) -> (N, HW, H, W)
    return (parsed @ copies.permute(0, 1, 3, 2)).permute(0, 3, 1, 2)


def row_wise(parsed, generator, shift=True):
    """Eqs. 7 and 8: column j of the parsed context meets column j of every shifted copy. -> (N, HW, H, W)."""
    steps = range(parsed.shape[2] if shift else 1)
    # T^col: (N, H, W, C) -> (N, HW, W, C)
    copies = torch.cat([torch.roll(generator, step, dims=2) for step in steps], dim=1)
    # (N, W, H, C) x (N, W, C, HW) -> (N, W, H, HW) -> (N, HW, H, W)
    return (parsed.permute(0, 2, 1, 3) @ copies.permute(0, 2, 3, 1)).permute(0, 3, 2, 1)


def coparse(image_map, language_map, shift=True):
    """V_4 and T^dist, both (N, C, H, W) -> [C^l2v, R^l2v, C^v2l, R^v2l], each (N, HW, H, W).

    Without shift only the unmoved copy is there: (N, W, H, W) for C and (N, H, H, W) for R.
    """
    visual, language = image_map.permute(0, 2, 3, 1), language_map.permute(0, 2, 3, 1)
    return [correlate(parsed, generator, shift)
            for parsed, generator in ((visual, language), (language, visual))
            for correlate in (column_wise, row_wise)]
