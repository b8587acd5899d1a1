"""Base of the encoders around a model of the ``transformers`` library."""

from typing import Tuple

from mmengine.logging import print_log
from torch import Tensor

from ..utils import checkpointed
from ..utils.hub import load_pretrained
from .base_text_encoder import BaseTextEncoder
from .trainable_layers import evaluate_frozen


class TransformerTextEncoder(BaseTextEncoder):
    """Runs ``self.model``, whose weights come from ``self.pretrained``.

    A subclass sets ``model``, ``pretrained`` (None: weights of chance), ``local_files_only`` and ``with_cp``, and gives
    ``standalone_tokenizer`` and ``encode``. With ``dropout`` False the model stays in eval mode while it trains; layers
    that do not train always do.
    """

    dropout = True

    def train(self, mode: bool = True) -> 'TransformerTextEncoder':
        """Switch to training or evaluation, all but what is to drop nothing."""
        super().train(mode)
        if mode and not self.dropout:
            self.model.eval()
        elif mode:
            evaluate_frozen(self.model)
        return self

    def run_model(self, ids: Tensor, mask: Tensor) -> Tuple[Tensor, Tensor]:
        """ids and mask (N, L) on any device -> the last layer's features (N, L, C) and the mask, on the parameters'."""
        ids, mask = (values.to(self.device, non_blocking=True) for values in (ids, mask))
        return checkpointed(self._hidden_states, ids, mask, with_cp=self.with_cp, part=self.model), mask

    def _hidden_states(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.model(input_ids=ids, attention_mask=mask.long()).last_hidden_state

    def load_pretrained(self) -> None:
        """Load the weights of ``pretrained``.

        Raises:
            OSError: They cannot be read.
            ValueError: They lack some of the model's weights: another architecture.
        """
        if self.pretrained is None:
            return
        count = load_pretrained(self.model, self.pretrained, 'text_encoder', self.local_files_only)
        print_log(f'{type(self).__name__}: {count} weights from {self.pretrained}.', logger='current')
