"""CMPC's formulas (CVPR 2020, as released), written out word by word and cell by cell."""

import math

import pytest
import torch
from conftest import ROOT
from fusion_inputs import assert_grouped_equals_single, idle_parameters, make_text, pad_more
from torch.nn.functional import interpolate
from torch.utils.flop_counter import FlopCounterMode

from mmrefseg.models import (
    CMPCFusion,
    ConvLSTM,
    EntityPerception,
    LevelHead,
    MaskHead,
    RelationGraph,
    TextGuidedExchange,
    WordTypes,
)
from mmrefseg.models.fusion.word_types import ATTRIBUTE, ENTITY, RELATION, words_of
from mmrefseg.models.utils import coordinate_map
from mmrefseg.structures import MultiModalFeatures, TextFeatures

IN_CHANNELS, SIZES, TEXT, CHANNELS, OUT = [3, 4, 5], [(4, 6), (2, 3), (1, 2)], 7, 6, 4
LENGTHS = [4, 2, 1]
FILES = ('word_types', 'entity_perception', 'relation_graph', 'text_guided_exchange', 'conv_lstm', 'cmpc_fusion')


def make_fusion(**kwargs):
    torch.manual_seed(0)
    return CMPCFusion(**{**dict(in_channels=IN_CHANNELS, text_channels=TEXT, feature_size=SIZES[0], channels=CHANNELS,
                                out_channels=OUT, num_branches=2), **kwargs})


def make_maps(images=2):
    torch.manual_seed(1)
    return [torch.randn(images, channels, *size) for channels, size in zip(IN_CHANNELS, SIZES)]


def texts(lengths=LENGTHS):
    torch.manual_seed(2)
    return make_text(lengths, TEXT)


def unit(vector):
    return vector / vector.square().sum().sqrt().clamp(min=1e-6)


def each_cell(maps, function):
    """A function of one cell's channels, at every cell of a map (C, H, W)."""
    return torch.stack([torch.stack([function(maps[:, y, x], y, x) for x in range(maps.shape[2])])
                        for y in range(maps.shape[1])]).permute(2, 0, 1)


def layer_norm(norm, x):
    """Over all cells and channels of (C, H, W)."""
    scaled = (x - x.mean()) / (x.var(unbiased=False) + norm.eps).sqrt()
    return scaled * norm.weight[:, None, None] + norm.bias[:, None, None]


def pixelwise(conv, x):
    """A 1x1 convolution on one cell."""
    value = conv.weight.flatten(1) @ x
    return value if conv.bias is None else value + conv.bias


def test_word_types():
    module, text = WordTypes(TEXT), texts()
    types = module(text)
    assert types.shape == (3, 4, 4) and not types[~text.mask].any()
    for row, length in enumerate(LENGTHS):
        for t in range(length):
            scores = module.output(torch.relu(module.hidden(text.words[row, t])))
            expected = [math.exp(score) for score in scores.tolist()]
            torch.testing.assert_close(types[row, t], torch.tensor(expected) / sum(expected))
        entity = unit(sum(types[row, t, ENTITY] * text.words[row, t] + types[row, t, ATTRIBUTE] * text.words[row, t]
                          for t in range(length)))
        torch.testing.assert_close(words_of(text, types, (ENTITY, ATTRIBUTE))[row], entity)


def literal_entities(module, visual, words):
    """V (C, H, W), q (C_t,) -> M."""
    place = coordinate_map(*visual.shape[1:])
    channels = len(visual)

    def fuse(cell, y, x):
        total = 0
        for branch in range(module.num_branches):
            rows = slice(branch * channels, (branch + 1) * channels)
            seen = module.visual.weight[rows].flatten(1) @ torch.cat([cell, place[:, y, x]]) + module.visual.bias[rows]
            total = total + seen.tanh() * (module.words.weight[rows] @ words + module.words.bias[rows]).tanh()
        return unit(total.tanh())

    return each_cell(visual, fuse)


def test_entity_perception():
    module = EntityPerception(CHANNELS, TEXT, num_branches=3)
    visual, words, image_index = torch.randn(2, CHANNELS, 2, 3), torch.randn(3, TEXT), torch.tensor([1, 0, 1])
    fused = module(visual, words, image_index)
    for row, image in enumerate(image_index):
        torch.testing.assert_close(fused[row], literal_entities(module, visual[image], words[row]))


