"""What an exported file says of itself: all that its tensors do not."""

import json
from dataclasses import asdict, dataclass
from typing import List, Sequence, Tuple

import torch
from mmengine.config import ConfigDict

from mmrefseg.models import RefSegmentor
from mmrefseg.models.text_encoders import PieceTokenizer, WordTokenizer
from mmrefseg.version import __version__

from .errors import ExportError
from .registered_types import check_types

KEY = 'mmrefseg'  # of the metadata
FORMAT = 1
TOKENIZERS = {kind.kind: kind for kind in (PieceTokenizer, WordTokenizer)}
CONFIG_KEYS = ('default_scope', 'visualizer')  # beside the pipeline and the data preprocessor


@dataclass
class Description:
    """Travels with the exported model as JSON, in the metadata of the file.

    Attributes:
        input_size (Tuple[int, int]): (H, W) of the images.
        output_names (List[str]): Of the tensors that come out.
        align_corners (bool): Of the resizing of logits to the picture's own size.
        test_cfg (dict): See :class:`RefTestCfg`.
        tokenizer (dict): ``kind`` and what that kind's ``from_state`` takes.
        config (dict): Of the config: data preprocessor, test pipeline, visualizer.
        version (str): Of mmrefseg that wrote it.
        torch (str): Version that traced it.
        format (int): Of this description.
    """

    input_size: Tuple[int, int]
    output_names: List[str]
    align_corners: bool
    test_cfg: dict
    tokenizer: dict
    config: dict
    version: str = __version__
    torch: str = torch.__version__
    format: int = FORMAT

    @classmethod
    def of(cls, model: RefSegmentor, cfg: ConfigDict, input_size: Sequence[int],
           output_names: Sequence[str]) -> 'Description':
        """Describe a model.

        Args:
            model (RefSegmentor): The model.
            cfg (ConfigDict): The config it was built from.
            input_size (Sequence[int]): (H, W) of the images.
            output_names (Sequence[str]): Of the tensors that come out.

        Raises:
            ExportError: The text encoder's tokenizer cannot be stored, or the config holds what JSON cannot.
        """
        try:
            tokenizer = model.text_encoder.standalone_tokenizer()
        except (AttributeError, NotImplementedError) as error:
            raise ExportError(f'model.text_encoder {type(model.text_encoder).__name__} does not say how it tokenizes: '
                              'it needs standalone_tokenizer() (see BaseTextEncoder)') from error
        plain = cfg.to_dict()
        config = {key: plain[key] for key in CONFIG_KEYS if key in plain}
        config['model'] = dict(data_preprocessor=plain['model'].get('data_preprocessor'))
        config['test_dataloader'] = dict(dataset=dict(pipeline=plain['test_dataloader']['dataset']['pipeline']))
        for key in config:
            try:
                json.dumps(config[key])
            except TypeError as error:
                raise ExportError(f'{key} of the config cannot travel with an exported model: {error}') from error
        return cls(
            tuple(input_size), list(output_names), model.decode_head.align_corners, asdict(model.test_cfg),
            dict(kind=tokenizer.kind, **tokenizer.state()), config)

    def to_json(self) -> str:
        """str: What :meth:`from_json` takes."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, source: str) -> 'Description':
        """Read a description; ``source`` says in errors where it comes from.

        Raises:
            ValueError: It is of another format, or its config names what is no registered part.
        """
        values = json.loads(text)
        if values.get('format') != FORMAT:
            raise ValueError(f'{source} is of format {values.get("format")}, written by mmrefseg '
                             f'{values.get("version")}; mmrefseg {__version__} reads format {FORMAT}: export it again')
        check_types(values['config'], source)
        return cls(**dict(values, input_size=tuple(values['input_size'])))

    def build_tokenizer(self):
        """WordTokenizer or PieceTokenizer: The model's."""
        state = dict(self.tokenizer)
        return TOKENIZERS[state.pop('kind')].from_state(**state)
