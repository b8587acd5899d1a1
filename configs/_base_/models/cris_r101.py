# CRIS with CLIP's RN101, whose embedding is 512 wide.
_base_ = './cris_r50.py'

clip = ('https://openaipublic.azureedge.net/clip/models/'
        '8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599/RN101.pt')
model = dict(
    text_encoder=dict(pretrained=clip, config=dict(projection_dim=512)),
    backbone=dict(depth=101, pool_channels=512, pretrained=clip),
    fusion=dict(in_channels=[512, 1024, 512], text_channels=512),
    decode_head=dict(text_channels=512))
