# MM-Grounding-DINO (Swin-T) of OpenMMLab, not one of its models that have seen RefCOCO, and SAM 2.1 (Hiera-T).
model = dict(
    type='GroundedSegmentor',
    detector=dict(
        type='ZeroShotDetector', pretrained='openmmlab-community/mm_grounding_dino_tiny_o365v1_goldg_grit_v3det',
        size='about 690 MB'),
    segmenter=dict(type='PromptableSegmenter', pretrained='facebook/sam2.1-hiera-tiny', size='156 MB'),
    test_cfg=dict(eval_size='original'))
