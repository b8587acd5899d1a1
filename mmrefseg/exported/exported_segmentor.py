"""An exported model behind the interface of a segmentor."""

from typing import List, Optional, Sequence

import torch
from mmengine.model import BaseModel
from torch import Tensor

from mmrefseg.models.segmentors.expression_rows import ExpressionRows
from mmrefseg.models.segmentors.predictions import RowOutputs, fill_predictions
from mmrefseg.models.segmentors.ref_test_cfg import RefTestCfg
from mmrefseg.models.text_encoders.base_text_encoder import check_expressions
from mmrefseg.structures import RefDataSample

from .onnx_session import OnnxSession


class ExportedSegmentor(BaseModel):
    """Predicts as the :class:`RefSegmentor` that was exported, with its tokenizer, thresholds and sizes.

    The file is one graph, so that an image goes through the backbone again for every ``test_cfg.max_expressions`` of
    its expressions. Works on the CPU whatever the session's device is.

    Args:
        session (OnnxSession): The file.
    """

    def __init__(self, session: OnnxSession) -> None:
        description = session.description
        super().__init__(data_preprocessor=description.config['model']['data_preprocessor'])
        self.session = session
        self.tokenize = description.build_tokenizer()
        self.test_cfg = RefTestCfg.from_config(description.test_cfg)

    def forward(self, inputs: Tensor, data_samples: Optional[Sequence[RefDataSample]] = None,
                mode: str = 'predict') -> Sequence[RefDataSample]:
        """Fill the predictions of B samples as :meth:`RefSegmentor.predict` does.

        Args:
            inputs (Tensor): (B, 3, H, W).
            data_samples (Sequence[RefDataSample]): With their expressions.
            mode (str): 'predict'.

        Raises:
            ValueError: Another mode, no samples, or images of another size than that of the file.
        """
        description = self.session.description
        if mode != 'predict':
            raise ValueError(f'mode is {mode!r}: an exported model does nothing but predict')
        if tuple(inputs.shape[2:]) != description.input_size:
            raise ValueError(f'the images are {tuple(inputs.shape[2:])}, and the model was exported for '
                             f'{description.input_size}')
        rows = ExpressionRows.of(data_samples)
        outputs = RowOutputs.cat(self._run(inputs, rows))
        fill_predictions(data_samples, rows, outputs, inputs.shape[2:], self.test_cfg, description.align_corners)
        return data_samples

    def _run(self, inputs: Tensor, rows: ExpressionRows) -> List[RowOutputs]:
        """The outputs of at most ``test_cfg.max_expressions`` rows at once."""
        check_expressions(rows.texts)
        ids, mask = self.tokenize(rows.texts)
        text_of, image_of = torch.tensor(rows.text_of), torch.tensor(rows.image_of)
        pieces = []
        for texts, images in zip(*(index.split(self.test_cfg.max_expressions) for index in (text_of, image_of))):
            first, last = int(images[0]), int(images[-1])
            found = self.session(inputs[first:last + 1], ids[texts], mask[texts], images - first)
            values = dict(zip(self.session.description.output_names, found))
            pieces.append(RowOutputs(values['logits'][:, None], values.get('existence'), values.get('prior')))
        return pieces
