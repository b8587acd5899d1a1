"""CRIS' and DETRIS' formulas, written as in the papers and their released code: slow, and nothing shared with ours."""

import math

import torch
import torch.nn.functional as F


def attention(query, key, value, weights, heads, padding=None):
    """Multi-head attention of (N, Q, C) over (N, L, C_k), head by head; weights: dict of w_q, b_q, … w_o, b_o."""
    query, key, value = (rows @ weights[f'w_{part}'].t() + weights[f'b_{part}']
                         for rows, part in ((query, 'q'), (key, 'k'), (value, 'v')))
    width = query.shape[2] // heads
    gathered = []
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        scores = query[..., part] @ key[..., part].transpose(1, 2) / math.sqrt(width)
        if padding is not None:
            scores = scores.masked_fill(padding[:, None], float('-inf'))
        gathered.append(scores.softmax(dim=2) @ value[..., part])
    return torch.cat(gathered, dim=2) @ weights['w_o'].t() + weights['b_o']


def weights_of(module):
    """The weights of a torch.nn.MultiheadAttention, part by part."""
    state = module.state_dict()
    if 'in_proj_weight' in state:
        parts = state['in_proj_weight'].chunk(3)
    else:
        parts = [state[f'{part}_proj_weight'] for part in 'qkv']
    biases = state['in_proj_bias'].chunk(3)
    found = {f'w_{part}': value for part, value in zip('qkv', parts)}
    found.update({f'b_{part}': value for part, value in zip('qkv', biases)})
    return dict(found, w_o=state['out_proj.weight'], b_o=state['out_proj.bias'])


def conv_norm_relu(module, maps):
    """Convolution, batch norm with its running statistics, ReLU, of an mmcv ConvModule."""
    conv, norm = module.conv, module.norm
    maps = F.conv2d(maps, conv.weight, conv.bias, padding=conv.padding)
    return relu_norm(norm, maps)


def relu_norm(norm, maps):
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    shape = (1, -1) + (1, ) * (maps.ndim - 2)
    return ((maps - norm.running_mean.view(shape)) * scale.view(shape) + norm.bias.view(shape)).clamp(min=0)


def up(maps, factor=2):
    return F.interpolate(maps, scale_factor=factor, mode='bilinear', align_corners=False)


