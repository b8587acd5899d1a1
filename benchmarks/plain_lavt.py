"""LAVT written plainly in torch alone: what the shipped parts are tested and timed against.

Yang et al., "LAVT: Language-Aware Vision Transformer for Referring Image Segmentation", CVPR 2022,
on Liu et al., "Swin Transformer", ICCV 2021. Parameters carry the names of the published
checkpoints, so `PlainLAVT(...).state_dict()` has the key layout of a checkpoint's `model`
(without a text encoder). There is no dropout, and no initialisation beyond torch's own except
for the position bias tables.

Nothing is fused or cached: attention is matmul, softmax, matmul, and the mask of the shifted
windows is computed at every forward.

Symbols: B images, L words, H and W the size in pixels or positions, C channels of a stage,
C_i of stage i = 1 … 4 (C_i = embed_dim · 2^(i-1), at stride 2^(i+1)), C_text channels of a word,
M positions along a window's side, K windows of the whole batch.
"""

from itertools import islice, product

import torch
from torch import nn
from torch.nn import functional as F

SWIN_T = dict(embed_dim=96, depths=(2, 2, 6, 2), num_heads=(3, 6, 12, 24), window_size=7)
SWIN_B = dict(embed_dim=128, depths=(2, 2, 18, 2), num_heads=(4, 8, 16, 32), window_size=12)


