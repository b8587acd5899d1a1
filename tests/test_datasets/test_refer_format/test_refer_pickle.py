"""The restricted unpickler."""

import pickle
from collections import OrderedDict

import pytest

from mmrefseg.datasets import load_refer_pickle
from mmrefseg.errors import RefDataError

REFS = [dict(ref_id=1, split='val', sentences=[dict(raw='a café', sent_id=2 ** 40, area=1.5)]),
        dict(nothing=None, yes=True, pair=(1, 2))]


def write(folder, content: bytes) -> str:
    path = folder / 'refs(unc).p'
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_reads_every_protocol(tmp_path, protocol):
    assert load_refer_pickle(write(tmp_path, pickle.dumps(REFS, protocol=protocol))) == REFS


@pytest.mark.parametrize('protocol', (0, 2, 4))
def test_reads_the_other_plain_containers(tmp_path, protocol):
    refs = [dict(a={1, 2}, b=frozenset('x'), c=OrderedDict(d=3))]
    assert load_refer_pickle(write(tmp_path, pickle.dumps(refs, protocol=protocol))) == refs


@pytest.mark.parametrize('content, text', [
    (b"(l(dS'raw'\nS'caf\\xc3\\xa9'\nsa.", 'café'),  # Python 2 str, protocol 0, UTF-8
    (b"(l(dS'raw'\nS'caf\\xe9 bar'\nsa.", 'café bar'),  # … Latin-1
    (b"(l(dS'raw'\nVcaf\\u00e9\nsa.", 'café'),  # Python 2 unicode, protocol 0
    (b"(l(dS'raw'\nVcaf\\u00c3\\u00a9\nsa.", 'cafÃ©'),  # … that only looks like UTF-8
    (b'\x80\x02]}U\x03rawU\x05caf\xc3\xa9sa.', 'café'),  # Python 2 str, protocol 2
    (b'\x80\x02]}U\x03rawX\x05\x00\x00\x00caf\xc3\xa9sa.', 'café'),  # Python 2 unicode, protocol 2
])
def test_reads_python_2_text(tmp_path, content, text):
    assert load_refer_pickle(write(tmp_path, content)) == [dict(raw=text)]


class Dangerous:

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize('protocol', (0, 2, 4))
@pytest.mark.parametrize('function, name', [
    (eval, r'(__builtin__|builtins)\.eval'), (print, r'(__builtin__|builtins)\.print'),
    (getattr, r'(__builtin__|builtins)\.getattr'), (pytest.importorskip, r'_pytest\.outcomes'),
    (bytearray, r'(__builtin__|builtins)\.bytearray')])
def test_refuses_any_other_global(tmp_path, capsys, protocol, function, name):
    path = write(tmp_path, pickle.dumps([Dangerous(function, 'x')], protocol=protocol))
    with pytest.raises(RefDataError, match=rf'refs\(unc\)\.p asks for the global "{name}'):
        load_refer_pickle(path)
    assert not capsys.readouterr().out


def test_refuses_names_with_dots(tmp_path):
    """Protocol 4 reaches attributes of allowed globals by dots."""
    content = b'\x80\x04\x8c\x08builtins\x8c\x0cset.__init__\x93.'
    with pytest.raises(RefDataError, match='builtins.set.__init__'):
        load_refer_pickle(write(tmp_path, content))


@pytest.mark.parametrize('content', [
    b'', b'hello', pickle.dumps(REFS, 2)[:-20], pickle.dumps(REFS, 0)[:30], b'\x80\x63.',
    b'\x80\x02\x82\x01.', b'\x80\x02]}K\x01a.', b'Pid\n.', b"cos\n", b'\x80\x04\x95' + b'\xff' * 8])
def test_broken_file(tmp_path, content):
    with pytest.raises(RefDataError, match=r'refs\(unc\)\.p'):
        load_refer_pickle(write(tmp_path, content))


@pytest.mark.parametrize('content, found', [(dict(a=1), 'dict'), ([1, 2], 'list with other')])
def test_other_content(tmp_path, content, found):
    with pytest.raises(RefDataError, match=f'should hold a list of refs .* holds {found}'):
        load_refer_pickle(write(tmp_path, pickle.dumps(content)))


def test_missing_file(tmp_path):
    with pytest.raises(RefDataError, match='none.p cannot be read'):
        load_refer_pickle(tmp_path / 'none.p')
