"""CRIS, DETRIS, CARIS and ReLA through torch.export and in onnxruntime, with any number of images and expressions."""

import onnxruntime
import pytest
import torch
from tiny_methods import CONVS, GRU, LEVELS, SIZE, WORDS, build

from mmrefseg.export import SegmentorGraph, trace
from mmrefseg.export.onnx_model import to_onnx
from mmrefseg.export.parity import CASES, differences

CLIP = dict(
    type='CLIPTextEncoder', pretrained=None, tokenizer=[], max_length=10, project_sentence=True,
    config=dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, projection_dim=12))
CRIS = dict(
    text_encoder=CLIP,
    backbone=dict(type='CLIPResNet', depth=[1, 1, 1, 1], stem_channels=4, pool_channels=16, head_channels=32, grid=3),
    fusion=dict(type='CRISFusion', in_channels=[32, 64, 16], text_channels=12, channels=[4, 8, 12]),
    decoder=dict(type='CRISDecoder', in_channels=8, text_channels=16, num_layers=1, num_heads=2, feedforward_channels=8,
                 upsample_channels=[8, 4]),
    decode_head=dict(type='DynamicKernelHead', in_channels=4, text_channels=12, align_corners=True),
    test_cfg=dict(threshold=0.35, interpolation='bicubic'))
DETRIS = dict(
    CRIS,
    text_encoder=dict(CLIP, fixed_length=True, trainable_layers=0, adapters=dict(layers=[1], channels=16)),
    backbone=dict(
        type='AlignedDINOv2', adapter_blocks=[1, 2], adapter_channels=16, text_channels=16, out_blocks=(0, 1),
        mask_padding=False, adapter_cfg=dict(attention_channels=8, num_heads=2),
        config=dict(image_size=32, patch_size=8, hidden_size=16, num_hidden_layers=3, num_attention_heads=2,
                    mlp_ratio=2)),
    fusion=dict(type='DETRISFusion', in_channels=[16, 16, 16], text_channels=12, channels=8))

NORM = dict(type='GN', num_groups=2)
CARIS = dict(
    text_encoder=dict(
        type='PromptedBERTEncoder', image_channels=32, pretrained=None, tokenizer=WORDS, max_length=10,
        config=dict(
            model_type='bert', hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)),
    backbone=CONVS,
    fusion=dict(type='CARISFusion', in_channels=LEVELS, text_channels=16, channels=8, num_layers=1,
                attention_channels=16, feedforward_channels=16, num_heads=2, norm_cfg=NORM),
    decoder=dict(type='MaskFeatureDecoder', in_channels=[8] * 4, norm_cfg=NORM),
    decode_head=dict(type='DynamicClassifierHead', in_channels=8, align_corners=True))
RELA = dict(
    text_encoder=GRU,
    backbone=CONVS,
    fusion=dict(type='PWAMFusion', in_channels=LEVELS, text_channels=16),
    neck=dict(type='DeformableNeck', in_channels=LEVELS, channels=8, num_layers=1, feedforward_channels=16,
              num_heads=2, norm_cfg=NORM),
    decoder=dict(type='MaskFeatureDecoder', in_channels=[8] * 4, norm_cfg=NORM),
    decode_head=dict(type='ReLAHead', in_channels=8, map_channels=[8] * 4, text_channels=16, channels=8, num_queries=4,
                     num_layers=1, num_heads=2, feedforward_channels=16))


@pytest.mark.slow
@pytest.mark.parametrize('parts', [CRIS, DETRIS, CARIS, RELA], ids=['cris', 'detris', 'caris', 'rela'])
def test_exported_agree_with_eager_torch(parts):
    graph = SegmentorGraph(build(parts).eval(), (SIZE, SIZE))
    program = trace(graph.model, graph.input_size)
    onnx = to_onnx(program, graph.output_names)
    session = onnxruntime.InferenceSession(onnx.model_proto.SerializeToString(), providers=['CPUExecutionProvider'])

    def run(*inputs):
        values = {entry.name: tensor.numpy() for entry, tensor in zip(session.get_inputs(), inputs)}
        return [torch.from_numpy(output) for output in session.run(None, values)]

    found = differences(graph, program.module())
    assert len(found) == len(CASES) and all(case.within(1e-4) for case in found), found
    # A cubic leaves the range of probabilities, which ends at log-odds of 13.8: there a rounding is seen best.
    found = differences(graph, run)
    assert len(found) == len(CASES) and all(case.within(1e-3) for case in found), found
