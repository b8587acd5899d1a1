"""The index of a dataset on disk: mapped again, made anew when it may not be trusted, shared by processes."""

import multiprocessing
import os
import pickle
import time

import numpy as np
import pytest
from refer_toy import toy, write_toy

from mmrefseg.datasets import (
    ReferDataset,
    ReferIndex,
    ReferItDataset,
    open_refer_index,
)
from mmrefseg.datasets.refer_format import index_cache, index_file
from mmrefseg.datasets.refer_format import reader as refer_reader
from mmrefseg.datasets.refer_format.index_cache import index_paths
from mmrefseg.datasets.refer_format.index_file import IndexFileError, map_arrays, write_arrays
from mmrefseg.datasets.refer_format.reader import fingerprints
from mmrefseg.datasets.referit import ReferItIndex
from mmrefseg.errors import RefDataError


def is_mapped(array):
    """Whether an array is read-only and lies in a file's pages, where the system says so."""
    if not os.path.exists('/proc/self/maps'):
        return not array.flags.writeable
    address = array.__array_interface__['data'][0]
    with open('/proc/self/maps') as file:
        spans = [line.split()[0].split('-') for line in file if '.index' in line]
    return not array.flags.writeable and any(int(a, 16) <= address < int(b, 16) for a, b in spans)


@pytest.fixture
def paths(tmp_path, monkeypatch):
    """The two files of a toy, whose index goes beside them, or else into ``tmp_path / 'home'``."""
    monkeypatch.delenv('MMREFSEG_CACHE_DIR')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'home'))
    write_toy(tmp_path, images=False)
    return str(tmp_path / 'toy' / 'instances.json'), str(tmp_path / 'toy' / 'refs(unc).p')


@pytest.fixture
def reads(monkeypatch):
    """The names of the files that were parsed."""
    parsed = []

    def read(*paths):
        parsed.append([os.path.basename(path) for path in paths])
        return original(*paths)

    original = index_cache.read_refer_index
    monkeypatch.setattr(index_cache, 'read_refer_index', read)
    return parsed


def same(index, other):
    arrays, others = index.to_arrays(), other.to_arrays()
    return list(arrays) == list(others) and all(
        arrays[name].dtype == others[name].dtype and np.array_equal(arrays[name], others[name]) for name in arrays)


def spoilt():
    """The toy with problems of two kinds, whose texts must come back too."""
    data = toy()
    data['refs'][0]['ann_id'] = 77
    data['refs'][2]['sentences'] = []
    data['refs'][3]['sentences'][0]['raw'] = 'naïve 犬'
    return data


def test_parsed_once_and_then_mapped(paths, tmp_path, reads):
    write_toy(tmp_path, spoilt(), images=False)
    first = index_cache.read_refer_index(*paths)
    reads.clear()
    for _ in range(2):
        index = open_refer_index(*paths)
        assert same(index, first) and open_refer_index(*paths) is index
        assert all(is_mapped(array) for array in index.to_arrays().values() if array.size)
        assert not any(array.flags.writeable for array in index.to_arrays().values())
        assert index.problem_text.tolist() == ['its annotation 77 is not in instances.json', 'it has no expression']
        assert index.expression_text(index.ref_expressions[3]) == 'naïve 犬'
        assert index.segmentation(1) == first.segmentation(1) and str(index.image_name[2]) == 'picture_3.png'
        del index
    assert len(reads) == 1
    assert sorted(os.listdir(tmp_path / 'toy')) == ['instances.json', 'refs(unc).p', 'refs(unc).p.index']


def touch(paths):
    os.utime(paths[1], ns=(0, 10**9))


def replace_instances(paths):
    with open(paths[0], 'a') as file:
        file.write(' ')


def another_version(paths):
    content = open(f'{paths[1]}.index', 'rb').read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_file, 'FORMAT_VERSION', index_file.FORMAT_VERSION + 1)
        index = open_refer_index(*paths)
    assert same(index, index_cache.read_refer_index(*paths))
    assert open(f'{paths[1]}.index', 'rb').read() != content


def empty(paths):
    open(f'{paths[1]}.index', 'wb').close()


