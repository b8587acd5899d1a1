"""Draws the figures of docs/en/methods: ``python docs/figures/draw_methods.py [FOLDER]``.

Violet is text, blue the image, yellow fusion, green the decoder, red heads; what is dashed is there in training
alone.
"""

import sys
from pathlib import Path
from typing import Callable, Dict

from sketch import Sketch

FOLDER = Path(__file__).resolve().parents[1] / 'en/images/methods'


def lavt() -> Sketch:
    """Words meet pixels behind every stage of the backbone."""
    sketch = Sketch(860, 390, 'LAVT: PWAM and a gate behind every stage of a Swin Transformer, and a decoder')
    picture = sketch.box(10, 30, 'picture', width=80)
    words = sketch.box(10, 225, 'BERT', 'text', width=80)
    sketch.text(50, 292, 'expression', small=True)
    sketch.arrow([(50, 280), words.bottom()])
    stages, fusions, below = [], [], []
    for i in range(4):
        x = 150 + 195 * i
        stages.append(sketch.box(x, 30, f'Swin stage {i + 1}', 'image', width=110))
        fusions.append(sketch.box(x, 145, 'PWAM', 'fusion', width=110))
        below.append(sketch.box(x, 325, 'up, concat,\nconvolutions' if i < 3 else 'F₄', 'decoder', width=110))
        sketch.arrow([stages[i].bottom(), fusions[i].top()], f'V{"₁₂₃₄"[i]}', (x + 42, 112))
        sketch.arrow([fusions[i].bottom(0.3), below[i].top(0.3)], f'LN, F{"₁₂₃₄"[i]}', (x + 4, 315))
    sketch.arrow([picture.right, stages[0].left])
    for i in range(3):
        plus = sketch.circle(stages[i].right[0] + 38, stages[i].right[1], '+')
        gate = sketch.box(plus.x - 16, 100, 'gate', 'fusion', width=52, height=28)
        sketch.arrow([stages[i].right, plus.left])
        sketch.arrow([plus.right, stages[i + 1].left], f'E{"₁₂₃"[i]}', (plus.right[0] + 18, 44))
        sketch.arrow([fusions[i].right, (gate.bottom()[0], fusions[i].right[1]), gate.bottom()])
        sketch.arrow([gate.top(), plus.bottom()])
        sketch.arrow([below[i + 1].left, below[i].right])
    sketch.arrow([words.right, (fusions[3].bottom(0.7)[0], 247)], 'words L', (118, 241), kind='text', head=False)
    for fusion in fusions:
        sketch.arrow([(fusion.bottom(0.7)[0], 247), fusion.bottom(0.7)], kind='text')
    head = sketch.box(10, 325, 'MaskHead\n1×1 conv', 'head', width=80)
    sketch.arrow([below[0].left, head.right], 'Y', (120, 340))
    return sketch


def sadlr() -> Sketch:
    """A query that turns from words into the object."""
    sketch = Sketch(860, 290, 'SADLR: a query makes the kernels of a convolution over Y; the mask updates it')
    words = sketch.box(10, 20, 'words', 'text', width=90)
    mean = sketch.box(140, 20, 'mean, linear', 'text', width=110)
    query = sketch.box(300, 20, 'query Qᵢ', 'head', width=90)
    host = sketch.box(10, 120, 'any host:\nbackbone, fusion,\ndecoder', 'decoder', width=130, height=60)
    dynamic = sketch.box(300, 120, 'dynamic convolution\n1×1, 1×1: K = linear(Qᵢ)', 'head', width=190, height=60)
    classifier = sketch.box(555, 128, '1×1 conv', 'head', width=80)
    argmax = sketch.box(700, 128, 'argmax', 'head', width=70)
    pool = sketch.box(555, 225, 'mean of Y\ninside Mᵢ', 'head', width=100)
    plus = sketch.circle(500, 42, '+')
    loss = sketch.box(690, 20, 'Dice, λᵢ', 'training', width=90, height=32)
    sketch.arrow([words.right, mean.left])
    sketch.arrow([mean.right, query.left], 'Q₁', (275, 37))
    sketch.arrow([query.bottom(), (345, 120)], kind='head')
    sketch.arrow([host.right, dynamic.left], 'Y', (190, 145))
    sketch.arrow([(220, 150), (220, 247), pool.left], 'Y', (235, 242))
    sketch.arrow([dynamic.right, classifier.left], 'Zᵢ', (504, 143))
    sketch.arrow([classifier.right, argmax.left], 'scores Rᵢ')
    sketch.arrow([(667, 150), (667, 36), loss.left], kind='training')
    sketch.arrow([argmax.bottom(), (735, 247), pool.right], 'mask Mᵢ', (762, 215))
    sketch.arrow([argmax.right, (850, 150)], 'Mₙ', (812, 143))
    sketch.arrow([pool.top(), (605, 205), (520, 205), (520, 42), plus.right], 'Oᵢ', (560, 199), kind='head')
    sketch.arrow([plus.left, query.right], 'Qᵢ₊₁ = Qᵢ + Oᵢ', (438, 24), kind='head')
    return sketch


