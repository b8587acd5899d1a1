"""Train a referring segmentor:  python tools/train.py configs/lavt/lavt_nano_refshapes.py"""

from mmrefseg.command_line.train import main

if __name__ == '__main__':
    main()