def foreign(paths):
    with open(f'{paths[1]}.index', 'wb') as file:
        pickle.dump(dict(a=1), file)


@pytest.mark.parametrize('spoil', [touch, replace_instances, another_version, empty, foreign])
def test_made_anew(paths, reads, spoil):
    open_refer_index(*paths)
    spoil(paths)
    reads.clear()
    assert same(open_refer_index(*paths), index_cache.read_refer_index(*paths))
    assert len(reads) == 2
    open_refer_index(*paths)
    assert len(reads) == 2, 'and kept again'


def test_other_annotations_under_the_same_names(paths, tmp_path):
    assert len(open_refer_index(*paths).ref_id) == 6
    data = toy()
    del data['refs'][-1]
    write_toy(tmp_path, data, images=False)
    assert len(open_refer_index(*paths).ref_id) == 5


def test_no_damage_goes_unseen(paths):
    """Cut anywhere, or with any one of many bytes changed, the file is not trusted."""
    sources = fingerprints(*paths)
    open_refer_index(*paths)
    path = f'{paths[1]}.index'
    content = open(path, 'rb').read()
    assert ReferIndex.map_file(path, sources)
    spoilt = [content[:length] for length in range(0, len(content), 97)] + [content + bytes(64)]
    for place in [*range(60), *range(60, len(content), 41)]:
        spoilt.append(content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1:])
    for text in spoilt:
        with open(path, 'wb') as file:
            file.write(text)
        with pytest.raises(IndexFileError):
            ReferIndex.map_file(path, sources)


def test_blocks_that_change_places_are_noticed(tmp_path):
    """A sum of all words would be the same: here words, and whole blocks of a megabyte, are exchanged."""
    path = tmp_path / 'a.index'
    write_arrays(path, dict(a=np.arange(2**19)), [])
    content = path.read_bytes()
    start = len(content) - 2**22
    for size in (8, 512, 4096, 2**20):
        one, other = start, start + 2**21
        spoilt = bytearray(content)
        spoilt[one:one + size], spoilt[other:other + size] = content[other:other + size], content[one:one + size]
        path.write_bytes(spoilt)
        with pytest.raises(IndexFileError, match='its checksum is wrong'):
            map_arrays(path, [], ['a'])
    path.write_bytes(content)
    assert map_arrays(path, [], ['a'])['a'][-1] == 2**19 - 1


@pytest.fixture
def counts(monkeypatch):
    """The files whose checksum was counted, every file being large, and left alone since yesterday."""
    def count(file, header):
        counted.append(file.name)
        return original(file, header)

    original, counted, now = index_file._checksum, [], index_file.time.time_ns
    monkeypatch.setattr(index_file, '_checksum', count)
    monkeypatch.setattr(index_file, 'COUNTED_ONCE_FROM', 0)
    monkeypatch.setattr(index_file.time, 'time_ns', lambda: now() + 24 * 3600 * 10**9)
    return counted


def test_a_large_file_is_counted_once(tmp_path, counts):
    path = tmp_path / 'a.index'
    write_arrays(path, dict(a=np.arange(2**18)), [])
    counts.clear()
    for _ in range(3):
        assert map_arrays(path, [], ['a'])['a'][-1] == 2**18 - 1
    assert len(counts) == 1 and sorted(os.listdir(tmp_path)) == ['a.index', 'a.index.counted']
    for spoil in (b'', b'{}', b'[1', b'\xff'):  # a note that says nothing
        (tmp_path / 'a.index.counted').write_bytes(spoil)
        counts.clear()
        map_arrays(path, [], ['a'])
        map_arrays(path, [], ['a'])
        assert len(counts) == 1


@pytest.mark.parametrize('way', ['in place', 'in place, under the old time', 'replaced, under the old time'])
def test_damage_after_the_file_was_counted_is_noticed(tmp_path, counts, way):
    path = tmp_path / 'a.index'
    write_arrays(path, dict(a=np.arange(2**18)), [])
    map_arrays(path, [], ['a'])
    before = os.stat(path)
    content = bytearray(path.read_bytes())
    content[-4096:], content[-8192:-4096] = content[-8192:-4096], content[-4096:]
    time.sleep(.05)  # a tick of the file system's clock
    if way.startswith('replaced'):
        (tmp_path / 'b').write_bytes(content)
        os.replace(tmp_path / 'b', path)
    else:
        with open(path, 'r+b') as file:
            file.write(content)
    if way.endswith('old time'):
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(IndexFileError, match='its checksum is wrong'):
        map_arrays(path, [], ['a'])


