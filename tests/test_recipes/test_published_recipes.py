"""What each published config builds, against the facts of its paper and release, number by number.

A row is read off the runner as it is when training begins: parameters of each part (which pin every width), what is
frozen, which dropouts are active, which batch norms stand still, heads, losses, decay groups, rates, batch, sizes.
"""

from fractions import Fraction

import pytest
from conftest import ROOT
from mmengine.config import Config
from recipe_facts import (
    build_runner,
    class_weights_of,
    dropouts_of,
    frozen_of,
    groups_of,
    heads_of,
    images_of,
    losses_of,
    parameters_of,
    rates_of,
    steps_of,
    still_norms_of,
    undecayed_of,
    write_refcoco,
)

# Swin-B and BERT as in LAVT's release: 12 layers of BERT without the pooler, 10 of them trained, embeddings not.
SWINB = {'backbone WindowMSA': (4, 8, 16, 32)}
SWINT = {'backbone WindowMSA': (3, 6, 12, 24)}
BERT = {'text_encoder BertSelfAttention': (12, )}
PATH = {'backbone path': 0.3}
BERT_SIZE, SWINB_SIZE, DARKNET_SIZE = 108891648, 86880120, 40584928
# AdamW 5e-5, decay 1e-2 on all but the backbone's norms and position biases; tensors of each part.
DECAYED, PLAIN = (5e-5, 1e-2), (5e-5, 0.)
LAVT_GROUPS = {DECAYED: dict(backbone=251, text_encoder=160, decoder=18, decode_head=2), PLAIN: dict(backbone=136)}
DICE = 'RefDiceLoss(weight=1.0, background=True)'
BCE = 'RefCrossEntropyLoss(weight=1.0)'
SADLR = f'{DICE} loss_weights=(0.15, 0.15, 0.7)'
LOCATE = 'RefCrossEntropyLoss(weight=0.1) reduction={}'
POLY = 'poly 0.9'
# Pillow's filter, as torch has it in training; Darknet-53 sees values from 0 to 1.
PILLOW, YOLO = ('torch bilinear', 'pillow bilinear'), ((0., 0., 0.), (255., 255., 255.))
TENTHS = {Fraction(39, 50): 0.1, Fraction(44, 50): 0.01, Fraction(49, 50): 0.001}  # VLT's release

# What a method's configs share, then what is each one's own.
LAVT = dict(
    parameters=dict(backbone=96099704, text_encoder=BERT_SIZE, decoder=20649984, decode_head=1026),
    frozen=dict(text_encoder=37), dropouts=PATH, still_norms={}, heads={**SWINB, 'backbone PWAM': (1, ), **BERT},
    losses=dict(MaskHead=BCE), class_weights=[0.9, 1.1], groups=LAVT_GROUPS, optimizer='AdamW', rates=POLY, batch=32,
    gpus=8, epochs=40, size=(480, 480), max_length=20, test=('input', 0.5), images=('ImageNet', False, PILLOW, True),
    align_corners=True, sentence='cls', text_field='raw')
LTS_HOST = dict(
    LAVT, parameters=dict(backbone=SWINB_SIZE, text_encoder=BERT_SIZE, fusion=4071424, decoder=12659968,
                          decode_head=1026),
    heads={**SWINB, **BERT}, losses=dict(MaskHead=DICE, LocateHead=LOCATE.format('mean')), class_weights=None,
    groups={DECAYED: dict(backbone=197, text_encoder=160, fusion=19, decoder=21, decode_head=2),
            PLAIN: dict(backbone=134)})
VLT_HOST = dict(
    LTS_HOST, parameters=dict(backbone=SWINB_SIZE, text_encoder=BERT_SIZE, fusion=13796369, decoder=9747332,
                              decode_head=1026),
    heads={**SWINB, **BERT, 'fusion MultiheadAttention': (8, )}, dropouts={'fusion 0.1': 20, **PATH},
    align_corners=False, losses=dict(MaskHead=DICE),
    groups={DECAYED: dict(backbone=197, text_encoder=160, fusion=108, decoder=17, decode_head=2),
            PLAIN: dict(backbone=134)})
