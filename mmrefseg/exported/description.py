"""Description inside an exported file: all that its tensors do not say."""

import json
from dataclasses import asdict, dataclass
from typing import List, Sequence, Tuple

import torch
from mmengine.config import ConfigDict

from mmrefseg.models import RefSegmentor
from mmrefseg.models.segmentors.ref_test_cfg import RefTestCfg
from mmrefseg.models.text_encoders import PieceTokenizer, WordTokenizer
from mmrefseg.utils.json_object import json_object
from mmrefseg.version import __version__

from .allowed_types import safe_config
from .errors import ExportError

KEY = 'mmrefseg'  # of the metadata
FORMAT = 1
TOKENIZERS = {kind.kind: kind for kind in (PieceTokenizer, WordTokenizer)}


@dataclass
class FileDescription:
    """Travels with the exported model as JSON, in the metadata of the file.

    Attributes:
        input_size (Tuple[int, int]): (H, W) of the images.
        output_names (List[str]): Of the tensors that come out.
        align_corners (bool): Of the resizing of logits to the image's own size.
        test_cfg (dict): See :class:`RefTestCfg`.
        tokenizer (dict): ``kind`` and what that kind's ``from_state`` takes.
        config (dict): Of the config: data preprocessor, test pipeline, visualizer; see :func:`safe_config`.
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
           output_names: Sequence[str]) -> 'FileDescription':
        """Describe a model.

        Args:
            model (RefSegmentor): The model.
            cfg (ConfigDict): The config it was built from.
            input_size (Sequence[int]): (H, W) of the images.
            output_names (Sequence[str]): Of the tensors that come out.

        Raises:
            ExportError: The text encoder's tokenizer cannot be stored, or the config holds what JSON cannot, or a type
                that is not in :data:`ALLOWED_TYPES`.
        """
        try:
            tokenizer = model.text_encoder.standalone_tokenizer()
        except (AttributeError, NotImplementedError) as error:
            raise ExportError(f'model.text_encoder {type(model.text_encoder).__name__} does not say how it tokenizes: '
                              'it needs standalone_tokenizer() (see BaseTextEncoder)') from error
        try:
            config = safe_config(cfg.to_dict())
        except ValueError as error:
            raise ExportError(f'the config cannot travel with an exported model: {error}') from error
        for key, part in config.items():
            try:
                json.dumps(part)
            except TypeError as error:
                raise ExportError(f'{key} of the config cannot travel with an exported model: {error}') from error
        return cls(
            tuple(input_size), list(output_names), model.decode_head.align_corners, asdict(model.test_cfg),
            dict(kind=tokenizer.kind, **tokenizer.state()), config)

    def to_json(self) -> str:
        """str: What :meth:`from_json` takes."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, source: str) -> 'FileDescription':
        """Read a description; ``source`` says in errors where it comes from.

        Raises:
            ValueError: It is no such description, of another format, or its config names a type that is not in
                :data:`ALLOWED_TYPES`.
        """
        values = json_object(text, f'the metadata {KEY!r} of {source}')
        if values.get('format') != FORMAT:
            raise ValueError(f'{source} is of format {values.get("format")}, written by mmrefseg '
                             f'{values.get("version")}; mmrefseg {__version__} reads format {FORMAT}: export it again')
        try:
            description = cls(
                **dict(values, input_size=tuple(values['input_size']), config=safe_config(values['config'])))
            RefTestCfg.from_config(description.test_cfg)
            description.build_tokenizer()
        except ValueError as error:
            raise ValueError(f'{source}: {error}') from error
        except Exception as error:  # tokenizers raises nothing more special
            raise ValueError(f'{source} does not describe itself as mmrefseg writes it: {error!r}') from error
        return description

    def build_tokenizer(self):
        """Make the model's tokenizer.

        Returns:
            WordTokenizer or PieceTokenizer: Expressions to ids.

        Raises:
            ValueError: The words are no list.
        """
        state = dict(self.tokenizer)
        if isinstance(state.get('words'), str):
            raise ValueError(f'the tokenizer has the words {state["words"]!r}: expected a list, not a file of them')
        return TOKENIZERS[state.pop('kind')].from_state(**state)