def literal_graph(module, entities, words, relations):
    """M (C, H, W), the real words (L, C_t) and p^rel (L,) -> A (HW, HW) and M~ (C, H, W)."""
    cells = entities.flatten(1).t()
    affinity = module.node(cells) @ module.word(words).t() / math.sqrt(cells.shape[1]) * relations
    adjacency = affinity.softmax(dim=1) @ affinity.softmax(dim=0).t()
    messages = (adjacency @ cells).t().unflatten(1, entities.shape[1:])
    joined = torch.relu(entities + layer_norm(module.message_norm, messages))
    updated = each_cell(joined, lambda cell, y, x: pixelwise(module.update, cell))
    return adjacency, each_cell(torch.relu(layer_norm(module.update_norm, updated)), lambda cell, y, x: unit(cell))


def test_relation_graph_in_factors_is_the_graph():
    torch.manual_seed(0)
    module, text = RelationGraph(CHANNELS, TEXT), texts()
    entities, relations = torch.randn(3, CHANNELS, 2, 3), torch.rand(3, 4)
    for norm in (module.message_norm, module.update_norm):
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    reasoned = module(entities, text, relations)
    gathers, hands_out = module.edges(entities.flatten(2), text, relations)
    for row, length in enumerate(LENGTHS):
        adjacency, expected = literal_graph(module, entities[row], text.words[row, :length], relations[row, :length])
        torch.testing.assert_close(adjacency.sum(dim=1), torch.ones(6))
        torch.testing.assert_close(hands_out[row].t() @ gathers[row], adjacency)
        torch.testing.assert_close(reasoned[row], expected, atol=1e-5, rtol=1e-4)


def literal_exchange(module, levels, sentence):
    """Three levels (C, H, W) and s (C_t,) -> the levels after a round."""
    after = []
    for k, (own, part) in enumerate(zip(levels, module.levels)):
        cells = own.flatten(1).t()
        scores = torch.stack([(part.key.weight @ cell) @ part.query(sentence) for cell in cells])
        seen = (scores / math.sqrt(len(own))).softmax(dim=0) @ cells
        gathered = unit(part.context(torch.cat([seen, sentence])))
        total = own
        others = [j for j in range(3) if j != k]
        for j, take, gate in zip(others, part.taken, part.gates):
            taken = each_cell(levels[j], lambda cell, y, x, take=take: torch.relu(pixelwise(take, cell)))
            total = total + taken * gate(gathered).sigmoid()[:, None, None]
        after.append(each_cell(total, lambda cell, y, x: unit(cell)))
    return after


def test_text_guided_exchange():
    torch.manual_seed(0)
    module, sentence = TextGuidedExchange(OUT, TEXT), torch.randn(2, TEXT)
    levels = [torch.randn(2, OUT, 2, 3) for _ in range(3)]
    exchanged = module(levels, sentence)
    for row in range(2):
        for found, expected in zip(exchanged, literal_exchange(module, [level[row] for level in levels],
                                                               sentence[row])):
            torch.testing.assert_close(found[row], expected, atol=1e-5, rtol=1e-4)


def literal_step(module, x, h, c):
    """One step of one expression, (C, H, W) each."""
    j, i, f, o = each_cell(torch.cat([x, h]), lambda cell, *_: pixelwise(module.gates, cell)).chunk(4)
    i = layer_norm(module.norms['i'], i + module.peepholes['i'] * c)
    f = layer_norm(module.norms['f'], f + module.peepholes['f'] * c)
    c = c * torch.sigmoid(f + 1) + torch.sigmoid(i) * torch.tanh(layer_norm(module.norms['j'], j))
    o = layer_norm(module.norms['o'], o + module.peepholes['o'] * c)
    c = layer_norm(module.norms['c'], c)
    return torch.sigmoid(o) * torch.tanh(c), c