# Darknet-53 keeps its weights and its 52 batch norms' statistics; Adam at 1e-3 without decay.
LTS = dict(
    parameters=dict(backbone=DARKNET_SIZE, text_encoder=2501808, fusion=4595712, decoder=12659968, decode_head=513),
    frozen=dict(backbone=156), dropouts={}, still_norms=dict(backbone=52), heads={},
    losses=dict(LTSMaskHead=BCE, LocateHead=LOCATE.format('sum')), class_weights=None,
    groups={(1e-3, 0): dict(text_encoder=9, fusion=19, decoder=21, decode_head=2)}, optimizer='Adam',
    rates={Fraction(30, 45): 0.1}, batch=18, gpus=2, epochs=45, size=(416, 416), max_length=15,
    test=('original', 0.25), images=(YOLO, False, PILLOW, True), align_corners=False, sentence='last',
    text_field='raw')
VLT = dict(
    LTS, parameters=dict(backbone=DARKNET_SIZE, text_encoder=2501808, fusion=14132241, decoder=3162788,
                         decode_head=257),
    frozen=dict(backbone=156, text_encoder=1), dropouts={'text_encoder 0.1': 1, 'fusion 0.1': 20},
    heads={'fusion MultiheadAttention': (8, )}, losses=dict(MaskHead=BCE),
    groups={(1e-3, 0): dict(text_encoder=8, fusion=108, decoder=20, decode_head=2)}, rates=TENTHS, batch=128, gpus=8,
    epochs=50, test=('original', 0.35), images=(YOLO, True, ('cv2 bicubic', ) * 2, True), sentence='mean',
    text_field='sent')
# The head number is 8 for all transformer layers; M3Att itself has one.
M3ATT = dict(
    VLT, parameters=dict(backbone=DARKNET_SIZE, text_encoder=441520, fusion=4541442, decoder=5054464, decode_head=513,
                         auxiliary_head=263680),
    dropouts={'fusion 0.1': 17, 'decoder 0.1': 2},
    heads={'fusion MultiheadAttention': (8, ), 'decoder MultiheadAttention': (8, )},
    losses=dict(MaskHead=BCE, LFRHead='loss_weight=0.1'),
    groups={(5e-3, 0): dict(text_encoder=8, fusion=124, decoder=15, decode_head=2, auxiliary_head=10)}, batch=48,
    gpus=4, test=('input', 0.5), images=LTS['images'], sentence='last', text_field='raw')
S2RM = dict(
    LAVT, parameters=dict(backbone=86880376, text_encoder=BERT_SIZE, fusion=4478980, decoder=34075776, decode_head=129),
    frozen={}, dropouts={'text_encoder 0.1': 37, **PATH}, heads={**SWINB, **BERT},
    losses=dict(MaskHead='RefDiceLoss(weight=1.0, background=False)'), class_weights=None,
    groups={DECAYED: dict(backbone=197, text_encoder=197, fusion=16, decoder=72, decode_head=2),
            PLAIN: dict(backbone=136)}, size=(512, 512), align_corners=False, sentence='mean')


def with_head(host, parameters, tensors, **losses):
    """The host with another head; what else it trains with stays."""
    groups = {key: dict(counts) for key, counts in host['groups'].items()}
    groups[DECAYED]['decode_head'] = tensors
    kept = {name: about for name, about in host['losses'].items() if name != 'MaskHead'}
    return dict(host, parameters=dict(host['parameters'], decode_head=parameters), groups=groups,
                losses={**losses, **kept}, class_weights=None)


