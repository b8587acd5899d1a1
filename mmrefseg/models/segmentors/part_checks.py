"""Whether the parts of a model can work together, asked when it is built."""

import inspect
from dataclasses import replace
from typing import Iterator, Optional, Sequence

import torch
from mmseg.models.backbones import SwinTransformer
from mmseg.models.decode_heads.cascade_decode_head import BaseCascadeDecodeHead
from torch import nn

from mmrefseg.structures import Gives, Reads

from ..decode_heads import ExistenceHead
from ..utils import channels_of_maps
from .heads import BaseDecodeHead, BaseRefHead, gives_existence


def check_parts(model: nn.Module) -> None:
    """Compare what each part of a segmentor reads with what the parts before it give.

    ::

        text_encoder ─────────┬───────────────────────────┬──────────────────┐ words of C channels
        backbone ─ C_1 … C_n ─┴► fusion ─ maps, queries? ─┴► decoder ─ Y ────┴► heads
                                         prior?, neck

    Parts of ours say it themselves (``reads`` and ``gives``, :class:`Reads` and :class:`Gives`). A backbone of mmseg or
    mmdet is asked with a blank image of 64x64, a neck with blank maps. What is not known is not checked.

    Args:
        model (RefSegmentor): With its parts built.

    Raises:
        ValueError: Parts do not fit: a line for every two that do not, which names both and says what lacks what.
    """
    problems = list(_problems(model))
    if len(problems) > 1:
        problems.insert(0, f'{len(problems)} things do not fit:')
    if problems:
        raise ValueError('\n'.join(problems))


def _problems(model: nn.Module) -> Iterator[str]:
    """A line for each thing that does not fit, from the backbone to the heads."""
    backbone, fusion = model.backbone, model.fusion
    if fusion is None and not getattr(backbone, 'takes_text', False):
        yield (f'nothing joins the expression with the picture: model.backbone {_type(backbone)} takes no text, so '
               'model.fusion is needed (for example PWAMFusion)')
        return
    giver, given = f'model.backbone {_type(backbone)}', _backbone_gives(backbone)
    if getattr(model.text_encoder, 'takes_image', False):
        yield from _check_looking(giver, backbone, given, model.text_encoder)
    yield from _check_text(giver, backbone, model.text_encoder)
    if fusion is not None:
        if 'image_index' not in inspect.signature(fusion.forward).parameters:
            yield (f'model.fusion {_type(fusion)} takes no image_index: forward(maps, text, image_index=None) gets B '
                   'images and N expressions, and gives N rows (mmrefseg.models.utils.expand_to_expressions)')
        yield from _check_part(f'model.fusion {_type(fusion)}', fusion, giver, given, model.text_encoder)
        giver, given = f'model.fusion {_type(fusion)}', getattr(fusion, 'gives', None)
    if model.neck is not None and given is not None:
        try:
            given = replace(given, maps=_neck_channels(model.neck, giver, given.maps), map_size=None)
        except ValueError as error:
            yield str(error)
            given = None
        giver += f' with model.neck {_type(model.neck)}'
    if model.decoder is not None:
        name = f'model.decoder {_type(model.decoder)}'
        yield from _check_part(name, model.decoder, giver, given, model.text_encoder)
        reads = getattr(model.decoder, 'reads', None)
        joined = getattr(getattr(model.decode_head, 'reads', None), 'joins_text', False)
        reads_more = reads is None or reads.joins_text or reads.queries is not None or bool(reads.prior)
        yield from _check_text_in_maps(name, joined or reads_more, giver, given)
    yield from _check_heads(model, giver, given)


def _check_heads(model: nn.Module, giver: str, given: Optional[Gives]) -> Iterator[str]:
    if model.existence_head is not None and gives_existence(model.decode_head):
        yield (f'model.decode_head {_type(model.decode_head)} says itself whether there is an object, and so does '
               f'model.existence_head {_type(model.existence_head)}: leave the latter out')
    existence = [] if model.existence_head is None else [('existence_head', model.existence_head)]
    auxiliary = [('auxiliary_head', head) for head in model.auxiliary_head]
    for key, head in (('decode_head', model.decode_head), *existence, *auxiliary):
        name = f'model.{key} {_type(head)}'
        wrong = [*_check_existence(name, key, head), *_check_head(name, head, model.decoder)]
        yield from wrong
        if wrong:
            continue  # what it reads tells nothing more
        yield from _check_part(name, head, giver, given, model.text_encoder)
        if isinstance(head, BaseDecodeHead):
            if model.decoder is not None and head is model.decode_head:
                decoder = f'model.decoder {_type(model.decoder)}'
                yield from _check_mmseg_inputs(name, head, decoder, (model.decoder.out_channels, ))
            elif given is not None:
                yield from _check_mmseg_inputs(name, head, giver, given.maps)
                yield from _check_text_in_maps(name, False, giver, given)


