"""A checkpoint comes to the words of another config."""

import pytest
import torch
from conftest import ROOT
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrefseg.checkpoints import change_vocab as tool
from mmrefseg.models import Vocabulary
from mmrefseg.registry import MODELS

OLD, NEW = (ROOT / f'configs/lavt/lavt_nano_{name}.py' for name in ('refshapes', 'grefshapes'))
NAME = 'text_encoder.embedding.weight'


def encoder(config):
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    return MODELS.build(cfg.model.text_encoder).eval()


@torch.no_grad()
def test_words_keep_their_meaning(tmp_path, capsys):
    """Expressions of old words give the same features as before; a new word is read as unknown words were."""
    old, new = encoder(OLD), encoder(NEW)
    torch.save(dict(state_dict={f'text_encoder.{key}': value for key, value in old.state_dict().items()}),
               tmp_path / 'old.pth')
    tool.main([str(tmp_path / 'old.pth'), str(tmp_path / 'new.pth'), '--old', str(OLD), '--new', str(NEW)])
    assert '74 of 89 words keep their embeddings' in capsys.readouterr().out
    weights = torch.load(tmp_path / 'new.pth')['state_dict']
    new.load_state_dict({key.removeprefix('text_encoder.'): value for key, value in weights.items()})
    for said in ('the largest red star', 'yellow moon behind the blue circle', 'red quux', 'the red stars'):
        before, after = old([said]), new([said])
        assert torch.equal(before.words, after.words) and torch.equal(before.sentence, after.sentence)
    assert {path.name for path in tmp_path.iterdir()} == {'old.pth', 'new.pth'}


def test_words_may_go_and_move():
    old, new = Vocabulary(['a', 'b', 'c']), Vocabulary(['c', 'd', 'a'])
    weight = torch.arange(5.)[:, None]  # padding, unknown, a, b, c
    assert tool.change_vocab(weight, old, new).flatten().tolist() == [0, 1, 4, 1, 2]
    with pytest.raises(ValueError, match='has 6 rows, but the old config has 3 words, for which 5 or 7 were expected'):
        tool.change_vocab(torch.zeros(6, 1), old, new)


def test_bad_files(tmp_path):
    torch.save(dict(state_dict={'backbone.weight': torch.zeros(1)}), tmp_path / 'other.pth')
    command = [str(tmp_path / 'other.pth'), str(tmp_path / 'new.pth'), '--new', str(NEW), '--old']
    with pytest.raises(ValueError, match=f'other.pth has no {NAME}'):
        tool.main([*command, str(OLD)])
    with pytest.raises(ValueError, match='lavt_swinb_refcoco.py: model.text_encoder is BERTEncoder, expected RNNEnc'):
        tool.main([*command, str(ROOT / 'configs/lavt/lavt_swinb_refcoco.py')])
    assert not (tmp_path / 'new.pth').exists()
