# LAVT, trained on RefCOCO+, chooses among the detector's five best boxes. Its weights are yours:
#   tools/test.py CONFIG none --cfg-options model.reranker.weights=CHECKPOINT
_base_ = './grounding-dino-t_sam2.1-t_refcoco+.py'
model = dict(reranker=dict(type='RegionReranker', config='lavt/lavt_swinb_refcoco+', weights=None), candidates=5)
