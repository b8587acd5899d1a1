"""mmrefseg: referring image segmentation on the OpenMMLab stack."""

from . import compat
from .version import __version__

try:
    compat.check_versions()
    compat.provide_pkg_resources()
    compat.provide_mmcv_ext()
    compat.allow_mmengine_checkpoints()
    compat.know_mmrefseg_configs()
    compat.make_file_clients_on_demand()
    compat.drop_debug_prints()
    from . import checkpoints  # noqa: F401  the runner reads every checkpoint through it
except ImportError:
    if not compat.doctor_is_called():  # which says what is missing
        raise

__all__ = ['__version__']