def test_a_step_of_the_conv_lstm_by_hand():
    torch.manual_seed(0)
    module = ConvLSTM(OUT, (2, 3))
    x, h, c = (torch.randn(2, OUT, 2, 3) for _ in range(3))
    hidden, cell = module.step(x, h, c)
    for row in range(2):
        expected = literal_step(module, x[row], h[row], c[row])
        torch.testing.assert_close((hidden[row], cell[row]), expected, atol=1e-5, rtol=1e-4)
    states = torch.zeros_like(h), torch.zeros_like(c)
    for level in (x, h, c):
        states = module.step(level, *states)
    assert torch.equal(module([x, h, c]), states[0])


def literal_fusion(fusion, maps, words):
    """Y_3, Y_4, Y_5 and F of one image, maps (C_i, H_i, W_i), and the real words (L, C_t) of one expression."""
    words = torch.stack([unit(word) for word in words])
    types = fusion.word_types.output(torch.relu(fusion.word_types.hidden(words))).softmax(dim=1)
    spoken = unit(((types[:, ENTITY] + types[:, ATTRIBUTE])[:, None] * words).sum(0))
    sentence = unit(((1 - types[:, 3])[:, None] * words).sum(0))
    levels = []
    for part, image_map in zip(fusion.levels, maps):
        lateral = each_cell(image_map, lambda cell, *_, part=part: pixelwise(part.lateral, cell))
        lateral = interpolate(lateral[None], size=SIZES[0], mode='bilinear', align_corners=False)[0]
        entities = literal_entities(part.entities, each_cell(lateral, lambda cell, *_: unit(cell)), spoken)
        _, related = literal_graph(part.relations, entities, words, types[:, RELATION])
        # W_f reads [M; M~; q; O]
        weight = part.join.weight.flatten(1)
        weight = torch.cat([weight[:, :2 * CHANNELS], part.join_words.weight, weight[:, 2 * CHANNELS:]], dim=1)
        tiled = spoken[:, None, None].expand(-1, *SIZES[0])
        joined = torch.cat([entities, related, tiled, coordinate_map(*SIZES[0])])
        levels.append(each_cell(joined, lambda cell, *_, part=part, weight=weight: torch.relu(
            weight @ cell + part.join.bias)))
    for exchange in fusion.exchanges:
        levels = literal_exchange(exchange, levels, sentence)
    hidden = cell = torch.zeros(OUT, *SIZES[0])
    for level in levels:
        hidden, cell = literal_step(fusion.conv_lstm, level, hidden, cell)
    return [*levels, hidden]