PUBLISHED = {
    'lavt/lavt_swinb_refcoco': LAVT,
    # BERT inside the model is in training mode: 30 dropouts in the ten layers that train.
    'lavt/lavt-one_swinb_refcoco': dict(LAVT, dropouts={'text_encoder 0.1': 30, **PATH}),
    'lavt/lavt_swint_refcoco': dict(
        LAVT, heads={**SWINT, 'backbone PWAM': (1, ), **BERT},
        parameters=dict(backbone=33261690, text_encoder=BERT_SIZE, decoder=11616768, decode_head=770),
        groups={DECAYED: dict(backbone=155, text_encoder=160, decoder=18, decode_head=2), PLAIN: dict(backbone=76)}),
    'sadlr/lavt_swinb_refcoco': with_head(LAVT, 67635970, 12, SADLRHead=SADLR),
    'sadlr/lts_swinb_refcoco': with_head(LTS_HOST, 67635970, 12, SADLRHead=SADLR),
    'sadlr/vlt_swinb_refcoco': with_head(VLT_HOST, 67635970, 12, SADLRHead=SADLR),
    'cgan/lavt_swinb_refcoco': with_head(LAVT, 1779714, 32, CGAHead=f'{DICE} ila_weight=1.0'),
    'cgan/lts_swinb_refcoco': with_head(LTS_HOST, 1779714, 32, CGAHead=f'{DICE} ila_weight=1.0'),
    'cgan/vlt_swinb_refcoco': with_head(VLT_HOST, 1779714, 32, CGAHead=f'{DICE} ila_weight=1.0'),
    'lts/lts_darknet53_refcoco': LTS,
    # "The decoder has 1 layer network, 4 heads and 1024 hidden units."
    'lts/ablations/lts_darknet53_refcoco_transformer': dict(
        LTS, parameters=dict(LTS['parameters'], fusion=11951105), dropouts={'fusion 0.1': 2},
        heads={'fusion MultiheadAttention': (4, )},
        groups={(1e-3, 0): dict(text_encoder=9, fusion=38, decoder=21, decode_head=2)}),
    'lts/lts_swinb_refcoco': LTS_HOST,
    'vlt/vlt_darknet53_refcoco': VLT,
    'vlt/vlt_swinb_refcoco': VLT_HOST,
    'm3att/m3att_darknet53_refcoco': M3ATT,
    'm3att/m3att_swinb_refcoco': dict(
        M3ATT, parameters=dict(backbone=SWINB_SIZE, text_encoder=BERT_SIZE, fusion=4910594, decoder=5063680,
                               decode_head=513, auxiliary_head=394752),
        frozen=dict(text_encoder=37), still_norms={}, dropouts={'text_encoder 0.1': 30, **M3ATT['dropouts'], **PATH},
        heads={**SWINB, **BERT, **M3ATT['heads']}, size=(480, 480), max_length=17, images=LAVT['images'],
        sentence='cls',
        groups={(5e-3, 0): dict(fusion=127, decoder=15, decode_head=2, auxiliary_head=10),
                (5e-5, 0): dict(backbone=331, text_encoder=160)}),
    's2rm/s2rm-casg_swinb_refcoco': S2RM,
    's2rm/s2rm-casg_swint_refcoco': dict(
        S2RM, heads={**SWINT, **BERT},
        parameters=dict(backbone=27520698, text_encoder=BERT_SIZE, fusion=3163652, decoder=19428192, decode_head=97),
        groups={DECAYED: dict(backbone=101, text_encoder=197, fusion=16, decoder=72, decode_head=2),
                PLAIN: dict(backbone=76)}),
}


