# OWLv2 (ViT-B/16) knows kinds of things better than relations; SAM 2.1 (Hiera-T). Zero-shot; Apache-2.0 both.
model = dict(
    type='GroundedSegmentor',
    detector=dict(
        type='ZeroShotDetector', pretrained='google/owlv2-base-patch16-ensemble',
        size='about 620 MB'),
    segmenter=dict(type='PromptableSegmenter', pretrained='facebook/sam2.1-hiera-tiny', size='156 MB'),
    test_cfg=dict(eval_size='original'))
