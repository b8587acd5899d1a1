"""Average the weights of checkpoints of one model:

python tools/model_converters/average_checkpoints.py FILE FILE … --out FILE
"""

import sys

from mmrefseg.checkpoints.average import main
from mmrefseg.command_line.run_command import run_command

if __name__ == '__main__':
    sys.exit(run_command(main))