def test_a_file_just_written_is_counted_again(tmp_path, counts, monkeypatch):
    """The next write could have the same time."""
    path = tmp_path / 'a.index'
    write_arrays(path, dict(a=np.arange(9)), [])
    monkeypatch.setattr(index_file.time, 'time_ns', lambda: os.stat(path).st_ctime_ns + 10**9)
    counts.clear()
    for _ in range(2):
        map_arrays(path, [], ['a'])
    assert len(counts) == 2 and os.listdir(tmp_path) == ['a.index']


@pytest.mark.parametrize('about', [
    '{}', '[]', 'no JSON', '{"version": 3, "sources": [], "names": ["b"], "texts": {}}',
    '{"version": 3, "sources": [], "names": ["a"], "texts": {"a": "|O"}}',
    '{"version": 3, "sources": [], "names": ["a"], "texts": {"a": "<M8[s]"}}',
    '{"version": 3, "sources": [], "names": ["a"], "texts": 3}'])
def test_metadata_that_lie_with_a_checksum_that_is_right(tmp_path, monkeypatch, about):
    path = tmp_path / 'a.index'
    with monkeypatch.context() as patch:
        patch.setattr(index_file.json, 'dumps', lambda value: about)
        write_arrays(path, dict(a=np.arange(3, dtype=np.uint32)), [])
    with pytest.raises(IndexFileError):
        map_arrays(path, [], ['a'])


@pytest.mark.parametrize('array', [
    np.arange(6.).reshape(2, 3)[:, ::2], np.empty((0, 2), np.int64), np.array(['é', 'long one']), np.array([True]),
    np.array([], np.str_), np.array(5, np.int8)])
def test_arrays_of_any_kind_come_back(tmp_path, array):
    write_arrays(tmp_path / 'a', dict(first=array, second=np.arange(3)), [[1, 2]])
    arrays = map_arrays(tmp_path / 'a', [[1, 2]], ['first', 'second'])
    assert arrays['first'].dtype == array.dtype and arrays['first'].shape == array.shape
    np.testing.assert_array_equal(arrays['first'], array)
    np.testing.assert_array_equal(arrays['second'], np.arange(3))
    for sources, names in (([[1, 3]], ['first', 'second']), ([[1, 2]], ['first']), ([[1, 2]], ['second', 'first'])):
        with pytest.raises(IndexFileError):
            map_arrays(tmp_path / 'a', sources, names)


def test_a_folder_that_cannot_be_written(paths, tmp_path, reads):
    os.mkdir(f'{paths[1]}.index')  # nothing can take its place, not even for root
    for _ in range(2):
        assert len(open_refer_index(*paths).ref_id) == 6
    assert len(reads) == 1
    kept, = os.listdir(tmp_path / 'home' / 'mmrefseg')
    assert kept == os.path.basename(index_paths(*paths)[1]) and kept.startswith('refs(unc).p.')
    assert len(os.listdir(tmp_path / 'toy')) == 3, 'no part of a file is left'