def position(index, channels):
    """sin and cos of one place."""
    row = torch.zeros(channels)
    for pair in range(channels // 2):
        angle = index / 10000**(2 * pair / channels)
        row[2 * pair], row[2 * pair + 1] = math.sin(angle), math.cos(angle)
    return row


def coordinates(convs, maps):
    """CoordConv: x first."""
    height, width = maps.shape[2:]
    x = torch.tensor([-1 + 2 * column / (width - 1) for column in range(width)]).expand(len(maps), 1, height, width)
    y = torch.tensor([-1 + 2 * row / (height - 1) for row in range(height)])[:, None].expand(
        len(maps), 1, height, width)
    return conv_norm_relu(convs[1], conv_norm_relu(convs[0], torch.cat([maps, x, y], dim=1)))


def cris_neck(neck, maps, sentence):
    v3, v4, v5 = maps
    state = relu_norm(neck.sentence.norm, F.linear(sentence, neck.sentence.linear.weight))[:, :, None, None]
    f5 = relu_norm(neck.product_norm, conv_norm_relu(neck.coarse, v5) * state)
    f4 = conv_norm_relu(neck.join_middle, torch.cat([conv_norm_relu(neck.middle, v4), up(f5)], dim=1))
    f3 = F.avg_pool2d(conv_norm_relu(neck.fine, v3), 2)
    f3 = conv_norm_relu(neck.join_fine, torch.cat([f3, f4], dim=1))
    levels = [conv_norm_relu(neck.out_fine, f3), conv_norm_relu(neck.out_middle, f4),
              up(conv_norm_relu(neck.out_coarse, f5))]
    return coordinates(neck.coordinates.convs, conv_norm_relu(neck.aggregate, torch.cat(levels, dim=1)))


def cris_decoder(decoder, maps, words, mask):
    count, channels, height, width = maps.shape
    half = channels // 2
    place = torch.stack([torch.cat([position(column, half), position(row, half)])
                         for row in range(height) for column in range(width)])
    order = torch.stack([position(index, words.shape[2]) for index in range(words.shape[1])])
    pixels = maps.flatten(2).transpose(1, 2)
    for layer in decoder.layers:
        normed = layer.norms[0](pixels)
        gathered = attention(normed + place, normed + place, normed, weights_of(layer.self_attention),
                             layer.self_attention.num_heads)
        pixels = pixels + layer.self_attention_norm(gathered)
        gathered = attention(layer.norms[1](pixels) + place, words + order, words, weights_of(layer.cross_attention),
                             layer.cross_attention.num_heads, ~mask)
        pixels = pixels + layer.cross_attention_norm(gathered)
        first, _, _, norm, last = layer.feedforward
        pixels = pixels + last(norm(first(layer.norms[2](pixels)).clamp(min=0)))
    maps = decoder.norm(pixels).transpose(1, 2).reshape(count, channels, height, width)
    for conv in decoder.upsampling:
        maps = conv_norm_relu(conv, up(maps))
    return F.conv2d(maps, decoder.project.weight, decoder.project.bias)


def kernel_head(head, maps, sentence):
    """One expression after the other."""
    rows = []
    for own, said in zip(maps, sentence):
        made = head.kernel(said).view(head.num_classes, -1)
        kernel = made[:, :-1].view(head.num_classes, len(own), head.kernel_size, head.kernel_size)
        rows.append(F.conv2d(own[None], kernel, made[:, -1], padding=head.kernel_size // 2))
    return torch.cat(rows)


def detris_neck(neck, maps, sentence):
    """With an attention to the one token, whose queries and keys may be anything."""
    token = neck.sentence(sentence)[:, None]
    channels = token.shape[2]
    gated = []
    for level, reduce, value, gate in zip(maps, neck.reduce, neck.values, neck.gates):
        reduced = conv_norm_relu(reduce, level)
        weights = dict(w_q=torch.randn(channels, channels), b_q=torch.randn(channels),
                       w_k=torch.randn(channels, channels), b_k=torch.randn(channels),
                       w_v=value.weight, b_v=value.bias, w_o=gate.weight, b_o=gate.bias)
        pixels = reduced.flatten(2).transpose(1, 2)
        pixels = pixels * attention(pixels, token, token, weights, 4)
        gated.append(pixels.transpose(1, 2).reshape(reduced.shape))
    joint = conv_norm_relu(neck.aggregate, torch.cat(gated, dim=1))
    return joint + coordinates(neck.coordinates.convs, joint)


def dense(module, maps):
    first = conv_norm_relu(module.branches[0][0], maps)
    second = conv_norm_relu(module.branches[1][1], conv_norm_relu(module.branches[1][0], torch.cat([maps, first], 1)))
    third = torch.cat([maps, first, second], 1)
    third = conv_norm_relu(module.branches[2][1], conv_norm_relu(module.branches[2][0], third))
    return torch.cat([first, second, third], 1)


def aligner(module, tokens, words, special, size, padding=None):
    down = module.down(tokens).clamp(min=0)
    patches = down[:, special:].transpose(1, 2).reshape(len(tokens), -1, *size)
    patches = (dense(module.dense, patches) + patches).flatten(2).transpose(1, 2)
    gathered = attention(module.image(patches), module.text(words), module.text(words), weights_of(module.attention),
                         module.attention.num_heads, padding)
    return module.up(torch.cat([down[:, :special], module.back(gathered)], 1) + down)


def text_adapter(module, words):
    down = module.down(words).clamp(min=0)
    rest = dense(module.dense, down[:, 1:].transpose(1, 2)[:, :, None])[:, :, 0].transpose(1, 2)
    return module.up(torch.cat([down[:, :1], rest], 1) + down)


def randomize(module):
    """Nothing stays at a default that hides a mistake."""
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if name.endswith('running_var'):
                value.uniform_(0.5, 2)
            elif value.is_floating_point():
                value.normal_(1. if name.endswith('weight') and value.ndim == 1 else 0., 0.3)
    return module.eval()
