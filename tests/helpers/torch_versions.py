"""Marks of tests of what an older torch is refused."""

import pytest
import torch
from packaging.version import Version

from mmrefseg.models.segmentors.compile_parts import ONE_GRAPH

CAN_EXPORT = hasattr(torch.compiler, 'is_exporting')
CAN_COMPILE = Version(torch.__version__) >= ONE_GRAPH
needs_export = pytest.mark.skipif(not CAN_EXPORT, reason='export refuses torch below 2.7')
needs_compile = pytest.mark.skipif(not CAN_COMPILE, reason=f'compile_parts refuses torch below {ONE_GRAPH}')
