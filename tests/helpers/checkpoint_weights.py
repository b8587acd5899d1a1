"""Weights of a checkpoint that a test trained."""

import torch


def weights_of(path):
    return torch.load(path, weights_only=True)['state_dict']

