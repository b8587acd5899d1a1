"""Convert a released DETRIS checkpoint:  python tools/model_converters/detris.py SRC DST

Test the result with configs/detris/detris_{dinov2b,dinov2l}_<dataset>.py, that of the mixed data sets with
configs/detris/detris_dinov2l_refcoco-mixed.py.
"""

import sys

from mmrefseg.checkpoints.converters import detris
from mmrefseg.checkpoints.converters.command import main
from mmrefseg.command_line.run_command import run_command

if __name__ == '__main__':
    sys.exit(run_command(lambda: main(detris)))