def lts() -> Sketch:
    """First where, then what."""
    sketch = Sketch(900, 330, 'LTS: fusion from stride 32 to 8, a heatmap of the referent, segmentation of both')
    picture = sketch.box(10, 150, 'picture', width=80)
    words = sketch.box(10, 20, 'BiGRU / BERT', 'text', width=110)
    levels = [sketch.box(140, 80 + 70 * i, f'F{"ᵥ₁ ᵥ₂ ᵥ₃".split()[i]}, stride {32 >> i}', 'image', width=110)
              for i in range(3)]
    product = sketch.circle(330, 102, '×')
    joined = [sketch.circle(330, 172, '©'), sketch.circle(330, 242, '©')]
    sketch.arrow([picture.right, levels[1].left])
    sketch.arrow([(115, 172), (115, 102), levels[0].left])
    sketch.arrow([(115, 172), (115, 242), levels[2].left])
    sketch.arrow([words.right, (330, 42), product.top()], 'sentence, the mean of the words', (240, 36), kind='text')
    for level, join in zip(levels, [product, *joined]):
        sketch.arrow([level.right, join.left])
    sketch.arrow([product.bottom(), joined[0].top()], 'up', (345, 140))
    sketch.arrow([joined[0].bottom(), joined[1].top()], 'up', (345, 210))
    locator = sketch.box(450, 80, 'RelevanceFilter or\nTransformerLocator', 'fusion', width=150)
    sketch.arrow([joined[1].right, (525, 242), locator.bottom()], 'Fₘ₃', (390, 237))
    sketch.arrow([(330, 42), (525, 42), locator.top()], kind='text')
    concat = sketch.circle(640, 242, '©')
    sketch.arrow([(525, 242), concat.left])
    sketch.arrow([locator.right, (640, 102), concat.top()], 'heatmap H', (640, 96))
    decoder = sketch.box(680, 220, 'ASPP,\ndeconvolution', 'decoder', width=110)
    head = sketch.box(820, 220, '1×1', 'head', width=60)
    locate = sketch.box(760, 80, 'LocateHead', 'training', width=100)
    sketch.arrow([concat.right, decoder.left])
    sketch.arrow([decoder.right, head.left], 'Y', (805, 236))
    sketch.arrow([(640, 102), locate.left], kind='training')
    sketch.text(330, 300, 'LTSFusion: each arrow into × or © is a 1×1 convolution', small=True)
    sketch.text(740, 300, 'LTSDecoder', small=True)
    return sketch