@pytest.fixture(scope='module')
def data_root(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    write_refcoco(root)
    return root


# Those whose parts and schedule are all in other rows wait for the slow suite.
LATER = ('cgan/', 'sadlr/lts', 'sadlr/vlt', 'lavt/lavt_swint', 's2rm/s2rm-casg_swinb')


@pytest.mark.parametrize('name', [
    pytest.param(name, marks=pytest.mark.slow if name.startswith(LATER) else ()) for name in PUBLISHED])
def test_the_recipe(name, data_root, tmp_path):
    """Every fact at once: a row that differs shows all that differs."""
    expected = PUBLISHED[name]
    runner = build_runner(ROOT / f'configs/{name}.py', data_root, tmp_path)
    model, loader = runner.model, runner.train_loop.dataloader
    sizes = {tuple(step.scale) for part in (runner.train_loop.dataloader, runner.test_dataloader)
             for step in part.dataset.pipeline.transforms if type(step).__name__ == 'RefResize'}
    rates = rates_of(runner)
    poly = [(1 - step / len(rates))**0.9 for step in range(len(rates))]
    found = dict(
        parameters=parameters_of(model), frozen=frozen_of(model), dropouts=dropouts_of(model),
        still_norms=still_norms_of(model), heads=heads_of(model), losses=losses_of(runner),
        class_weights=class_weights_of(runner), groups=groups_of(runner),
        optimizer=type(runner.optim_wrapper.optimizer).__name__,
        rates=POLY if rates == pytest.approx(poly, rel=1e-9) else steps_of(rates),
        batch=expected['gpus'] * loader.batch_size, gpus=expected['gpus'], epochs=runner.train_loop.max_epochs,
        size=sizes.pop(), max_length=model.text_encoder.max_length, images=images_of(runner),
        align_corners=model.decode_head.align_corners, sentence=getattr(model.text_encoder, 'sentence', None),
        text_field=loader.dataset.text_field,
        test=(model.test_cfg.eval_size, model.test_cfg.threshold))
    assert found == expected and not sizes
    assert runner.auto_scale_lr == dict(enable=False, base_batch_size=expected['batch'])
    assert loader.drop_last and loader.dataset.sample_by == 'ref'


def test_what_is_not_decayed(data_root, tmp_path):
    """LAVT's release: of the backbone, what has "norm" in its name and the position biases."""
    runner = build_runner(ROOT / 'configs/lavt/lavt_swinb_refcoco.py', data_root, tmp_path)
    names = [name for name, value in runner.model.named_parameters() if value.requires_grad]
    expected = {name for name in names if name.startswith('backbone.') and (
        'norm' in name or 'relative_position_bias_table' in name)}
    assert undecayed_of(runner) == expected
    norms = [name for name in names if name not in expected and ('.bn.' in name or 'LayerNorm' in name)]
    assert [sum(name.startswith(part) for name in norms) for part in ('decoder', 'text_encoder')] == [12, 40]


DATA_KEYS = ('type', 'split_by')


def siblings():
    """(the config on RefCOCO, the same model's on other data)."""
    for name in PUBLISHED:
        for other in ('refcoco+', 'refcocog-umd', 'refcocog-google', 'referit'):
            path = ROOT / f'configs/{name.removesuffix("refcoco")}{other}.py'
            if name.endswith('refcoco') and path.is_file():
                yield name, path.relative_to(ROOT / 'configs').as_posix()


@pytest.mark.slow
@pytest.mark.parametrize('name,other', list(siblings()))
def test_other_data_changes_data_words_and_lengths_alone(name, other):
    first, second = (Config.fromfile(ROOT / f'configs/{path}').to_dict() for path in (f'{name}.py', other))
    long = 'refcocog' in other or 'referit' in other
    expected = PUBLISHED[name]['max_length'] + 5 * (long and ('darknet53' in name or 'm3att' in name))
    assert second['model']['text_encoder']['max_length'] == expected
    for cfg in (first, second):
        cfg['model']['text_encoder'].pop('vocab', None)
        cfg['model']['text_encoder'].pop('max_length')
        cfg['model']['decoder'].pop('max_words', None)
        for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            for data_key in DATA_KEYS:
                cfg[key]['dataset'].pop(data_key, None)
        for key in ('val_evaluator', 'test_evaluator'):
            cfg[key].pop('length_groups', None)
        for key in ('dataset_type', 'filename'):
            cfg.pop(key, None)
    assert first == second