@pytest.mark.parametrize('num_rounds', [0, 2])
def test_equals_the_formulas(num_rounds):
    fusion, maps, text = make_fusion(num_rounds=num_rounds), make_maps(), texts()
    image_index = torch.tensor([1, 0, 1])
    features = fusion(maps, text, image_index)
    assert features.text is text and features.prior is None and len(features.maps) == 4
    for row, image in enumerate(image_index):
        expected = literal_fusion(fusion, [level[image] for level in maps], text.words[row][text.mask[row]])
        for found, level in zip(features.maps, expected):
            torch.testing.assert_close(found[row], level, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize('locator', ['ScoreLocator', 'RelevanceFilter'])
def test_a_gradient_reaches_every_parameter(locator):
    fusion = make_fusion(locator=dict(type=locator))
    features = fusion(make_maps(), texts(), torch.tensor([0, 1, 1]))
    torch.manual_seed(3)
    total = features.prior.square().sum() + sum((level * torch.randn_like(level)).sum() for level in features.maps)
    assert idle_parameters(fusion, total) == []


def test_padding_changes_nothing_and_grouped_equals_single():
    fusion, maps, text = make_fusion(locator=dict(type='ScoreLocator')), make_maps(), texts()
    image_index = torch.tensor([0, 1, 1])
    before, after = fusion(maps, text, image_index), fusion(maps, pad_more(text), image_index)
    for level, longer in zip((*before.maps, before.prior), (*after.maps, after.prior)):
        torch.testing.assert_close(level, longer)
    assert_grouped_equals_single(fusion, maps, text, image_index)


def test_what_depends_on_the_image_alone_runs_once_an_image():
    fusion, rows = make_fusion(), {}
    for name in ('lateral', 'entities.visual', 'relations.update'):
        fusion.levels[0].get_submodule(name).register_forward_hook(
            lambda module, args, out, name=name: rows.update({name: len(args[0])}))
    fusion(make_maps(1), texts(), torch.tensor([0, 0, 0]))
    assert rows == {'lateral': 1, 'entities.visual': 1, 'relations.update': 3}


def test_level_head():
    torch.manual_seed(0)
    losses = dict(type='RefCrossEntropyLoss', loss_weight=0.1)
    head = LevelHead(level_channels=[3] * 4, levels=(0, 2), num_classes=1, loss_decode=losses)
    maps, target = tuple(torch.randn(2, 3, 4, 4) for _ in range(4)), torch.randint(0, 2, (2, 8, 8))
    features = MultiModalFeatures(maps, make_text([2, 1], 5))
    found = head.loss(None, features, target)
    assert list(found) == ['loss_ce_level0', 'loss_ce_level2']
    for level, conv in zip((0, 2), head.classifiers):
        alone = MaskHead(3, kernel_size=3, num_classes=1, loss_decode=losses)
        alone.classifier = conv
        assert torch.equal(found[f'loss_ce_level{level}'], alone.loss(maps[level], features, target)['loss_ce'])
    assert idle_parameters(head, sum(found.values())) == []
    with pytest.raises(ValueError, match='belongs in model.auxiliary_head'):
        head.predict(None, features)
    with pytest.raises(ValueError, match=r'levels of LevelHead is \(4,\), expected some of 0 to 3'):
        LevelHead(level_channels=[3] * 4, levels=(4, ))


@pytest.mark.parametrize('changes,message', [
    (dict(in_channels=[3, 4]), 'fusion.in_channels names 2 levels, expected 3'),
    (dict(num_branches=0), 'fusion.num_branches is 0, expected 1 or more'),
    (dict(num_rounds=-1), 'fusion.num_rounds is -1, expected 0'),
])
def test_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        make_fusion(**changes)


def test_errors_of_what_comes_in():
    with pytest.raises(ValueError, match='hands over 4 levels, but CMPCFusion takes 3.*model.backbone.out_indices'):
        make_fusion()([torch.zeros(3, 2, 8, 12), *make_maps(3)], texts())
    with pytest.raises(ValueError, match=r'feature_size is \(4, 5\), but the finest level has the size \(4, 6\)'):
        make_fusion(feature_size=(4, 5))(make_maps(3), texts())
    with pytest.raises(ValueError, match='kernel_size is 2, expected an odd number'):
        MaskHead(3, kernel_size=2)


def test_size_and_cost_are_the_releases():
    """Parameters to the last; multiply-adds at 320x320 but for W_x, K and the words in W_f, which cost L, not HW."""
    cells, words, c, d = 1600, 20, 1000, 500
    with torch.device('meta'):
        fusion = CMPCFusion([512, 1024, 2048], c, (40, 40))
        maps = [torch.zeros(1, channels, 40, 40) for channels in (512, 1024, 2048)]
        text = TextFeatures(torch.zeros(1, words, c), torch.ones(1, words, dtype=torch.bool), torch.zeros(1, c))
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            fusion(maps, text)
    heads = 4 * (9 * d + 1)
    lstm = 4 * ((300 + c) * c + 2 * c)  # torch has two biases
    assert (sum(value.numel() for value in fusion.parameters()) + heads + lstm) / 1e6 == pytest.approx(72.4, abs=0.05)
    laterals, branches, exchange_values = cells * 3584 * c, 3 * cells * (c + 8) * 5 * c, 12 * cells * d * d
    graph = 3 * (cells * c * c + 3 * cells * words * c)  # W_g, and three products with the words
    joined, conv_lstm = 3 * cells * (2 * c + 8) * d, 3 * cells * 8 * d * d
    by_cells = laterals + branches + graph + joined + exchange_values + conv_lstm
    assert by_cells / 1e9 == pytest.approx(54.2, abs=0.05)
    assert counter.get_total_flops() / 2 == pytest.approx(by_cells, rel=0.005)  # the rest is the words' own
    release = by_cells + 3 * cells * c * c + 3 * cells * c * d + 6 * cells * d * d
    assert release / 1e9 == pytest.approx(5.7 + 24.2 + 9.8 + 7.2 + 7.2 + 9.6, abs=0.2)


def test_six_short_files():
    assert all(len((ROOT / f'mmrefseg/models/fusion/{name}.py').read_text().splitlines()) < 150 for name in FILES)