def _type(part: nn.Module) -> str:
    return type(part).__name__


def _backbone_gives(backbone: nn.Module) -> Optional[Gives]:
    """Levels of a backbone as it says, or as it makes them of a blank image; None: not known."""
    if hasattr(backbone, 'gives'):
        return backbone.gives
    if isinstance(backbone, SwinTransformer):  # it knows, and with absolute positions takes images of one size only
        return Gives(maps=tuple(backbone.num_features[index] for index in backbone.out_indices))
    weight = next(backbone.parameters(), torch.empty(0))
    try:
        return Gives(maps=channels_of_maps(backbone, weight.new_zeros(1, 3, 64, 64)))
    except Exception:  # made for one size, or what it gives is no maps: the first batch will tell
        return None


def _neck_channels(neck: nn.Module, giver: str, channels: Sequence[int]) -> Sequence[int]:
    weight = next(neck.parameters(), torch.empty(0))
    blank = tuple(weight.new_zeros(1, width, *2 * [max(1, 32 >> level)]) for level, width in enumerate(channels))
    try:
        return channels_of_maps(neck, blank)
    except (AssertionError, IndexError, RuntimeError) as error:
        raise ValueError(f'model.neck {_type(neck)} cannot take the {_levels(channels)} that {giver} gives: '
                         f'{error}') from error


def _check_part(name: str, part: nn.Module, giver: str, given: Optional[Gives],
                text_encoder: nn.Module) -> Iterator[str]:
    yield from _check_text(name, part, text_encoder)
    reads = getattr(part, 'reads', Reads())
    if given is None:
        return
    if reads.queries is not None:
        yield from _check_queries(name, reads, giver, given, text_encoder)
    if reads.prior is not None and reads.prior != given.prior:
        wanted = ('is set to read no prior (with_prior=False)', 'gives one')
        if reads.prior:
            wanted = ('needs a prior', 'gives none (fusion.locator of LTSFusion or CMPCFusion makes one)')
        yield f'{name} {wanted[0]}, but {giver} {wanted[1]}'
    if reads.maps is not None and tuple(reads.maps) != tuple(given.maps):
        hint = '' if len(reads.maps) == len(given.maps) else ' (out_indices of the backbone chooses levels)'
        yield f'{name} takes {_levels(reads.maps)}, but {giver} gives {_levels(given.maps)}{hint}'
    if reads.last_map is not None and reads.last_map != given.maps[-1]:
        yield f'{name} takes a last level of {reads.last_map} channels, but {giver} gives one of {given.maps[-1]}'
    if None not in (reads.map_size, given.map_size) and tuple(reads.map_size) != tuple(given.map_size):
        yield (f'{name} is made for maps of {_cells(reads.map_size)} cells (feature_size), but {giver} is made for '
               f'{_cells(given.map_size)}: --cfg-options input_size=… sets the size of all')


def _check_text(name: str, part: nn.Module, text_encoder: nn.Module) -> Iterator[str]:
    reads = getattr(part, 'reads', Reads())
    width = getattr(text_encoder, 'out_channels', None)
    if None not in (reads.text, width) and reads.text != width:
        yield (f'{name} takes words of {reads.text} channels (text_channels), but model.text_encoder '
               f'{_type(text_encoder)} gives words of {width} channels')
    if reads.fixed_length and not getattr(text_encoder, 'fixed_length', False):
        yield (f'{name} reads padded words, so every expression needs as many: model.text_encoder '
               f'{_type(text_encoder)} needs fixed_length=True')
    width = getattr(text_encoder, 'sentence_channels', None)
    if None not in (reads.sentence, width) and reads.sentence != width:
        yield (f'{name} takes a sentence of {reads.sentence} channels, but model.text_encoder {_type(text_encoder)} '
               f'gives one of {width} channels')


def _check_looking(giver: str, backbone: nn.Module, given: Optional[Gives], text_encoder: nn.Module) -> Iterator[str]:
    """Whether a text encoder that looks at the image can: the maps are there before the words, and as wide."""
    name = f'model.text_encoder {_type(text_encoder)}'
    if getattr(backbone, 'takes_text', False):
        yield f'{name} looks at the maps of the backbone, but {giver} needs the words to make them'
    elif given is not None and text_encoder.reads.last_map != given.maps[-1]:
        yield (f'{name} looks at a last level of {text_encoder.reads.last_map} channels (image_channels), but {giver} '
               f'gives one of {given.maps[-1]}')


