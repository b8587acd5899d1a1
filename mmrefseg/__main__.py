"""``python -m mmrefseg``."""

import sys

from mmrefseg.command_line import main

if __name__ == '__main__':
    sys.exit(main())
