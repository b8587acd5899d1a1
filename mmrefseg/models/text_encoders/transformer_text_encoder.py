"""What the encoders around a model of the ``transformers`` library share."""

from mmengine.logging import print_log
from torch import Tensor

from ..utils import checkpointed
from ..utils.hub import load_pretrained
from .base_text_encoder import BaseTextEncoder


class TransformerTextEncoder(BaseTextEncoder):
    """Runs ``self.model``, whose weights come from ``self.pretrained``.

    A subclass sets ``model``, ``pretrained`` (None: weights of chance), ``local_files_only`` and ``with_cp``, and gives
    ``standalone_tokenizer`` and ``encode``.
    """

    def run_model(self, ids: Tensor, mask: Tensor) -> Tensor:
        """ids and mask (N, L) on the parameters' device -> the last layer's features (N, L, C)."""
        return checkpointed(self._hidden_states, ids, mask, with_cp=self.with_cp, part=self.model)

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
