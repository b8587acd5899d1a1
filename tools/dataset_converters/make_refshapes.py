"""Generate RefShapes:  python tools/dataset_converters/make_refshapes.py data"""

import sys

from mmrefseg.command_line.make_refshapes import main
from mmrefseg.command_line.run_command import run_command

if __name__ == '__main__':
    sys.exit(run_command(main))