def cmpc() -> Sketch:
    """First what may be meant, then which of it."""
    sketch = Sketch(940, 330, 'CMPC: entities, then relations on each level; levels exchange and are joined')
    picture = sketch.box(10, 150, 'picture', width=70)
    backbone = sketch.box(105, 150, 'ResNet-101,\nstride 8', 'image', width=95)
    words = sketch.box(10, 20, 'LSTM', 'text', width=70)
    types = sketch.box(105, 20, 'WordTypes', 'text', width=95)
    entities = sketch.box(245, 150, 'EntityPerception', 'fusion', width=120)
    graph = sketch.box(410, 150, 'RelationGraph', 'fusion', width=110)
    join = sketch.box(560, 150, '1×1', 'fusion', width=45)
    exchange = sketch.box(650, 140, 'TextGuided-\nExchange,\ntwo rounds', 'fusion', width=100, height=64)
    lstm = sketch.box(790, 150, 'ConvLSTM', 'fusion', width=80)
    level_head = sketch.box(650, 250, 'LevelHead', 'training', width=100)
    head = sketch.box(800, 250, '3×3', 'head', width=60)
    sketch.arrow([picture.right, backbone.left])
    sketch.arrow([backbone.right, entities.left], 'V', (222, 166))
    sketch.arrow([words.right, types.left])
    sketch.arrow([types.right, (305, 42), entities.top()], 'entity, attribute', (252, 36), kind='text')
    sketch.arrow([(305, 42), (465, 42), graph.top()], 'relation', (385, 36), kind='text')
    sketch.arrow([(465, 42), (700, 42), exchange.top()], 'all but unnecessary', (580, 36), kind='text')
    sketch.arrow([(305, 42), (305, 90), (582, 90), join.top()], 'q', (520, 84), kind='text')
    sketch.arrow([entities.right, graph.left], 'M', (387, 166))
    sketch.arrow([graph.right, join.left], 'M̃', (540, 166))
    sketch.arrow([(387, 172), (387, 225), (582, 225), join.bottom()], 'M', (480, 219))
    sketch.arrow([join.right, exchange.left], 'Yₖ', (627, 166))
    sketch.arrow([exchange.right, lstm.left])
    sketch.arrow([exchange.bottom(), level_head.top()], kind='training')
    sketch.arrow([lstm.bottom(), head.top()], 'F', (842, 225))
    sketch.text(405, 300, 'for each of three levels, with its own weights', small=True)
    sketch.text(880, 142, 'CMPCFusion', small=True)
    return sketch


def vlt() -> Sketch:
    """An expression read in several ways at once."""
    sketch = Sketch(900, 320, 'VLT: queries made of words weighed by the image ask the fused map; a confidence each')
    picture = sketch.box(10, 40, 'picture', width=80)
    backbone = sketch.box(120, 40, 'backbone', 'image', width=90)
    words = sketch.box(120, 220, 'BiGRU / BERT', 'text', width=110)
    fusion = sketch.box(270, 40, 'MultiScaleFusion', 'fusion', width=130)
    encoder = sketch.box(440, 40, 'transformer\nencoder', 'fusion', width=100)
    generation = sketch.box(270, 170, 'QueryGeneration:\nthe image weighs\nthe words, Q times', 'fusion', width=140,
                            height=60)
    decoder = sketch.box(470, 170, 'transformer\ndecoder', 'fusion', width=100, height=60)
    balance = sketch.box(540, 260, 'QueryBalance', 'fusion', width=110)
    product = sketch.circle(660, 200, '×')
    mask = sketch.box(700, 170, 'linear, conv,\nup, conv, …', 'decoder', width=100, height=60)
    head = sketch.box(830, 178, '1×1', 'head', width=50)
    sketch.arrow([picture.right, backbone.left])
    sketch.arrow([backbone.right, fusion.left], 'levels', (240, 57))
    sketch.arrow([fusion.right, encoder.left], 'Fₘ')
    sketch.arrow([encoder.bottom(0.7), (510, 170)], 'memory', (540, 130))
    sketch.arrow([(245, 62), (245, 185), (270, 185)])
    sketch.arrow([words.right, (250, 242), (250, 215), (270, 215)], kind='text')
    sketch.arrow([words.top(), (175, 120), (335, 120), fusion.bottom()], 'sentence', (210, 114), kind='text')
    sketch.arrow([generation.right, decoder.left], 'F_q')
    sketch.arrow([(440, 200), (440, 282), balance.left], 'queries', (480, 277))
    sketch.arrow([decoder.right, product.left], 'responses Fᵣ', (612, 193))
    sketch.arrow([(595, 200), (595, 260)])
    sketch.arrow([balance.right, (660, 282), product.bottom()], 'confidence', (700, 260))
    sketch.arrow([product.right, mask.left])
    sketch.arrow([mask.right, head.left], 'Y')
    sketch.text(750, 160, 'VLTDecoder', small=True)
    return sketch


