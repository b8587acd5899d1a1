"""Models of transformers of a few thousand random weights, saved with their processors to folders."""

import json

import tokenizers
import torch
import transformers
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.grounding_dino.image_processing_pil_grounding_dino import GroundingDinoImageProcessorPil
from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'
WORDS = ['the', 'man', 'red', 'left', 'circle', 'square', 'of', 'in']
SIDE = 64


def save(folder, model, processor):
    """Both, as ``hf download`` leaves them; the folder."""
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return str(folder)


def word_pieces():
    """BERT's tokenizer; the ids that Grounding DINO looks for ([CLS], [SEP], "." and "?") are BERT's own."""
    words = ['[PAD]', *(f'[unused{i}]' for i in range(99)), '[UNK]', '[CLS]', '[SEP]', '[MASK]', ',', "'", '-',
             *LETTERS, *(f'##{letter}' for letter in LETTERS), *WORDS]
    words += [f'[more{i}]' for i in range(len(words), 1012)] + ['.']
    words += [f'[more{i}]' for i in range(len(words), 1029)] + ['?']
    return transformers.BertTokenizer(vocab={word: i for i, word in enumerate(words)})


def clip_bytes():
    """CLIP's tokenizer over bytes that are never merged."""
    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    words = letters + [f'{letter}</w>' for letter in letters] + ['<|startoftext|>', '<|endoftext|>']
    return transformers.CLIPTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[])


def save_grounding_dino(folder, kind=''):
    """Grounding DINO, or with 'MM' MM-Grounding-DINO."""
    torch.manual_seed(1)
    small = dict(encoder_layers=1, encoder_ffn_dim=16, encoder_attention_heads=2, decoder_layers=2, decoder_ffn_dim=16,
                 decoder_attention_heads=2)
    config = getattr(transformers, f'{kind}GroundingDinoConfig')(
        backbone_config=transformers.SwinConfig(
            image_size=SIDE, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,
            out_indices=[2, 3, 4]),
        text_config=transformers.BertConfig(
            vocab_size=1030, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16),
        num_queries=12, d_model=64, **small)
    model = getattr(transformers, f'{kind}GroundingDinoForObjectDetection')(config)
    wake(model)
    with torch.no_grad():  # or every score would be 1
        model.model.decoder.layer_norm.weight.mul_(0.02)
    images = GroundingDinoImageProcessorPil(size=dict(shortest_edge=SIDE, longest_edge=96))
    return save(folder, model, transformers.GroundingDinoProcessor(images, word_pieces()))


def save_owlv2(folder):
    """OWLv2."""
    torch.manual_seed(2)
    config = transformers.Owlv2Config(
        text_config=dict(vocab_size=514, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                         num_attention_heads=2, bos_token_id=512, eos_token_id=513, pad_token_id=513),
        vision_config=dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
                           image_size=SIDE, patch_size=16),
        projection_dim=16)
    model = transformers.Owlv2ForObjectDetection(config)
    wake(model)
    images = Owlv2ImageProcessorPil(size=dict(height=SIDE, width=SIDE))
    return save(folder, model, transformers.Owlv2Processor(images, clip_bytes()))


def sam_parts():
    """What the configs of SAM and SAM-HQ have in common."""
    return dict(
        vision_config=dict(hidden_size=16, output_channels=16, num_hidden_layers=1, num_attention_heads=2,
                           image_size=SIDE, patch_size=8, window_size=4, global_attn_indexes=[0], mlp_dim=16,
                           num_pos_feats=8),
        prompt_encoder_config=dict(hidden_size=16, image_size=SIDE, patch_size=8, mask_input_channels=4),
        mask_decoder_config=dict(hidden_size=16, mlp_dim=16, num_hidden_layers=1, num_attention_heads=2,
                                 iou_head_hidden_dim=16, iou_head_depth=2, vit_dim=16))


def save_sam(folder, kind='Sam'):
    """SAM, or with 'SamHQ' SAM-HQ."""
    torch.manual_seed(3)
    parts = sam_parts()
    if kind == 'Sam':
        del parts['mask_decoder_config']['vit_dim']
    model = getattr(transformers, f'{kind}Model')(getattr(transformers, f'{kind}Config')(**parts))
    wake(model)
    images = SamImageProcessorPil(size=dict(longest_edge=SIDE), pad_size=dict(height=SIDE, width=SIDE))
    return save(folder, model, getattr(transformers, f'{kind}Processor')(images))


def save_sam2(folder, config_class='Sam2Config'):
    """SAM 2, whose published files name the config of its sibling for videos."""
    torch.manual_seed(4)
    config = getattr(transformers, config_class)(
        vision_config=transformers.Sam2VisionConfig(
            backbone_config=transformers.Sam2HieraDetConfig(
                hidden_size=8, num_attention_heads=1, blocks_per_stage=[1, 1, 2, 1],
                embed_dim_per_stage=[8, 16, 32, 64],
                num_attention_heads_per_stage=[1, 1, 1, 1], window_size_per_stage=[4, 4, 4, 4],
                image_size=[SIDE, SIDE], global_attention_blocks=[3],
                window_positional_embedding_background_size=[4, 4]),
            backbone_channel_list=[64, 32, 16, 8], fpn_hidden_size=16,
            backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
            num_feature_levels=3),
        prompt_encoder_config=dict(hidden_size=16, image_size=SIDE, patch_size=16, mask_input_channels=4),
        mask_decoder_config=dict(hidden_size=16, mlp_dim=16, num_hidden_layers=1, num_attention_heads=2,
                                 iou_head_hidden_dim=16, iou_head_depth=2))
    model = transformers.Sam2Model(config)
    wake(model)
    model.eval().save_pretrained(folder)
    # As published: the class, which needs torchvision, and the settings.
    (folder / 'preprocessor_config.json').write_text(json.dumps(dict(
        image_processor_type='Sam2ImageProcessorFast', size=dict(height=SIDE, width=SIDE), resample=2,
        image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225], do_rescale=True, do_normalize=True,
        rescale_factor=1 / 255, mask_size=dict(height=16, width=16))))
    return str(folder)


