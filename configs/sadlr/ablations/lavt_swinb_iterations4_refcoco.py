# SADLR, Table 4 (a): 4 iterations.
_base_ = '../lavt_swinb_refcoco.py'
model = dict(decode_head=dict(num_iterations=4, loss_weights=[0.1, 0.1, 0.1, 0.7]))