def cgan() -> Sketch:
    """Words collect from the whole image, pixels take back, step by step."""
    sketch = Sketch(880, 270, 'CGAN cascade: three steps of grouped attention on Y, each with a loss')
    words = sketch.box(10, 20, 'words', 'text', width=80)
    host = sketch.box(10, 110, 'any host: Y', 'decoder', width=100)
    step = 'GroupedAttention:\ncollect, diffuse,\nsum, norm'
    steps = [sketch.box(170 + 185 * i, 95, step, 'head', width=140, height=74) for i in range(3)]
    losses = [sketch.box(195 + 185 * i, 215, 'ILA loss', 'training', width=90, height=34) for i in range(3)]
    head = sketch.box(750, 110, '1×1 conv', 'head', width=80)
    sketch.arrow([host.right, steps[0].left], 'Y', (140, 127))
    for i, (step, loss) in enumerate(zip(steps, losses)):
        sketch.arrow([step.bottom(), loss.top()], f'A{"₁₂₃"[i]}', (step.bottom()[0] + 14, 198), kind='training')
        sketch.arrow([(step.top()[0], 42), step.top()], kind='text')
        sketch.arrow([step.right, steps[i + 1].left if i < 2 else head.left])
    sketch.arrow([words.right, (steps[2].top()[0], 42)], 'words L', (130, 36), kind='text', head=False)
    sketch.arrow([head.right, (870, 132)], 'mask', (850, 126))
    return sketch


def s2rm() -> Sketch:
    """Late fusion in three steps, and a decoder that is guided."""
    sketch = Sketch(830, 395, 'S2RM: distribute, coparse, balance on the last level; CASG: each finer level is guided')
    picture = sketch.box(10, 110, 'picture', width=80)
    words = sketch.box(10, 20, 'BERT', 'text', width=80)
    backbone = sketch.box(120, 110, 'Swin, once\na picture', 'image', width=90)
    distribute = sketch.box(260, 20, 'distribute:\ncells ask words', 'fusion', width=120)
    coparse = sketch.box(440, 20, 'coparse: cells × cells,\nby rows, by columns', 'fusion', width=160)
    balance = sketch.box(660, 20, 'balance:\na weight a map', 'fusion', width=110)
    plus = sketch.circle(715, 132, '+')
    sketch.arrow([words.right, distribute.left], 'words', (170, 36), kind='text')
    sketch.arrow([picture.right, backbone.left])
    sketch.arrow([backbone.right, plus.left], 'V₄', (230, 127))
    sketch.arrow([(320, 132), distribute.bottom()])
    sketch.arrow([(520, 132), coparse.bottom()])
    sketch.arrow([distribute.right, coparse.left], 'T_dist')
    sketch.arrow([coparse.right, balance.left], '4 maps')
    sketch.arrow([balance.bottom(), plus.top()], '1×1', (732, 97))
    guided = 'guided by the coarser\nlevels and the sentence'
    stages = [sketch.box(540 - 180 * i, 240, f'stage {3 - i}:\n{guided}', 'decoder', width=165, height=66)
              for i in range(3)]
    sketch.arrow([plus.bottom(), (715, 273), stages[0].right], 'F₄', (732, 210))
    for i in range(2):
        sketch.arrow([stages[i].left, stages[i + 1].right])
    for i, stage in enumerate(stages):
        x = stage.top(0.5)[0]
        sketch.arrow([(x, 190), stage.top(0.5)], f'V{"₃₂₁"[i]}', (x + 16, 215))
        sketch.arrow([(x, 345), stage.bottom(0.5)], kind='text')
    sketch.arrow([(165, 154), (165, 190), (stages[0].top()[0], 190)], head=False)
    sketch.arrow([(5, 42), (5, 345), (stages[0].bottom()[0], 345)], 'sentence, the mean of the words', (110, 362),
                 kind='text', head=False)
    sketch.arrow([(5, 42), (10, 42)], kind='text', head=False)
    head = sketch.box(50, 251, '1×1,\nsigmoid', 'head', width=70)
    sketch.arrow([stages[2].left, head.right], 'Y', (150, 268))
    sketch.text(440, 385, 'CASGDecoder', small=True)
    sketch.text(800, 46, 'S2RM', small=True)
    return sketch


