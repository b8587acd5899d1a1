# S2RM and CASG whose words come from CLIP's text tower; CASG is guided by CLIP's own feature of the sentence.
_base_ = '../s2rm/s2rm-casg_swint_refcoco.py'

model = dict(
    text_encoder=dict(_delete_=True, type='CLIPTextEncoder', pretrained='openai/clip-vit-base-patch32', max_length=22),
    fusion=dict(text_channels=512),
    decoder=dict(text_channels=512))
