"""Convert an official LAVT checkpoint (either release):  python tools/model_converters/lavt.py SRC DST

Test the result with configs/lavt/lavt_swinb_<dataset>.py. Where the checkpoint's ``args.mha`` says that PWAM has other
than one head, the option that it needs is printed.
"""

import sys

from mmrefseg.checkpoints.converters import lavt
from mmrefseg.checkpoints.converters.command import main
from mmrefseg.command_line.run_command import run_command

if __name__ == '__main__':
    sys.exit(run_command(lambda: main(lavt)))
