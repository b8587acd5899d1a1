"""Test a checkpoint:  python tools/test.py CONFIG CHECKPOINT --splits val testA testB"""

from mmrefseg.command_line.test import main

if __name__ == '__main__':
    main()
