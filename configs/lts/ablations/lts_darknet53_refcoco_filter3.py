# Table 5: relevance filtering 3 times.
_base_ = '../lts_darknet53_refcoco.py'

model = dict(fusion=dict(locator=dict(num_filterings=3)))
