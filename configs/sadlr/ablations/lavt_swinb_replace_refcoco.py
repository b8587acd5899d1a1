# SADLR, Table 4 (c): the object's feature replaces the query.
_base_ = '../lavt_swinb_refcoco.py'
model = dict(decode_head=dict(query_update='replace'))
