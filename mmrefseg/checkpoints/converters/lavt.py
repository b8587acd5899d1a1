"""Official LAVT checkpoints, both releases.

The first release keeps BERT beside the model (``bert_model``), ``lavt_one`` inside it (``text_encoder.``).
"""

import re
from typing import Dict, List, Tuple, Union

from torch import Tensor

from .converted import Converted, OfficialFormatError, bare
from .names import LAVT_LAST_GATE, LAVT_SWIN_RENAMES, to_unfold_order, under

FAMILY = 'LAVT'
CONFIG = 'lavt/lavt_swinb_refcoco'

# (official name, ours), tried in order.
RENAMES = [
    *under('backbone.', 'backbone.', LAVT_SWIN_RENAMES),
    (r'classifier\.conv1_1\.(.+)', r'decode_head.classifier.\1'),
    # The suffix says which level is fused from above: 4 (F_4 with F_3) is our stage 2.
    (r'classifier\.conv([12])_([234])\.(.+)', r'decoder.stages.{stage}.{step}.conv.\3'),
    (r'classifier\.bn([12])_([234])\.(.+)', r'decoder.stages.{stage}.{step}.bn.\3'),
    (r'text_encoder\.(.+)', r'text_encoder.model.\1'),
]
# What has no use here: the pooler LAVT never calls, and a buffer that older transformers saved.
UNUSED = re.compile(r'text_encoder\.(pooler\..+|embeddings\.position_ids)')
LAST_GATE = re.compile(rf'backbone\.{LAVT_LAST_GATE}')


def recognises(checkpoint: dict) -> bool:
    """Whether a checkpoint is of this family: PWAM's projections inside a Swin backbone, LAVT's own classifier.

    Args:
        checkpoint (dict): What the file holds.
    """
    model = checkpoint.get('model')
    names = bare(model) if isinstance(model, dict) else {}
    return ('backbone.layers.0.fusion.image_lang_att.f_query.0.weight' in names
            and 'classifier.conv1_1.weight' in names)


def convert(checkpoint: dict) -> Converted:
    """Convert an official checkpoint.

    Args:
        checkpoint (dict): What the file holds.

    Returns:
        Converted: With ``unknown`` names where the file holds more than the releases do, and the heads of PWAM as an
        option where its training arguments say other than one.

    Raises:
        OfficialFormatError: There is no ``model`` in it, or its arguments name no heads that LAVT could have.
    """
    weights = official_weights(checkpoint)
    converted, dropped, unknown = rename(weights)
    heads = fusion_heads(checkpoint.get('args'))
    options = {} if heads == 1 else {'model.backbone.fusion_heads': heads}
    return Converted(FAMILY, converted, CONFIG, options=options, left_out=dropped, unknown=unknown)


def fusion_heads(args: object) -> Union[int, List[int]]:
    """Heads of PWAM by the training arguments that an official checkpoint holds.

    No weight tells them: the projections are as wide whatever the number of heads. Both releases have one, unless
    ``--mha`` gave a number a stage ("1-2-4-8").

    Args:
        args (Namespace | dict, optional): The checkpoint's ``args``.

    Returns:
        int | list[int]: Of every stage, or of each.

    Raises:
        OfficialFormatError: ``args.mha`` is no numbers.
    """
    mha = args.get('mha') if isinstance(args, dict) else getattr(args, 'mha', None)
    if not mha:
        return 1
    try:
        heads = [int(number) for number in str(mha).split('-')]
    except ValueError:
        heads = []
    if len(heads) not in (1, 4) or min(heads, default=0) < 1:
        raise OfficialFormatError(f"args.mha of the official LAVT checkpoint is {mha!r}, expected a number of heads "
                                  "for each of the four stages, such as '1-2-4-8'")
    return heads[0] if len(set(heads)) == 1 else heads


def official_weights(checkpoint: dict) -> Dict[str, Tensor]:
    """All weights of an official checkpoint by their official names, BERT's under ``text_encoder.``.

    Raises:
        OfficialFormatError: There is no ``model`` in the checkpoint.
    """
    if 'model' not in checkpoint:
        raise OfficialFormatError("no official LAVT checkpoint: expected the key 'model' (and 'bert_model' in the "
                                  f'first release), found {sorted(checkpoint)[:10]}')
    weights = bare(checkpoint['model'])
    for name, value in bare(checkpoint.get('bert_model', {})).items():
        weights[f'text_encoder.{name}'] = value
    return weights


def rename(weights: Dict[str, Tensor]) -> Tuple[Dict[str, Tensor], List[str], List[str]]:
    """Official names and layouts -> ours.

    Args:
        weights (dict): Of :func:`official_weights`.

    Returns:
        tuple: Our state dict, the names left out on purpose, the names nobody knows.
    """
    converted, dropped, unknown = {}, [], []
    for name, value in weights.items():
        if LAST_GATE.fullmatch(name) or UNUSED.fullmatch(name):
            dropped.append(name)
            continue
        for pattern, ours in RENAMES:
            match = re.fullmatch(pattern, name)
            if match:
                if '{stage}' in ours:
                    ours = ours.format(stage=int(match[2]) - 2, step=int(match[1]) - 1)
                converted[match.expand(ours)] = to_unfold_order(name, value)
                break
        else:
            unknown.append(name)
    return converted, dropped, unknown
