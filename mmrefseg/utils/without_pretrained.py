"""Random weights of the same architecture, where the weights do not matter."""

import copy

from mmengine.config import ConfigDict


def without_pretrained(model: ConfigDict) -> ConfigDict:
    """A model config that builds without any download: for counting, benchmarks and tests.

    ``init_cfg`` and ``pretrained`` of the backbone go; BERT-base by its hub name becomes a random BERT-base
    with a vocabulary of a few words (the number of its embeddings stays), CLIP's text tower a random one of its size
    that reads letters. A vocabulary in a file becomes two words: the vectors of the others are not counted.

    Args:
        model (ConfigDict): ``cfg.model``; it is not changed.

    Returns:
        ConfigDict: The config to build.
    """
    model = copy.deepcopy(model)
    for part in (model, model.backbone):
        part.pop('pretrained', None)
        part.pop('init_cfg', None)
    if str(model.text_encoder.get('pretrained', '')).startswith('bert-base'):
        model.text_encoder.update(
            pretrained=None,
            config=dict(model_type='bert', vocab_size=30522),
            tokenizer=['a', 'the', 'man', 'woman', 'left', 'right', 'red'])
    elif isinstance(model.text_encoder.get('vocab'), str):
        model.text_encoder.vocab = ['a', 'man']
    elif model.text_encoder.type.split('.')[-1] == 'CLIPTextEncoder' and model.text_encoder.get('pretrained'):
        whole = model.text_encoder.get('config') or dict(model_type='clip_text_model')
        model.text_encoder.update(pretrained=None, config=dict(whole, vocab_size=49408), tokenizer=[])
    return model
