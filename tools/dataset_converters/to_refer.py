"""Bring data of any form that is around into the refer format:

python tools/dataset_converters/to_refer.py SOURCE DESTINATION --images FOLDER --dry-run
"""

import sys

from mmrefseg.command_line.run_command import run_command
from mmrefseg.command_line.to_refer import main

if __name__ == '__main__':
    sys.exit(run_command(main))
