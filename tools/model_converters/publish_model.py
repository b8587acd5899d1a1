"""Make a checkpoint ready to hand out:

python tools/model_converters/publish_model.py CHECKPOINT NAME --config CONFIG
"""

from mmrefseg.checkpoints.publish import main

if __name__ == '__main__':
    main()
