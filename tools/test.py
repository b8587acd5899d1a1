"""Test a checkpoint:  python tools/test.py CONFIG CHECKPOINT --splits val testA testB"""

import sys

from mmrefseg.command_line.run_command import run_command
from mmrefseg.command_line.test import main

if __name__ == '__main__':
    sys.exit(run_command(main))
