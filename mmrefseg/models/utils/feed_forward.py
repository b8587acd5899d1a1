"""The feed-forward part of a transformer layer."""

from torch import nn


class FeedForward(nn.Sequential):
    """Linear, ReLU, linear: (…, C) -> (…, C).

    Args:
        channels (int): C.
        hidden_channels (int): Width between the two.
    """

    def __init__(self, channels: int, hidden_channels: int) -> None:
        super().__init__(
            nn.Linear(channels, hidden_channels), nn.ReLU(inplace=True), nn.Linear(hidden_channels, channels))
        for layer in (self[0], self[2]):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
