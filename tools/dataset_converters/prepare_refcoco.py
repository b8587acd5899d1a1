"""Check a folder of RefCOCO and its kin:  python tools/dataset_converters/prepare_refcoco.py data"""

import sys

from mmrefseg.command_line.prepare_refcoco import main
from mmrefseg.command_line.run_command import run_command

if __name__ == '__main__':
    sys.exit(run_command(main))
