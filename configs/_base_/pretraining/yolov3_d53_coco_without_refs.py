# mmdet's YOLOv3 recipe on COCO's train2017 without the images that RefCOCO, RefCOCO+ or RefCOCOg validates or tests on:
# the Darknet-53 that LTS, VLT and M3Att start from. How: docs/en/clean_darknet.md.
_base_ = 'mmdet::yolo/yolov3_d53_8xb8-ms-416-273e_coco.py'

train_dataloader = dict(dataset=dict(ann_file='annotations/instances_train2017_without_refs.json'))
