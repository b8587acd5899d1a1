"""Convert an official ReLA checkpoint (.pth or detectron2's .pkl):  python tools/model_converters/rela.py SRC DST

Test the result with configs/rela/rela_{r50,swint,swinb}_<dataset>.py, of the backbone that it has.
"""

import sys

from mmrefseg.checkpoints.converters import rela
from mmrefseg.checkpoints.converters.command import main
from mmrefseg.command_line.run_command import run_command

if __name__ == '__main__':
    sys.exit(run_command(lambda: main(rela)))
