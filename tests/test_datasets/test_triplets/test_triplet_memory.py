"""The memory that a list of millions of rows takes at its first start."""

import json
import tracemalloc

import numpy as np
from PIL import Image

from mmrefseg.datasets import spool
from mmrefseg.datasets.triplets import TripletList, reader
from mmrefseg.datasets.triplets.index import read_triplet_index


def peak(folder, count):
    """Bytes at the peak while a list of so many rows, each with an outline of 40 points, is read."""
    outline = np.random.default_rng(0).uniform(0, 16, (count, 80)).round(2)
    with open(folder / 'list.jsonl', 'w') as file:
        for number, points in enumerate(outline):
            file.write(json.dumps(dict(image='a.png', expression=f'number {number}', mask=[points.tolist()])) + '\n')
    tracemalloc.start()
    try:
        index = read_triplet_index(TripletList(str(folder / 'list.jsonl'), str(folder), str(folder)))
        assert len(index.ref_id) == count and np.array_equal(index.segmentation(count - 1), outline[-1:])
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_row_takes_little(tmp_path, monkeypatch):
    """Outlines, texts and what tells rows apart wait on disk; here all but the first four kilobytes of each."""
    monkeypatch.setattr(spool, 'IN_MEMORY', 2**12)
    monkeypatch.setattr(reader, 'PARTS', 1)
    Image.new('RGB', (16, 16)).save(tmp_path / 'a.png')
    peak(tmp_path, 10)  # what is imported meanwhile, and kept, is not of the rows
    few, many = peak(tmp_path, 500), peak(tmp_path, 2500)
    # Its outline takes 640 bytes in the index, 700 as JSON.
    assert (many - few) / 2000 < 300