def test_where_nothing_can_be_written_there_is_a_warning(paths, tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(index_cache, 'print_log', lambda line, **kwargs: lines.append(line))
    (tmp_path / 'home').write_text('no folder')
    os.mkdir(f'{paths[1]}.index')
    index = open_refer_index(*paths)
    assert len(index.ref_id) == 6 and index.kept_in is None
    assert len(lines) == 1 and 'could not be kept' in lines[0] and 'MMREFSEG_CACHE_DIR' in lines[0]
    assert same(pickle.loads(pickle.dumps(index)), index)


def test_a_folder_of_choice(paths, tmp_path, monkeypatch, reads):
    monkeypatch.setenv('MMREFSEG_CACHE_DIR', str(tmp_path / 'chosen' / 'deep'))
    write_toy(tmp_path / 'other', images=False)
    for root in (tmp_path, tmp_path / 'other', tmp_path):
        open_refer_index(root / 'toy' / 'instances.json', root / 'toy' / 'refs(unc).p')
    assert len(reads) == 2 and len(os.listdir(tmp_path / 'chosen' / 'deep')) == 2
    assert sorted(os.listdir(tmp_path / 'toy')) == ['instances.json', 'refs(unc).p']


def test_files_that_change_while_they_are_read(paths, monkeypatch):
    monkeypatch.setattr(refer_reader, '_build', lambda *found: replace_instances(found))
    with pytest.raises(RefDataError, match='changed while they were read'):
        open_refer_index(*paths)
    assert not os.path.exists(f'{paths[1]}.index')


def test_relative_paths(paths, tmp_path, monkeypatch, reads):
    monkeypatch.chdir(tmp_path / 'toy')
    index = open_refer_index('instances.json', 'refs(unc).p')
    monkeypatch.chdir('/')
    assert same(pickle.loads(pickle.dumps(index)), index) and open_refer_index(*paths) is index and len(reads) == 1


def test_missing_files(paths):
    os.remove(paths[1])
    with pytest.raises(RefDataError, match=r'refs\(unc\).p cannot be read: No such file'):
        open_refer_index(*paths)


def open_and_report(paths, barrier, report):
    barrier.wait()
    index = open_refer_index(*paths)
    report.put((index.kept_in[0], index.expression_text(5), index.coordinates.sum()))


def test_processes_that_start_at_once(paths, tmp_path):
    context = multiprocessing.get_context('fork')
    barrier, report = context.Barrier(4), context.Queue()
    processes = [context.Process(target=open_and_report, args=(paths, barrier, report)) for _ in range(4)]
    for process in processes:
        process.start()
    found = {report.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    index = open_refer_index(*paths)
    assert found == {(f'{paths[1]}.index', index.expression_text(5), index.coordinates.sum())}
    assert sorted(os.listdir(tmp_path / 'toy')) == ['instances.json', 'refs(unc).p', 'refs(unc).p.index']


def test_the_index_of_a_quicker_process_stays(paths, monkeypatch):
    """It is mapped there already: another one would be a copy in memory."""
    def read(*found):
        index = original(*found)
        write_arrays(f'{paths[1]}.index', index.to_arrays(), fingerprints(*paths))
        written.append(os.stat(f'{paths[1]}.index').st_ino)
        return index

    original, written = index_cache.read_refer_index, []
    monkeypatch.setattr(index_cache, 'read_refer_index', read)
    index = open_refer_index(*paths)
    assert [os.stat(f'{paths[1]}.index').st_ino] == written and is_mapped(index.raw)


def test_other_processes_open_the_file_instead_of_being_sent_it(paths, reads):
    index = open_refer_index(*paths)
    sent = pickle.dumps(index)
    assert len(sent) < 1000
    received = pickle.loads(sent)
    assert received is not index and same(received, index) and received.kept_in == index.kept_in
    touch(paths)
    open_refer_index(*paths)  # takes the place of the file
    with pytest.raises(IndexFileError, match='of other sources'):
        pickle.loads(sent)


@pytest.mark.parametrize('kind', [ReferDataset, ReferItDataset])
def test_datasets_use_it(paths, tmp_path, reads, kind):
    options = dict(data_root=str(tmp_path), ann_dir='toy', split_by='unc', data_prefix=dict(img='pictures'))
    infos = []
    for _ in range(2):
        dataset = kind(split='train', sample_by='expression', **options)
        assert kind(split='val', **options).index.raw is dataset.index.raw
        assert is_mapped(dataset.index.raw)
        infos.append([dataset.get_data_info(i) for i in range(len(dataset))])
        del dataset
    assert infos[0] == infos[1] and len(reads) == 1
    again = pickle.loads(pickle.dumps(kind(split='train', sample_by='expression', **options)))
    assert type(again.index) is (ReferIndex if kind is ReferDataset else ReferItIndex)
    assert [again.get_data_info(i) for i in range(len(again))] == infos[0]
