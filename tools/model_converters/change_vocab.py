"""Bring a checkpoint to the words of another config:

python tools/model_converters/change_vocab.py CHECKPOINT OUT.pth --old OLD_CONFIG --new NEW_CONFIG
"""

from mmrefseg.checkpoints.change_vocab import main

if __name__ == '__main__':
    main()
