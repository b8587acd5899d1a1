# SADLR, Table 4 (a): 0 iterations, LAVT alone, trained with Dice.
_base_ = '../lavt_swinb_refcoco.py'
model = dict(decode_head=dict(num_iterations=0))