def m3att() -> Sketch:
    """Words and pixels attend to each other; words are put back between the layers."""
    sketch = Sketch(930, 330, 'M3Att: three layers of mutual attention, IMI between them, queries as kernels')
    picture = sketch.box(10, 110, 'picture', width=80)
    backbone = sketch.box(120, 110, 'backbone', 'image', width=80)
    encoder = sketch.box(235, 110, 'transformer\nencoder', 'fusion', width=100)
    words = sketch.box(120, 20, 'BiLSTM /\nBERT', 'text', width=80)
    layers = [sketch.box(290 + 175 * i, 200, 'M3DecLayer', 'fusion', width=100) for i in range(3)]
    sketch.arrow([picture.right, backbone.left])
    sketch.arrow([backbone.right, encoder.left])
    decoder = sketch.box(745, 102, 'queries are\n1×1 kernels\non F_enc; conv', 'decoder', width=110, height=60)
    sketch.arrow([encoder.right, decoder.left], 'F_enc', (362, 126))
    interactions = [sketch.box(395 + 175 * i, 260, 'IMI', 'fusion', width=60, height=34) for i in range(2)]
    for i, layer in enumerate(layers):
        x = layer.top(0.85)[0]
        sketch.arrow([(x, 132), (x, 200)])
        if i < 2:
            sketch.arrow([layer.bottom(0.7), (layer.bottom(0.7)[0], 277), interactions[i].left])
            sketch.arrow([interactions[i].right, (layers[i + 1].bottom(0.2)[0], 277), layers[i + 1].bottom(0.2)])
    sketch.arrow([words.right, (215, 42), (215, 222), layers[0].left], 'words F_t: the first queries', (310, 47),
                 kind='text')
    first, second = interactions
    into, out, next_into = first.bottom(0.3), first.bottom(0.7), second.bottom(0.3)
    sketch.arrow([(215, 222), (215, 314), (into[0], 314), into], 'F_t', (320, 309), kind='text')
    sketch.arrow([out, (out[0], 314), (next_into[0], 314), next_into], 'F_l', (510, 309), kind='text')
    sketch.arrow([layers[2].right, (800, 222), decoder.bottom()], 'F_dec', (768, 216))
    head = sketch.box(875, 110, '1×1', 'head', width=45)
    sketch.arrow([decoder.right, head.left], 'Y', (864, 126))
    reconstruct = sketch.box(790, 260, 'LFRHead', 'training', width=90, height=34)
    sketch.arrow([(800, 222), (835, 222), reconstruct.top()], kind='training')
    sketch.text(560, 96, 'M3Dec', small=True)
    return sketch


def caris() -> Sketch:
    """The image among the words, words among the pixels, and two classifiers made of them."""
    sketch = Sketch(900, 330, 'CARIS: BERT sees the image; words and pixels change each other; two classifiers')
    picture = sketch.box(10, 200, 'image', width=70)
    backbone = sketch.box(110, 200, 'Swin, once\nan image', 'image', width=90)
    words = sketch.box(10, 30, 'embedded\nwords', 'text', width=80)
    prompts = sketch.box(110, 110, 'averages 1×1, 2×2:\nfive prompts', 'text', width=140)
    bert = sketch.box(300, 30, 'BERT’s layers', 'text', width=110)
    layers = sketch.box(330, 130, 'words ◄► pixels,\ndeformable\nattention, × 6', 'fusion', width=130, height=66)
    merge = sketch.box(540, 200, 'up, + stride 4,\n3×3, three 1×1', 'decoder', width=120)
    queries = sketch.box(540, 60, 'mean of visual\nprompts, [CLS]', 'head', width=120)
    mlp = sketch.box(710, 60, 'MLP: two\nclassifiers', 'head', width=90)
    product = sketch.circle(755, 222, '·')
    sketch.arrow([picture.right, backbone.left])
    sketch.arrow([words.right, bert.left])
    sketch.arrow([backbone.top(), (155, 154)], 'stride 32', (190, 184), kind='text')
    sketch.arrow([prompts.right, (355, 132), (355, 74)], 'prompts', (290, 126), kind='text')
    sketch.arrow([bert.right, (435, 52), (435, 130)], 'words', (458, 80), kind='text')
    sketch.arrow([backbone.right, (270, 222), (270, 163), layers.left], 'strides 8, 16, 32', (322, 236))
    sketch.arrow([backbone.bottom(), (155, 280), (600, 280), merge.bottom()], 'stride 4', (380, 275))
    sketch.arrow([layers.right, (500, 163), (500, 222), merge.left], 'stride 8', (518, 200))
    sketch.arrow([layers.right, (500, 163), (500, 82), queries.left], kind='text')
    sketch.arrow([queries.right, mlp.left])
    sketch.arrow([mlp.bottom(), product.top()])
    sketch.arrow([merge.right, product.left], 'Y', (690, 216))
    sketch.arrow([product.right, (850, 222)], 'mask', (812, 216))
    sketch.text(395, 215, 'CARISFusion', small=True)
    return sketch


