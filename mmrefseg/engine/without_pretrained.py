"""Random weights of the same architecture, where the weights do not matter."""

from mmengine.config import ConfigDict


def without_pretrained(model: ConfigDict) -> ConfigDict:
    """A model config that builds without any download: for counting, benchmarks and tests.

    The backbone's ``init_cfg`` and ``pretrained`` go; BERT-base by its hub name becomes a random BERT-base
    with a vocabulary of a few words (the number of its embeddings stays).

    Args:
        model (ConfigDict): ``cfg.model``; it is not changed.

    Returns:
        ConfigDict: The config to build.
    """
    model = ConfigDict(model)
    model.backbone = ConfigDict(
        {key: value for key, value in model.backbone.items() if key not in ('init_cfg', 'pretrained')})
    if str(model.text_encoder.get('pretrained', '')).startswith('bert-base'):
        model.text_encoder = ConfigDict(
            model.text_encoder, pretrained=None, config=dict(model_type='bert', vocab_size=30522),
            tokenizer=['a', 'the', 'man', 'woman', 'left', 'right', 'red'])
    return model
