"""mmrefseg: referring image segmentation on the OpenMMLab stack."""

from . import compat
from .version import __version__

compat.check_versions()
compat.provide_mmcv_ext()
compat.allow_mmengine_checkpoints()
compat.know_mmrefseg_configs()

__all__ = ['__version__']
