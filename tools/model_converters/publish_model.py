"""Make a checkpoint ready to hand out:

python tools/model_converters/publish_model.py CHECKPOINT NAME --config CONFIG
"""

import sys

from mmrefseg.checkpoints.publish import main
from mmrefseg.command_line.run_command import run_command

if __name__ == '__main__':
    sys.exit(run_command(main))
