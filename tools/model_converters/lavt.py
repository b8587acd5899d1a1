"""Convert an official LAVT checkpoint (either release):  python tools/model_converters/lavt.py SRC DST

Test the result with configs/lavt/lavt_swinb_<dataset>.py; for ``lavt_one`` add
``--cfg-options model.backbone.fusion_heads=4``.
"""

import sys

from mmrefseg.checkpoints.converters import lavt
from mmrefseg.checkpoints.converters.command import main

if __name__ == '__main__':
    sys.exit(main(lavt))
