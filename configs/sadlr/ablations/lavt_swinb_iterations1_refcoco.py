# SADLR, Table 4 (a): 1 iteration.
_base_ = '../lavt_swinb_refcoco.py'
model = dict(decode_head=dict(num_iterations=1, loss_weights=[1.]))
