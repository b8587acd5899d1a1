"""Words hidden as BERT hides them (Devlin et al., NAACL 2019, §3.1)."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class WordMasking:
    """How a text encoder hides words.

    Attributes:
        mask_id (int): What stands in the place of a hidden word.
        words (Tensor): (V,) int64, ascending: the ids of ordinary words. All others are special: never hidden, and
            never put in the place of a word.
    """

    mask_id: int
    words: Tensor

    def __call__(self, ids: Tensor, mask: Tensor, ratio: float) -> Tensor:
        """Hide words at random.

        Each ordinary word is chosen with the probability ``ratio``. Of the chosen 80 % become ``mask_id``, 10 % another
        word, and 10 % stay what they are.

        Args:
            ids (Tensor): (N, L) int64.
            mask (Tensor): (N, L) bool, True = a real word.
            ratio (float): From 0 to 1.

        Returns:
            Tensor: (N, L) int64, a copy.
        """
        words = self.words.to(ids.device)
        place = torch.searchsorted(words, ids).clamp(max=len(words) - 1)
        ordinary = mask & (words[place] == ids)
        # One number a word says whether it is chosen, and what becomes of it.
        draw = torch.rand(ids.shape, device=ids.device)
        hidden = ordinary & (draw < 0.8 * ratio)
        swapped = ordinary & (draw >= 0.8 * ratio) & (draw < 0.9 * ratio)
        steps = torch.randint(1, max(len(words), 2), ids.shape, device=ids.device)  # to a word that is not the same
        others = words[(place + steps) % len(words)]
        return ids.masked_fill(hidden, self.mask_id).where(~swapped, others)


def ordinary_ids(tokenizer) -> Tensor:
    """The ids (V,) of a tokenizer of transformers that it does not call special."""
    special = torch.tensor(tokenizer.all_special_ids)
    ids = torch.arange(len(tokenizer))
    return ids[~torch.isin(ids, special)]