def _check_text_in_maps(name: str, reads_more: bool, giver: str, given: Optional[Gives]) -> Iterator[str]:
    if given is not None and not given.text_in_maps and not reads_more:
        found = next((f'in its {where}' for where in ('queries', 'prior') if getattr(given, where)), 'nowhere')
        yield f'{name} reads maps alone, but {giver} gives maps of the picture alone: the expression is {found}'


def _check_queries(name: str, reads: Reads, giver: str, given: Gives, text_encoder: nn.Module) -> Iterator[str]:
    if given.queries is None:
        yield f'{name} reads queries, but {giver} gives none (VLTFusion and M3Dec do)'
        return
    if reads.queries != given.queries:
        yield (f'{name} reads queries of {reads.queries} channels, but {giver} gives queries of {given.queries} '
               'channels')
    most = given.num_queries or getattr(text_encoder, 'max_length', None)
    found = str(most) if given.num_queries else f'one a word, up to text_encoder.max_length {most}'
    if reads.word_queries and given.num_queries is not None:
        yield f'{name} reads one query a word, but {giver} gives {found}'
    elif reads.num_queries is not None and reads.num_queries != given.num_queries:
        yield f'{name} reads {reads.num_queries} queries, but {giver} gives {found}'
    elif None not in (reads.max_queries, most) and reads.max_queries < most:
        yield f'{name} reads at most {reads.max_queries} queries, but {giver} gives {found}'


def _check_head(name: str, head: nn.Module, decoder: Optional[nn.Module]) -> Iterator[str]:
    """Check what is the head's own: that it is one, and Y."""
    if isinstance(head, BaseRefHead):
        if head.in_channels is None:
            return  # does not read Y
        if decoder is None:
            makes = 'turns one map Y into masks'
            if isinstance(head, ExistenceHead):
                makes = 'reads Y (from_maps=True: the coarsest fused map)'
            yield f'{name} {makes}, so model.decoder is needed (for example LAVTDecoder)'
        elif decoder.out_channels != head.in_channels:
            yield (f'{name} has in_channels {head.in_channels}, but model.decoder {_type(decoder)} gives Y of '
                   f'{decoder.out_channels} channels')
    elif not isinstance(head, BaseDecodeHead) or isinstance(head, BaseCascadeDecodeHead):
        yield (f'{name} is neither a head of mmrefseg nor a BaseDecodeHead of mmseg that makes logits from maps alone')
    elif head.out_channels not in (1, 2):
        yield f'{name} has {head.out_channels} classes, expected num_classes=2: background and object'


def _check_existence(name: str, key: str, head: nn.Module) -> Iterator[str]:
    """The head that gives no mask and is there at inference has a place of its own."""
    if isinstance(head, ExistenceHead) != (key == 'existence_head'):
        found = 'gives no mask and is needed at inference' if key != 'existence_head' else 'is no ExistenceHead'
        yield f'{name} {found}: an ExistenceHead, and nothing else, belongs in model.existence_head'


def _check_mmseg_inputs(name: str, head: BaseDecodeHead, giver: str, channels: Sequence[int]) -> Iterator[str]:
    """Whether the levels that a head of mmseg chooses are there and as wide as it takes them."""
    indices = [head.in_index] if isinstance(head.in_index, int) else list(head.in_index)
    if not all(-len(channels) <= index < len(channels) for index in indices):
        yield f'{name} has in_index {head.in_index}, but {giver} gives {_levels(channels)}'
        return
    chosen = [channels[index] for index in indices]
    wanted = [head.in_channels] if isinstance(head.in_channels, int) else list(head.in_channels)
    if head.input_transform == 'resize_concat':
        chosen = [sum(chosen)]
    if wanted != chosen:
        yield (f'{name} takes {_levels(wanted)} (in_index {head.in_index}), but {giver} gives {_levels(chosen)} '
               'there')


def _levels(channels: Sequence[int]) -> str:
    """For example "4 levels of 8, 16, 32, 64 channels"."""
    return f'{len(channels)} level{"s" * (len(channels) > 1)} of {", ".join(map(str, channels))} channels'


def _cells(size: Sequence[int]) -> str:
    """For example "26x26"."""
    return 'x'.join(map(str, size))