def rela() -> Sketch:
    """Regions that look, listen and answer three questions."""
    sketch = Sketch(930, 330, 'ReLA: regions attend to pixels inside their masks, to words and to each other')
    picture = sketch.box(10, 60, 'image', width=70)
    words = sketch.box(10, 160, 'BERT', 'text', width=70)
    backbone = sketch.box(120, 60, 'LAVTSwin', 'image', width=90)
    neck = sketch.box(250, 60, 'deformable\nattention, × 6', 'fusion', width=110)
    merge = sketch.box(410, 60, 'up, + stride 4,\n3×3, 1×1', 'decoder', width=110)
    regions = sketch.box(120, 250, '100 regions', 'head', width=90)
    ria = sketch.box(250, 242, 'attend to pixels in\ntheir own masks', 'head', width=140, height=60)
    rla = sketch.box(430, 242, 'to words (first\nlayer), to regions', 'head', width=130, height=60)
    ffn = sketch.box(600, 250, 'feed-\nforward', 'head', width=80)
    product = sketch.circle(760, 82, '·')
    minimap = sketch.box(720, 160, 'minimap,\nembeddings', 'head', width=90)
    none = sketch.box(800, 250, 'no target?', 'head', width=90)
    sketch.arrow([picture.right, backbone.left])
    sketch.arrow([words.right, (165, 182), backbone.bottom()], kind='text')
    sketch.arrow([(165, 182), (495, 182), rla.top()], 'words', (210, 176), kind='text')
    sketch.arrow([backbone.right, neck.left])
    sketch.arrow([neck.right, merge.left])
    sketch.arrow([neck.bottom(), ria.top()], 'strides 32, 16, 8 in turn', (400, 215))
    sketch.arrow([merge.right, product.left], 'Y', (640, 76))
    sketch.arrow([regions.right, ria.left])
    sketch.arrow([ria.right, rla.left])
    sketch.arrow([rla.right, ffn.left])
    sketch.arrow([ffn.bottom(), (640, 315), (320, 315), ria.bottom()], '× 9', (480, 310))
    sketch.arrow([ffn.right, (765, 272), minimap.bottom()])
    sketch.arrow([ffn.right, none.left])
    sketch.arrow([minimap.top(), product.bottom()])
    sketch.arrow([product.right, (850, 82)], 'mask', (815, 76))
    sketch.text(680, 235, 'ReLAHead', small=True)
    return sketch


