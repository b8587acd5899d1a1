# Table 4: LTS-Trans, the transformer in place of the filter.
_base_ = '../lts_darknet53_refcoco+.py'

model = dict(fusion=dict(locator=dict(_delete_=True, type='TransformerLocator')))
