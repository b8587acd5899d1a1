# Table 5: LTS-WordFilter, a kernel of every word.
_base_ = '../lts_darknet53_refcoco.py'

model = dict(fusion=dict(locator=dict(per_word=True)))
