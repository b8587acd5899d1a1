"""tools/dataset_converters/build_vocab.py: what it writes, and its errors."""

import importlib.util
import json
import os
import pickle
from pathlib import Path

import pytest

from mmrefseg.models.text_encoders import RNNEncoder, Vocabulary

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'dataset_converters' / 'build_vocab.py'


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('build_vocab', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_ref(ref_id, split, *texts):
    sentences = [dict(sent_id=10 * ref_id + index, raw=text, sent=text.lower().replace('-', ''),
                      tokens=text.split()) for index, text in enumerate(texts)]
    return dict(ref_id=ref_id, ann_id=ref_id, image_id=1, category_id=1, split=split,
                file_name='COCO_train2014_000000000001_1.jpg',
                sent_ids=[sentence['sent_id'] for sentence in sentences], sentences=sentences)


@pytest.fixture
def ann_dir(tmp_path):
    refs = [make_ref(1, 'train', "Red man's T-shirt", 'red cat', 'blue cat, blue'),
            make_ref(2, 'train', 'blue cat', 'zebra'),
            make_ref(3, 'val', 'giraffe giraffe', 'zebra')]
    for name, protocol in (('unc', 0), ('umd', 2)):
        with open(tmp_path / f'refs({name}).p', 'wb') as file:
            pickle.dump(refs, file, protocol=protocol)
    return tmp_path


@pytest.mark.parametrize('options, expected', [
    ([], ['blue', 'cat', 'red']),
    (['--split-by', 'umd', '--min-count', '3'], ['blue', 'cat']),
    (['--min-count', '1'], ['blue', 'cat', 'red', "man's", 'shirt', 't', 'zebra']),
    (['--splits', 'train', 'val'], ['blue', 'cat', 'giraffe', 'red', 'zebra']),
    (['--splits', 'val', '--min-count', '1'], ['giraffe', 'zebra']),
    (['--min-count', '1', '--text-field', 'sent'],
     ['blue', 'cat', 'red', "man's", 'tshirt', 'zebra']),
])
def test_writes_frequent_words_first(tool, ann_dir, capsys, options, expected):
    out = ann_dir / 'new_folder' / 'vocab.txt'
    tool.main([str(ann_dir), str(out), *options])
    assert out.read_text(encoding='utf-8').split('\n') == [*expected, '']
    assert [path.name for path in out.parent.iterdir()] == ['vocab.txt']  # no temporary file
    assert f'{len(expected)} of ' in capsys.readouterr().out
    assert Vocabulary(out).words == tuple(expected)
    assert RNNEncoder(vocab=str(out), embed_dims=2, hidden_dims=2)(['blue cat']).mask.all()


def test_same_file_every_time(tool, ann_dir):
    texts = set()
    for _ in range(3):
        tool.main([str(ann_dir), str(ann_dir / 'vocab.txt'), '--min-count', '1'])
        texts.add((ann_dir / 'vocab.txt').read_bytes())
    assert len(texts) == 1


def test_reads_real_refcoco(tool, shared_dir, tmp_path):
    tool.main([str(shared_dir / 'refcoco_real' / 'refcoco'), str(tmp_path / 'vocab.txt'),
               '--splits', 'testA', '--min-count', '1'])
    assert len(Vocabulary(tmp_path / 'vocab.txt').words) > 10


@pytest.mark.parametrize('options, message', [
    (['--splits', 'trian'], r'refs\(unc\).p has no split trian; it has train, val'),
    (['--min-count', '99'], 'none of the 7 words occurs 99 times'),
    (['--split-by', 'google'], r'refs\(google\).p'),
])
def test_errors_leave_the_old_file(tool, ann_dir, options, message):
    out = ann_dir / 'vocab.txt'
    out.write_text('old\n')
    with pytest.raises(SystemExit, match=message):
        tool.main([str(ann_dir), str(out), *options])
    assert out.read_text() == 'old\n'


def test_sentence_without_the_text(tool, tmp_path):
    ref = make_ref(5, 'train', 'red')
    del ref['sentences'][0]['raw']
    with open(tmp_path / 'refs(unc).p', 'wb') as file:
        pickle.dump([ref], file, protocol=2)
    with pytest.raises(SystemExit, match=r"ref 5: sentence 50 has no text 'raw'; it has .*'sent'"):
        tool.main([str(tmp_path), str(tmp_path / 'vocab.txt')])


@pytest.mark.parametrize('key', ['split', 'sentences'])
def test_refs_of_another_format(tool, tmp_path, key):
    ref = make_ref(5, 'train', 'red')
    del ref[key]
    with open(tmp_path / 'refs(unc).p', 'wb') as file:
        pickle.dump([make_ref(4, 'train', 'blue'), ref], file, protocol=2)
    with pytest.raises(SystemExit, match=rf'refs\(unc\).p: entry 1 \(ref 5\) has no {key}; it has ref_id, .*sent_ids'):
        tool.main([str(tmp_path), str(tmp_path / 'vocab.txt')])


def test_reads_grefcoco(tool, ann_dir):
    """Expressions without a target have words, too."""
    ref = dict(make_ref(7, 'train', 'purple', 'purple'), ann_id=[-1])
    for by in ('me', 'unc'):
        (ann_dir / f'grefs({by}).json').write_text(json.dumps([ref]))
    tool.main([str(ann_dir), str(ann_dir / 'vocab.txt'), '--split-by', 'me'])
    assert (ann_dir / 'vocab.txt').read_text() == 'purple\n'
    tool.main([str(ann_dir), str(ann_dir / 'vocab.txt')])
    assert 'purple' not in (ann_dir / 'vocab.txt').read_text(), 'refs(unc).p is there'


def test_failed_write_leaves_nothing_behind(tool, tmp_path, monkeypatch):
    out = tmp_path / 'vocab.txt'
    out.write_text('old\n')
    monkeypatch.setattr(os, 'replace', lambda *_: (_ for _ in ()).throw(OSError('disk full')))
    with pytest.raises(OSError, match='disk full'):
        tool.write_words(['new'], out)
    assert out.read_text() == 'old\n' and [*tmp_path.iterdir()] == [out]
