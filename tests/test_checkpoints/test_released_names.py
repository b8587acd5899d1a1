"""Names as authors write them: what a file was trained on, and how large its model is."""

import pytest

from mmrefseg.apis import list_released_models, list_zoo_models, zoo_models
from mmrefseg.checkpoints.released_names import traits_of, with_traits


@pytest.mark.parametrize('name, data, size', [
    ('refcoco/DETRIS_base.pth', 'refcoco', 'base'),
    ('DETRIS-L-refcoco+.pth', 'refcoco+', 'large'),
    ('detris_b_refcoco_plus.pth', 'refcoco+', 'base'),
    ('refcocop_vitb.pth', 'refcoco+', 'base'),
    ('refcocog_u/best_model_large.pth', 'refcocog-umd', 'large'),
    ('G-Ref (val(g)) B.pth', 'refcocog-google', None),
    ('gref_umd.pth', 'refcocog-umd', None),
    ('refcocog-google/base/best.pth', 'refcocog-google', 'base'),
    ('DETRIS_large_mixed_refcoco_refcoco+_refcocog.pth', 'mixed', 'large'),
    ('combined.pth', 'mixed', None),
    ('refcoco.pth', 'refcoco', None),
    ('refcocog.pth', None, None),
    ('README.md', None, None)])
def test_names(name, data, size):
    assert traits_of(name) == {key: value for key, value in dict(data=data, size=size).items() if value}


def test_only_weights_are_taken():
    fits = with_traits('data=refcoco')
    assert fits('refcoco.pth') and not fits('refcoco.yaml') and not fits('refcoco+.pth')


def test_every_address_of_the_zoo_asks_for_what_its_config_is():
    released = list_released_models()
    assert len(released) == 14 and not set(released) & set(list_zoo_models())
    for name in released:
        address = zoo_models()[name].weights
        data = address.split('data=')[1].split('&')[0]
        assert name.endswith(f'refcoco-{data}' if data == 'mixed' else f'_{data}')
        if 'detris' in name:
            assert address.endswith('size=large' if 'dinov2l' in name else 'size=base')
            assert address.startswith('hf://thuteam/DETRIS?')
