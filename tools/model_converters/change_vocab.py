"""Bring a checkpoint to the words of another config:

python tools/model_converters/change_vocab.py CHECKPOINT OUT.pth --old OLD_CONFIG --new NEW_CONFIG
"""

import sys

from mmrefseg.checkpoints.change_vocab import main
from mmrefseg.command_line.run_command import run_command

if __name__ == '__main__':
    sys.exit(run_command(main))
