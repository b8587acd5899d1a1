"""OpenAI's archives: both towers start from one, whose program is not run; what else a file may be."""

import pickle
import zipfile

import pytest
import torch
from torch import nn
from transformers import CLIPConfig, CLIPModel

from mmrefseg.checkpoints.torchscript_archive import is_torchscript_archive, read_torchscript_weights
from mmrefseg.models import CLIPResNet, CLIPTextEncoder

VISION = dict(depth=[1, 1, 1, 1], stem_channels=4, pool_channels=8, head_channels=32, grid=2)
TEXT = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, projection_dim=8)
ENCODER = dict(config=dict(model_type='clip_text_model', **TEXT), tokenizer=['r e', 're d</w>'], max_length=12)
RENAMED = [('self_attn.out_proj', 'attn.out_proj'), ('layer_norm1', 'ln_1'), ('layer_norm2', 'ln_2'),
           ('mlp.fc1', 'mlp.c_fc'), ('mlp.fc2', 'mlp.c_proj'), ('encoder.layers', 'transformer.resblocks'),
           ('final_layer_norm', 'ln_final'), ('embeddings.token_embedding', 'token_embedding'),
           ('embeddings.position_embedding.weight', 'positional_embedding')]


class Tree(nn.Module):
    """A module with weights of any dotted names."""

    def __init__(self, weights):
        super().__init__()
        children = {}
        for name, value in weights.items():
            first, _, rest = name.partition('.')
            if rest:
                children.setdefault(first, {})[rest] = value
            else:
                self.register_buffer(first, value)
        for name, below in children.items():
            self.add_module(name, Tree(below))

    def forward(self, images):
        return images


def openai_names(text):
    """A text tower of transformers as OpenAI names it: queries, keys and values are one weight."""
    weights = {}
    for name, value in text.items():
        if 'position_ids' in name or '.k_proj' in name or '.v_proj' in name:
            continue
        if '.q_proj' in name:
            value = torch.cat([text[name.replace('q_proj', f'{part}_proj')] for part in 'qkv'])
            name = name.replace('self_attn.q_proj.', 'attn.in_proj_')
        for theirs, openai in RENAMED:
            name = name.replace(theirs, openai)
        weights[name] = value
    return weights


@pytest.fixture(scope='module')
def archive(tmp_path_factory):
    """The file, and the weights in it, in half precision."""
    torch.manual_seed(3)
    encoder = CLIPTextEncoder(pretrained=None, **ENCODER)
    vision = {name: value for name, value in CLIPResNet(**VISION).state_dict().items()
              if 'connect' not in name and 'num_batches' not in name}
    weights = {**openai_names(encoder.model.state_dict()),
               **{f'visual.{name}': value for name, value in vision.items()},
               'text_projection': torch.randn(16, 8), 'logit_scale': torch.tensor(4.6)}
    weights = {name: value.half() for name, value in weights.items()}
    path = tmp_path_factory.mktemp('clip') / 'RN50.pt'
    torch.jit.trace(Tree({**weights, 'input_resolution': torch.tensor(64)}), torch.zeros(1)).save(str(path))
    return path, weights


def test_the_weights_are_those_of_torch(archive):
    path, weights = archive
    assert is_torchscript_archive(path)
    found = read_torchscript_weights(path)
    assert found.keys() - weights.keys() == {'input_resolution'} and found['input_resolution'] == 64
    assert all(torch.equal(found[name], value) and found[name].dtype == torch.half for name, value in weights.items())


def test_both_towers_start_from_it(archive):
    path, weights = archive
    backbone, encoder = CLIPResNet(**VISION, pretrained=path), CLIPTextEncoder(path, project_sentence=True, **ENCODER)
    new = backbone.attnpool.connect[0].weight.clone()
    for part in (backbone, encoder):
        part.init_weights()
    for name, value in backbone.state_dict().items():
        if f'visual.{name}' in weights:
            assert torch.equal(value, weights[f'visual.{name}'].float())
    assert torch.equal(backbone.attnpool.connect[0].weight, new)  # what CLIP has not
    ours = openai_names(encoder.model.state_dict())
    assert all(torch.equal(value, weights[name].float()) for name, value in ours.items())
    assert torch.equal(encoder.text_projection.weight, weights['text_projection'].t().float())


def test_the_projection_of_a_folder_of_transformers(tmp_path):
    torch.manual_seed(1)
    text = dict(TEXT, vocab_size=600, bos_token_id=512, eos_token_id=513)
    whole = CLIPModel(CLIPConfig(
        text_config=text, vision_config=dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                                             intermediate_size=16, image_size=32, patch_size=16), projection_dim=8))
    whole.save_pretrained(tmp_path)
    encoder = CLIPTextEncoder(str(tmp_path), config=dict(projection_dim=8), tokenizer=[], project_sentence=True)
    encoder.init_weights()
    assert torch.equal(encoder.text_projection.weight, whole.text_projection.weight)
    found, expected = encoder.model.state_dict(), whole.text_model.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in found.items())


def test_another_architecture(archive):
    path, _ = archive
    with pytest.raises(ValueError, match='does not hold the CLIPTextModel that text_encoder.config describes'):
        CLIPTextEncoder(path, **dict(ENCODER, config=dict(ENCODER['config'], num_hidden_layers=3))).init_weights()
    with pytest.raises(ValueError, match="lacks 'layer1.1.conv1.weight', which backbone.depth describes"):
        CLIPResNet(**dict(VISION, depth=[2, 1, 1, 1]), pretrained=path).init_weights()


def test_other_files(tmp_path, archive):
    plain = tmp_path / 'plain.pt'
    torch.save(archive[1], plain)  # a plain state dict will do
    CLIPResNet(**VISION, pretrained=plain).init_weights()
    torch.save(dict(other=torch.zeros(1)), plain)
    with pytest.raises(ValueError, match="holds no weights of the names visual.…, found \\['other'\\]"):
        CLIPResNet(**VISION, pretrained=plain).init_weights()
    broken = tmp_path / 'broken.pt'
    broken.write_bytes(b'no checkpoint')
    with pytest.raises(OSError, match='backbone.pretrained=.*broken.pt.* cannot be read'):
        CLIPResNet(**VISION, pretrained=broken).init_weights()


class Evil:
    def __reduce__(self):
        return print, ('run',)


@pytest.mark.parametrize('content,message', [
    (Evil(), 'asks for "builtins.print", which no weight needs'), (torch.float32, 'asks for "torch.float32"')])
def test_nothing_else_is_built(tmp_path, content, message, capsys):
    path = tmp_path / 'evil.pt'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('evil/data.pkl', pickle.dumps(content, protocol=2).replace(b'__builtin__', b'builtins'))
        archive.writestr('evil/code/__torch__.py', '')
    with pytest.raises(ValueError, match=message):
        read_torchscript_weights(path)
    assert capsys.readouterr().out == ''
