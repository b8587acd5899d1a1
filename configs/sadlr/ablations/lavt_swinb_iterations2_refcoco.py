# SADLR, Table 4 (a): 2 iterations.
_base_ = '../lavt_swinb_refcoco.py'
model = dict(decode_head=dict(num_iterations=2, loss_weights=[0.3, 0.7]))