def window_partition(image_feats, window_size):
    """Cut (B, H, W, C), H and W multiples of M, into windows (K, M·M, C), row by row."""
    (B, H, W, C), M = image_feats.shape, window_size
    windows = image_feats.view(B, H // M, M, W // M, M, C)
    return windows.permute(0, 1, 3, 2, 4, 5).reshape(-1, M * M, C)


def window_reverse(windows, window_size, height, width):
    """Put windows (K, M·M, C) back together: (B, H, W, C)."""
    M, C = window_size, windows.shape[-1]
    windows = windows.view(-1, height // M, width // M, M, M, C)
    return windows.permute(0, 1, 3, 2, 4, 5).reshape(-1, height, width, C)


def pad_to_multiple(size, divisor):
    """Positions that are missing for `size` to be a multiple of `divisor`."""
    return (divisor - size % divisor) % divisor


def relative_position_index(window_size):
    """Row of the bias table for each pair of positions of a window: (M·M, M·M), int64."""
    M = window_size
    position = torch.arange(M * M)
    row, column = position // M, position % M
    row_offset = row[:, None] - row[None, :] + M - 1
    column_offset = column[:, None] - column[None, :] + M - 1
    return row_offset * (2 * M - 1) + column_offset


class Mlp(nn.Module):
    """Two linear layers, GELU between: (…, C) -> (…, C)."""

    def __init__(self, dim):
        super().__init__()
        self.fc1 = nn.Linear(dim, 4 * dim)
        self.fc2 = nn.Linear(4 * dim, dim)

    def forward(self, x):
        """(…, C) -> (…, C)."""
        return self.fc2(F.gelu(self.fc1(x)))


def drop_path(x, rate, training):
    """Leave out samples of a branch (B, n, C) at random, and make up for it in the others."""
    if not training or rate == 0:
        return x
    kept = torch.rand(x.shape[0], 1, 1, dtype=x.dtype, device=x.device) >= rate
    return x * kept / (1 - rate)


class WindowAttention(nn.Module):
    """Self-attention inside windows with a learnt bias per relative position (Swin, eq. 4)."""

    def __init__(self, dim, window_size, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.scale = (dim // num_heads) ** -0.5
        self.relative_position_bias_table = nn.Parameter(
            torch.zeros((2 * window_size - 1) ** 2, num_heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        self.register_buffer('relative_position_index', relative_position_index(window_size))
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x, mask=None):
        """(K, M·M, C) and an additive mask (windows of one image, M·M, M·M) -> (K, M·M, C)."""
        K, N, C = x.shape
        # (K, N, 3C) -> 3 times (K, heads, N, C/heads)
        qkv = self.qkv(x).view(K, N, 3, self.num_heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        scores = (query * self.scale) @ key.transpose(-2, -1)
        bias = self.relative_position_bias_table[self.relative_position_index.view(-1)]
        scores = scores + bias.view(N, N, self.num_heads).permute(2, 0, 1)
        if mask is not None:
            scores = scores.view(-1, mask.shape[0], self.num_heads, N, N) + mask.unsqueeze(1)
            scores = scores.view(K, self.num_heads, N, N)
        out = scores.softmax(dim=-1) @ value
        return self.proj(out.transpose(1, 2).reshape(K, N, C))  # (K, heads, N, C/heads) before


class SwinBlock(nn.Module):
    """(Shifted-)window attention and MLP, each after a LayerNorm and with a shortcut."""

    def __init__(self, dim, num_heads, window_size, shift_size, drop_path_rate):
        super().__init__()
        self.window_size, self.shift_size = window_size, shift_size
        self.drop_path_rate = drop_path_rate
        self.norm1 = nn.LayerNorm(dim)
        self.attn = WindowAttention(dim, window_size, num_heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim)

    def forward(self, x, height, width, shift_mask):
        """(B, H·W, C) -> (B, H·W, C); `shift_mask` is used by shifted blocks only."""
        B, _, C = x.shape
        M, shift = self.window_size, self.shift_size
        shortcut, x = x, self.norm1(x).view(B, height, width, C)
        # Zeros on the right and at the bottom, after the norm: they take part in the attention.
        x = F.pad(x, (0, 0, 0, pad_to_multiple(width, M), 0, pad_to_multiple(height, M)))
        padded_height, padded_width = x.shape[1:3]
        if shift > 0:
            x = torch.roll(x, shifts=(-shift, -shift), dims=(1, 2))
        windows = self.attn(window_partition(x, M), mask=shift_mask if shift > 0 else None)
        x = window_reverse(windows, M, padded_height, padded_width)
        if shift > 0:
            x = torch.roll(x, shifts=(shift, shift), dims=(1, 2))
        x = x[:, :height, :width, :].reshape(B, height * width, C)
        x = shortcut + drop_path(x, self.drop_path_rate, self.training)
        return x + drop_path(self.mlp(self.norm2(x)), self.drop_path_rate, self.training)


class PatchEmbed(nn.Module):
    """4x4 patches: (B, 3, H, W) -> (B, C_1, H/4, W/4), rounded up."""

    def __init__(self, embed_dim):
        super().__init__()
        self.proj = nn.Conv2d(3, embed_dim, kernel_size=4, stride=4)
        self.norm = nn.LayerNorm(embed_dim)

    def forward(self, images):
        """(B, 3, H, W) -> (B, C_1, H/4, W/4), rounded up."""
        height, width = images.shape[2:]
        x = self.proj(F.pad(images, (0, pad_to_multiple(width, 4), 0, pad_to_multiple(height, 4))))
        # (B, C, H, W) -> (B, H, W, C) for the norm, and back
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class PatchMerging(nn.Module):
    """Halves the resolution: (B, H·W, C) -> (B, H/2·W/2, 2C), H/2 and W/2 rounded up."""

    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(4 * dim)
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x, height, width):
        """(B, H·W, C) -> (B, H/2·W/2, 2C), H/2 and W/2 rounded up."""
        B, _, C = x.shape
        x = F.pad(x.view(B, height, width, C), (0, 0, 0, width % 2, 0, height % 2))
        top_left, bottom_left = x[:, 0::2, 0::2], x[:, 1::2, 0::2]
        top_right, bottom_right = x[:, 0::2, 1::2], x[:, 1::2, 1::2]
        x = torch.cat([top_left, bottom_left, top_right, bottom_right], dim=-1)
        return self.reduction(self.norm(x.reshape(B, -1, 4 * C)))


class WordAttention(nn.Module):
    """Each position gathers the words that concern it (the attention half of PWAM)."""

    def __init__(self, dim, text_channels, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.scale = dim ** -0.5  # of the full width, however many heads share it
        self.f_query = nn.Sequential(nn.Conv1d(dim, dim, 1), nn.InstanceNorm1d(dim))
        self.f_key = nn.Sequential(nn.Conv1d(text_channels, dim, 1))
        self.f_value = nn.Sequential(nn.Conv1d(text_channels, dim, 1))
        self.W = nn.Sequential(nn.Conv1d(dim, dim, 1), nn.InstanceNorm1d(dim))

    def forward(self, x, words, mask):
        """x (B, C, H·W), words (B, C_text, L), mask (B, L) True = word -> (B, C, H·W)."""
        word_mask = mask.unsqueeze(1).to(x.dtype)  # (B, 1, L)
        query = self.f_query(x)
        key = self.f_key(words) * word_mask
        value = self.f_value(words) * word_mask
        # (B, C, n) -> (B, heads, n, C/heads)
        query, key, value = (
            each.unflatten(1, (self.num_heads, -1)).transpose(2, 3) for each in (query, key, value))
        scores = self.scale * (query @ key.transpose(-2, -1))  # (B, heads, H·W, L)
        scores = scores + 1e4 * (word_mask.unsqueeze(1) - 1)
        out = scores.softmax(dim=-1) @ value
        return self.W(out.transpose(2, 3).flatten(1, 2))  # -> (B, C, H·W)


class PWAM(nn.Module):
    """Pixel-word attention module: F_i = project(vis(V_i) ⊙ attended words)."""

    def __init__(self, dim, text_channels, num_heads):
        super().__init__()
        self.vis_project = nn.Sequential(nn.Conv1d(dim, dim, 1), nn.GELU())
        self.image_lang_att = WordAttention(dim, text_channels, num_heads)
        self.project_mm = nn.Sequential(nn.Conv1d(dim, dim, 1), nn.GELU())

    def forward(self, x, words, mask):
        """x = V_i (B, H·W, C), words (B, L, C_text), mask (B, L) -> F_i (B, H·W, C)."""
        x = x.transpose(1, 2)
        attended = self.image_lang_att(x, words.transpose(1, 2), mask)
        return self.project_mm(self.vis_project(x) * attended).transpose(1, 2)


class Stage(nn.Module):
    """Swin blocks, PWAM, language gate and, in all stages but the last, patch merging."""

    def __init__(self, dim, depth, num_heads, window_size, text_channels, fusion_heads, last, drop_path_rates):
        super().__init__()
        self.window_size, self.shift_size = window_size, window_size // 2
        self.blocks = nn.ModuleList(
            SwinBlock(dim, num_heads, window_size, shift_size=self.shift_size if i % 2 else 0,
                      drop_path_rate=drop_path_rates[i])
            for i in range(depth))
        self.fusion = PWAM(dim, text_channels, fusion_heads)
        self.res_gate = nn.Sequential(
            nn.Linear(dim, dim, bias=False), nn.ReLU(), nn.Linear(dim, dim, bias=False), nn.Tanh())
        self.downsample = None if last else PatchMerging(dim)

    def shift_mask(self, height, width, device):
        """0 where both positions of a pair come from one region of the picture, -100 elsewhere:
        the roll brings regions together that are no neighbours. (windows of one image, M², M²)."""
        M, shift = self.window_size, self.shift_size
        regions = torch.zeros(1, height + pad_to_multiple(height, M),
                              width + pad_to_multiple(width, M), 1, device=device)
        slices = (slice(0, -M), slice(-M, -shift), slice(-shift, None))
        for region, (rows, columns) in enumerate(product(slices, slices)):
            regions[:, rows, columns, :] = region
        regions = window_partition(regions, M).squeeze(-1)  # (windows, M²)
        differs = regions.unsqueeze(1) != regions.unsqueeze(2)
        return torch.zeros_like(differs, dtype=torch.float32).masked_fill(differs, -100.0)

    def forward(self, x, height, width, words, mask):
        """(B, H·W, C) -> F_i (B, H·W, C), what the next stage reads, and its height and width.

        The last stage's gate feeds nothing but is computed all the same: the 197.29 G
        multiply-adds that are known of Swin-B at 480x480 and 20 words hold its 0.47 G.
        """
        shift_mask = self.shift_mask(height, width, x.device).to(x.dtype)
        for block in self.blocks:
            x = block(x, height, width, shift_mask)
        fused = self.fusion(x, words, mask)
        x = x + self.res_gate(fused) * fused
        if self.downsample is not None:
            x = self.downsample(x, height, width)
            height, width = (height + 1) // 2, (width + 1) // 2
        return fused, x, height, width


class Backbone(nn.Module):
    """Swin with language in it; gives LayerNorm(F_i) of the four stages."""

    def __init__(self, channels, depths, num_heads, window_size, text_channels, fusion_heads, drop_path_rate):
        super().__init__()
        # From 0 at the first block to the given rate at the last.
        rates = iter([drop_path_rate * i / max(1, sum(depths) - 1) for i in range(sum(depths))])
        self.patch_embed = PatchEmbed(channels[0])
        self.layers = nn.ModuleList(
            Stage(channels[i], depths[i], num_heads[i], window_size, text_channels,
                  fusion_heads if isinstance(fusion_heads, int) else fusion_heads[i],
                  last=i == 3, drop_path_rates=list(islice(rates, depths[i])))
            for i in range(4))
        for i in range(4):
            self.add_module(f'norm{i}', nn.LayerNorm(channels[i]))

    def forward(self, images, words, mask):
        """(B, 3, H, W), (B, L, C_text), (B, L) -> four maps (B, C_i, H_i, W_i), finest first."""
        x = self.patch_embed(images)
        height, width = x.shape[2:]
        x = x.flatten(2).transpose(1, 2)  # (B, C, H, W) -> (B, H·W, C)
        maps = []
        for i, layer in enumerate(self.layers):
            size = (height, width)
            fused, x, height, width = layer(x, height, width, words, mask)
            fused = getattr(self, f'norm{i}')(fused).unflatten(1, size)
            maps.append(fused.permute(0, 3, 1, 2).contiguous())  # (B, H, W, C) -> (B, C, H, W)
        return maps


class Decoder(nn.Module):
    """From the coarsest map to the finest: upsample, concatenate, two 3x3 convolutions."""

    def __init__(self, channels, hidden_channels):
        super().__init__()
        C_1, C_2, C_3, C_4 = channels
        hidden = hidden_channels
        for level, in_channels in ((4, C_4 + C_3), (3, hidden + C_2), (2, hidden + C_1)):
            self.add_module(
                f'conv1_{level}', nn.Conv2d(in_channels, hidden, 3, padding=1, bias=False))
            self.add_module(f'bn1_{level}', nn.BatchNorm2d(hidden))
            self.add_module(f'conv2_{level}', nn.Conv2d(hidden, hidden, 3, padding=1, bias=False))
            self.add_module(f'bn2_{level}', nn.BatchNorm2d(hidden))
        self.conv1_1 = nn.Conv2d(hidden, 2, 1)

    def forward(self, maps):
        """Four maps (B, C_i, H_i, W_i), finest first -> logits (B, 2, H_1, W_1)."""
        x = maps[3]
        for level in (4, 3, 2):
            skip = maps[level - 2]
            x = F.interpolate(x, size=skip.shape[2:], mode='bilinear', align_corners=True)
            x = torch.cat([x, skip], dim=1)
            x = F.relu(getattr(self, f'bn1_{level}')(getattr(self, f'conv1_{level}')(x)))
            x = F.relu(getattr(self, f'bn2_{level}')(getattr(self, f'conv2_{level}')(x)))
        return self.conv1_1(x)


class PlainLAVT(nn.Module):
    """LAVT after the text encoder; the default is Swin-B on BERT-base, as first released.

    fusion_heads: heads of the word attention, of every stage or of each; 1 in both releases.
    decoder_channels: width of the decoder, 4·C_1 when None.
    drop_path_rate: stochastic depth of the last block, in training; 0.3 as published.
    """

    def __init__(self, embed_dim=128, depths=(2, 2, 18, 2), num_heads=(4, 8, 16, 32),
                 window_size=12, text_channels=768, fusion_heads=1, decoder_channels=None,
                 drop_path_rate=0.):
        super().__init__()
        channels = [embed_dim * 2 ** i for i in range(4)]
        self.backbone = Backbone(
            channels, depths, num_heads, window_size, text_channels, fusion_heads, drop_path_rate)
        self.classifier = Decoder(channels, decoder_channels or 4 * embed_dim)

    def forward_with_maps(self, images, words, mask):
        """As `forward`, and the four maps (B, C_i, H_i, W_i) that the decoder reads."""
        maps = self.backbone(images, words, mask)
        logits = F.interpolate(
            self.classifier(maps), size=images.shape[2:], mode='bilinear', align_corners=True)
        return logits, maps

    def forward(self, images, words, mask):
        """Images (B, 3, H, W), words (B, L, C_text), mask (B, L) True = word -> (B, 2, H, W).

        Raises ValueError (from the instance norm) unless the last stage has two positions or
        more: the picture must be over 32 pixels high or wide.
        """
        return self.forward_with_maps(images, words, mask)[0]
