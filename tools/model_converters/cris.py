"""Convert a CRIS checkpoint of CRIS.pytorch's training:  python tools/model_converters/cris.py SRC DST

Test the result with configs/cris/cris_{r50,r101}_<dataset>.py, whichever CLIP it was trained from.
"""

import sys

from mmrefseg.checkpoints.converters import cris
from mmrefseg.checkpoints.converters.command import main

if __name__ == '__main__':
    sys.exit(main(cris))
