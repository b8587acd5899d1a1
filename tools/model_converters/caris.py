"""Convert an official CARIS checkpoint (hub saliu/CARIS):  python tools/model_converters/caris.py SRC DST

Test the result with configs/caris/caris_swinb_<dataset>.py, of the data that it was trained on: the weights do not say
which.
"""

import sys

from mmrefseg.checkpoints.converters import caris
from mmrefseg.checkpoints.converters.command import main
from mmrefseg.command_line.run_command import run_command

if __name__ == '__main__':
    sys.exit(run_command(lambda: main(caris)))