def save_clipseg(folder):
    """CLIPSeg."""
    torch.manual_seed(5)
    small = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2)
    config = transformers.CLIPSegConfig(
        text_config=dict(vocab_size=514, bos_token_id=512, eos_token_id=513, pad_token_id=513, **small),
        vision_config=dict(image_size=SIDE, patch_size=16, **small),
        projection_dim=16, reduce_dim=16, extract_layers=[0, 1], decoder_num_attention_heads=2,
        decoder_intermediate_size=16)
    model = transformers.CLIPSegForImageSegmentation(config)
    wake(model)
    images = ViTImageProcessorPil(size=dict(height=SIDE, width=SIDE))
    return save(folder, model, transformers.CLIPSegProcessor(images, clip_bytes()))


def save_florence2(folder):
    """Florence-2, whose words are letters and places: what it writes at random is mostly places."""
    torch.manual_seed(6)
    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    words = ['<s>', '<pad>', '</s>', '<unk>', *letters]
    tokenizer = transformers.BartTokenizer(
        vocab={word: i for i, word in enumerate(words)}, merges=[], extra_special_tokens=dict(image_token='<image>'))
    tokenizer.add_tokens([f'<loc_{i}>' for i in range(1000)] + ['<poly>', '</poly>', '<sep>', '<and>'])
    config = transformers.Florence2Config(
        text_config=dict(model_type='bart', vocab_size=len(tokenizer), d_model=16, encoder_layers=1, decoder_layers=1,
                         encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
                         max_position_embeddings=128, bos_token_id=0, pad_token_id=1, eos_token_id=2,
                         decoder_start_token_id=2, forced_eos_token_id=2),
        vision_config=dict(embed_dim=[8, 8, 16, 16], num_heads=[1, 1, 2, 2], num_groups=[1, 1, 2, 2],
                           depths=[1, 1, 1, 1], projection_dim=16, window_size=2, max_temporal_embeddings=4,
                           max_position_embeddings=8),
        image_token_id=tokenizer.image_token_id)
    model = transformers.Florence2ForConditionalGeneration(config)
    wake(model)
    images = CLIPImageProcessorPil(size=dict(height=SIDE, width=SIDE), do_center_crop=False)
    images.image_seq_length = 5
    processor = transformers.Florence2Processor(
        images, tokenizer, post_processor_config=dict(polygons=dict(PATTERN='')))
    return save(folder, model, processor)


def save_sam3(folder):
    """SAM 3, with the settings of an image processor that needs torchvision, as it is published."""
    torch.manual_seed(7)
    layer = dict(hidden_size=16, num_attention_heads=2, intermediate_size=16)
    side = 56
    config = transformers.Sam3Config(
        vision_config=dict(
            backbone_config=dict(model_type='sam3_vit_model', num_hidden_layers=1, image_size=side, patch_size=14,
                                 window_size=2, global_attn_indexes=[0], pretrain_image_size=side, **layer),
            fpn_hidden_size=16, backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]]),
        text_config=dict(vocab_size=514, num_hidden_layers=1, projection_dim=16, max_position_embeddings=32,
                         bos_token_id=512, eos_token_id=513, pad_token_id=513, **layer),
        geometry_encoder_config=dict(num_layers=1, **layer), detr_encoder_config=dict(num_layers=1, **layer),
        detr_decoder_config=dict(num_layers=1, num_queries=6, **layer),
        mask_decoder_config=dict(hidden_size=16, num_upsampling_stages=3, num_attention_heads=2))
    model = transformers.Sam3Model(config)
    wake(model)
    save(folder, model, clip_bytes())
    (folder / 'preprocessor_config.json').write_text(json.dumps(dict(
        image_processor_type='Sam3ImageProcessorFast', size=dict(height=side, width=side), resample=2,
        image_mean=[0.5] * 3, image_std=[0.5] * 3, do_rescale=True, do_normalize=True, rescale_factor=1 / 255)))
    return str(folder)


def save_mm_grounding_dino(folder):
    """MM-Grounding-DINO."""
    return save_grounding_dino(folder, 'MM')


def save_sam_hq(folder):
    """SAM-HQ."""
    return save_sam(folder, 'SamHQ')


def save_sam2_video(folder):
    """SAM 2 as it is published, beside the config of its sibling for videos."""
    return save_sam2(folder, 'Sam2VideoConfig')


def wake(model, size=1.5):
    """Larger random weights than a start of training has, so that image and sentence move what comes out."""
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.copy_(torch.randn_like(weight) * (size / weight[0].numel()**0.5))
