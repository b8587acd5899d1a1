# LTS* (Table 7): transformer, more filterings and larger pictures. Read as two decoder layers, each of which attends to
# the sentence, at 480x480; README.md has the other readings.
_base_ = './ablations/lts_darknet53_refcoco_480.py'

model = dict(fusion=dict(locator=dict(_delete_=True, type='TransformerLocator', num_layers=2)))
