"""Train a referring segmentor:  python tools/train.py configs/lavt/lavt_nano_refshapes.py"""

import sys

from mmrefseg.command_line.run_command import run_command
from mmrefseg.command_line.train import main

if __name__ == '__main__':
    sys.exit(run_command(main))