def cris() -> Sketch:
    """CLIP's two towers, and a kernel made of the sentence."""
    sketch = Sketch(900, 300, 'CRIS: the sentence enters the coarsest level; pixels ask words; a kernel is made of it')
    picture = sketch.box(10, 60, 'picture', width=80)
    words = sketch.box(10, 210, 'CLIP text\ntower', 'text', width=90)
    levels = [sketch.box(130, 20 + 60 * i, f'V{"₃₄₅"[i]}, stride {8 << i}', 'image', width=110) for i in range(3)]
    product = sketch.circle(300, 162, '×')
    joined = [sketch.circle(300, 42, '©'), sketch.circle(300, 102, '©')]
    sketch.arrow([picture.right, (110, 82), (110, 42), levels[0].left])
    sketch.arrow([(110, 82), (110, 102), levels[1].left])
    sketch.arrow([(110, 102), (110, 162), levels[2].left])
    sketch.text(185, 200, 'CLIPResNet; V₅: attention pool', small=True)
    for level, join in zip(levels, [*joined, product]):
        sketch.arrow([level.right, join.left])
    sketch.arrow([product.top(), joined[1].bottom()], 'up', (316, 138))
    sketch.arrow([joined[1].top(), joined[0].bottom()], 'pool V₃', (330, 78))
    aggregate = sketch.box(390, 80, 'concat, 1×1,\ncoordinates', 'fusion', width=110)
    for join, side in ((joined[0], 42), (joined[1], 102), (product, 162)):
        sketch.arrow([join.right, (365, side), (365, 102), aggregate.left] if side != 102 else
                     [join.right, aggregate.left])
    layers = sketch.box(550, 72, 'pixels ask pixels,\nthen words: 3 layers', 'decoder', width=150, height=60)
    up = sketch.box(735, 80, 'up, 3×3,\nup, 3×3', 'decoder', width=70)
    head = sketch.box(740, 195, '3×3 kernel\nof the sentence', 'head', width=115)
    sketch.arrow([aggregate.right, layers.left], 'F')
    sketch.arrow([layers.right, up.left])
    sketch.arrow([up.bottom(), (770, 195)], 'Y', (785, 165))
    sketch.arrow([words.right, (300, 232), product.bottom()], 'sentence', (180, 226), kind='text')
    sketch.arrow([(300, 232), (650, 232), (650, 217), head.left], kind='text')
    sketch.arrow([words.bottom(), (55, 280), (620, 280), (620, 132)], 'words', (180, 275), kind='text')
    sketch.arrow([head.right, (890, 217)], 'mask', (876, 211))
    sketch.text(420, 150, 'CRISFusion', small=True)
    return sketch


def detris() -> Sketch:
    """Two frozen towers, and adapters through which words enter."""
    sketch = Sketch(900, 320, 'DETRIS: frozen DINOv2 and CLIP with adapters; words enter in several blocks')
    picture = sketch.box(10, 120, 'picture', width=80)
    words = sketch.box(120, 20, 'CLIP text tower, frozen,\nwith text adapters', 'text', width=180)
    blocks = [sketch.box(120 + 150 * i, 120, 'DINOv2 blocks,\nfrozen', 'image', width=120) for i in range(3)]
    adapters = [sketch.box(130 + 150 * i, 215, 'DenseAligner', 'fusion', width=100, height=36) for i in range(3)]
    sketch.arrow([picture.right, blocks[0].left])
    for i, (block, adapter) in enumerate(zip(blocks, adapters)):
        sketch.arrow([block.bottom(0.35), (block.bottom(0.35)[0], 215)])
        sketch.arrow([(block.bottom(0.65)[0], 215), block.bottom(0.65)], '· 0.2', (block.bottom(0.65)[0] + 22, 195))
        sketch.arrow([(adapter.bottom()[0], 285), adapter.bottom()], kind='text')
        if i < 2:
            sketch.arrow([block.right, blocks[i + 1].left])
    sketch.arrow([words.left, (105, 42), (105, 285), (adapters[2].bottom()[0], 285)], 'words, at the MLP of a block',
                 (230, 303), kind='text', head=False)
    neck = sketch.box(585, 120, 'each × W sentence,\nconcat, coordinates', 'fusion', width=150)
    sketch.arrow([blocks[2].right, neck.left], 'three maps', (562, 110))
    sketch.arrow([words.right, (660, 42), neck.top()], 'sentence', (420, 36), kind='text')
    decoder = sketch.box(600, 215, 'CRISDecoder', 'decoder', width=120, height=36)
    head = sketch.box(770, 211, '3×3 kernel\nof the sentence', 'head', width=115)
    sketch.arrow([neck.bottom(), decoder.top()], 'F', (675, 192))
    sketch.arrow([decoder.right, head.left], 'Y')
    sketch.arrow([(660, 42), (828, 42), head.top()], kind='text')
    sketch.arrow([(adapters[2].bottom()[0], 285), (660, 285), decoder.bottom()], kind='text')
    return sketch


FIGURES: Dict[str, Callable[[], Sketch]] = dict(
    lavt=lavt, sadlr=sadlr, lts=lts, cmpc=cmpc, vlt=vlt, cgan=cgan, s2rm=s2rm, m3att=m3att, caris=caris, rela=rela,
    cris=cris, detris=detris)


def main(folder: Path) -> None:
    """Write ``<method>.svg`` for each method."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in FIGURES.items():
        (folder / f'{name}.svg').write_text(draw().svg(), encoding='utf-8')


if __name__ == '__main__':
    main(Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
