# Grounding DINO (Swin-T) finds a box for the sentence, SAM 2.1 (Hiera-T) its mask. Zero-shot; Apache-2.0 both.
model = dict(
    type='GroundedSegmentor',
    detector=dict(
        type='ZeroShotDetector', pretrained='IDEA-Research/grounding-dino-tiny',
        size='about 690 MB'),
    segmenter=dict(type='PromptableSegmenter', pretrained='facebook/sam2.1-hiera-tiny', size='156 MB'),
    test_cfg=dict(eval_size='original'))
