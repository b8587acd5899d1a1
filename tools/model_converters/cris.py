"""Convert a CRIS checkpoint of CRIS.pytorch's training:  python tools/model_converters/cris.py SRC DST

Test the result with configs/cris/cris_{r50,r101}_<dataset>.py, whichever CLIP it was trained from.
"""

import sys

from mmrefseg.checkpoints.converters import cris
from mmrefseg.checkpoints.converters.command import main
from mmrefseg.command_line.run_command import run_command

if __name__ == '__main__':
    sys.exit(run_command(lambda: main(cris)))
