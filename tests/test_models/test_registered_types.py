"""A config that came with somebody's file builds registered parts alone."""

import pytest

from mmrefseg.export.registered_types import check_types


def test_what_an_export_writes_passes():
    check_types(dict(
        model=dict(data_preprocessor=dict(type='SegDataPreProcessor')),
        visualizer=dict(type='RefLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')]),
        pipeline=[dict(type='LoadRefImage'), dict(type='mmrefseg.RefResize', scale=(64, 64)),
                  dict(type='mmseg.PackSegInputs')]), 'file.onnx')


@pytest.mark.parametrize('name', ['os.system', 'subprocess.getoutput', 'this', 'mmcv.imwrite', 3])
def test_what_is_not_registered_is_refused(name):
    with pytest.raises(ValueError, match=f'file.onnx wants to build {name!r}: expected parts that mmrefseg'):
        check_types(dict(pipeline=[dict(type='LoadRefImage', then=[dict(type=name)])]), 'file.onnx')
