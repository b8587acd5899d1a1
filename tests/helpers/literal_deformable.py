"""Deformable attention written as a loop over heads, levels and points."""

import math

import torch


def bilinear(level, x, y):
    """Value of a map (H, W, C) at x and y in pixels, whose centres are at 0, 1, …; outside all is 0."""
    total, left, top = 0, math.floor(x.item()), math.floor(y.item())
    for row in (top, top + 1):
        for column in (left, left + 1):
            if 0 <= row < level.shape[0] and 0 <= column < level.shape[1]:
                total = total + (1 - abs(y - row)) * (1 - abs(x - column)) * level[row, column]
    return total


def literal(layer, pixels, positions, places, sizes):
    """Deformable DETR's Eq. 3, a row, a query, a head, a level and a point after the other."""
    heads, levels, points = layer.num_heads, layer.num_levels, layer.num_points
    rows = []
    for row in pixels:
        value = layer.value_proj(row)
        query = row + positions[0]
        offsets = layer.sampling_offsets(query).view(-1, heads, levels, points, 2)
        scores = layer.attention_weights(query).view(-1, heads, levels * points)
        gathered = []
        for q in range(len(query)):
            of_heads = []
            for head, own in enumerate(value.chunk(heads, dim=1)):
                weights, total, start = scores[q, head].softmax(0), torch.zeros_like(own[0]), 0
                for number, (height, width) in enumerate(sizes):
                    level = own[start:start + height * width].view(height, width, -1)
                    start += height * width
                    for point in range(points):
                        dx, dy = offsets[q, head, number, point]
                        # Places are from 0 to 1 over the whole map, so pixel 0's centre is at 0.5 / width.
                        x, y = places[q, 0] * width + dx - 0.5, places[q, 1] * height + dy - 0.5
                        total = total + weights[number * points + point] * bilinear(level, x, y)
                of_heads.append(total)
            gathered.append(torch.cat(of_heads))
        rows.append(layer.output_proj(torch.stack(gathered)))
    return torch.stack(rows)

