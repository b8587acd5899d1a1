"""Writes one small data set in each form, as its owner's code would; a helper of tests."""

import base64
import io
import json
import pickle
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Tuple, Union
from xml.etree import ElementTree

import cv2
import numpy as np
from PIL import Image
from refer_toy import rle, square

HEIGHT, WIDTH = 48, 64
#: Forms whose objects are outlines, so that one that is an RLE cannot be of them.
OUTLINES_ONLY = ('labelme', 'reasonseg', 'phrasecut', 'lmms')


class Object(NamedTuple):
    """What a form says: an image's number, polygons or an RLE, sentences, split, height and width of the image."""

    image: int
    segmentation: Union[list, dict]
    said: List[str]
    split: str
    size: Tuple[int, int] = (HEIGHT, WIDTH)

    @property
    def outlines(self) -> list:
        """Polygons; none of an RLE."""
        return self.segmentation if isinstance(self.segmentation, list) else []


class Collection(NamedTuple):
    """Objects, and the files of their images by number."""

    objects: List[Object]
    images: Dict[int, bytes]

    @property
    def splits(self) -> List[str]:
        """Names of all splits."""
        return sorted({thing.split for thing in self.objects})

    def of(self, form: str) -> 'Collection':
        """What a form can say: outlines, and of lmms-lab's those of one piece."""
        kept = [thing for thing in self.objects if form not in OUTLINES_ONLY or (
            len(thing.outlines) == 1 if form == 'lmms' else thing.outlines)]
        return Collection(kept, {number: self.images[number] for number in sorted({thing.image for thing in kept})})


def mask_of(thing: Object) -> np.ndarray:
    """(H, W) bool, drawn by pycocotools as the data sets do."""
    from mmrefseg.datasets import decode_segmentation
    return decode_segmentation(thing.segmentation, *thing.size).astype(bool)


def box_of(thing: Object, kind: str) -> List[float]:
    """The box of a mask, 'xyxy' or 'xywh'."""
    rows, columns = (np.flatnonzero(mask_of(thing).any(axis)).tolist() for axis in (1, 0))
    x, y, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return [float(value) for value in ((x, y, right, bottom) if kind == 'xyxy' else (x, y, right - x, bottom - y))]


def image_bytes(number: int, kind: str = 'JPEG') -> bytes:
    """An image's file."""
    pixels = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def png(mask: np.ndarray) -> bytes:
    """A mask's file."""
    file = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(file, 'PNG')
    return file.getvalue()


TOY = Collection([
    Object(0, [square(6, 8, 20)], ['the red square', 'red thing'], 'train'),
    Object(0, [square(2, 2, 4), square(40, 20, 12)], ['two pieces'], 'train'),
    Object(1, [square(11, 8, 20)], ['the one of left', 'it, the "left" one'], 'train'),
    Object(2, [square(16, 8, 20)], ['größer als alle'], 'val')], {number: image_bytes(number) for number in range(3)})
OBJECTS = TOY.objects


def refer_collection(instances: dict, refs: list, image_dir: Path, number: int) -> Collection:
    """The first refs of a set in the refer format; every third object that is an RLE stays one."""
    images = {image['id']: image for image in instances['images']}
    annotations = {annotation['id']: annotation for annotation in instances['annotations']}
    objects, files = [], {}
    for ref in refs[:number]:
        image, segmentation = images[ref['image_id']], annotations[ref['ann_id']]['segmentation']
        size = image['height'], image['width']
        if isinstance(segmentation, dict) and len(objects) % 3:
            found, _ = cv2.findContours(mask_of(Object(0, segmentation, [], '', size)).astype(np.uint8),
                                        cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            segmentation = [part.reshape(-1).astype(float).tolist() for part in found if len(part) > 2]
        objects.append(Object(image['id'], segmentation, [one['raw'] for one in ref['sentences']], ref['split'], size))
        if image['id'] not in files:
            file = io.BytesIO()
            Image.open(image_dir / image['file_name']).convert('RGB').save(file, 'JPEG')
            files[image['id']] = file.getvalue()
    return Collection(objects, files)


def name_of(number: int) -> str:
    """An image's name, of COCO."""
    return f'COCO_train2014_{number:012d}.jpg'


def write_images(folder: Path, data: Collection = TOY, name: str = 'COCO_train2014_{:012d}.jpg') -> Path:
    """Write the images; returns their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in data.images.items():
        (folder / name.format(number)).write_bytes(content)
    return folder


def pairs(outline: list) -> list:
    """[x0, y0, x1, y1, …] as [[x0, y0], …]."""
    return [list(pair) for pair in zip(outline[::2], outline[1::2])]


def write_cris(root: Path, data: Collection = TOY) -> Path:
    """``anns/SET/SPLIT.json``, ``masks/SET/ID.png``; boxes are xyxy."""
    entries: Dict[str, list] = {}
    (root / 'masks/set').mkdir(parents=True)
    (root / 'anns/set').mkdir(parents=True)
    for number, thing in enumerate(data.objects):
        entries.setdefault(thing.split, []).append(dict(
            bbox=box_of(thing, 'xyxy'), cat=0, segment_id=number, img_name=name_of(thing.image),
            sentences_num=len(thing.said),
            sentences=[dict(idx=i, sent_id=i, sent=text) for i, text in enumerate(thing.said)]))
        (root / f'masks/set/{number}.png').write_bytes(png(mask_of(thing)))
    for split, found in entries.items():
        (root / f'anns/set/{split}.json').write_text(json.dumps(found))
    return root / 'anns/set'


def write_seqtr(root: Path, data: Collection = TOY) -> Path:
    """``{split: [...]}``; boxes are xywh, images ids."""
    splits: Dict[str, list] = {}
    for number, thing in enumerate(data.objects):
        mask = thing.segmentation
        if number == 2 and data is TOY:
            mask = rle(HEIGHT, WIDTH, slice(8, 28), slice(11, 31))
        splits.setdefault(thing.split, []).append(dict(
            bbox=box_of(thing, 'xywh'), mask=mask, image_id=thing.image, expressions=thing.said, category_id=1,
            height=thing.size[0], width=thing.size[1]))
    (root / 'instances.json').write_text(json.dumps(splits))
    return root / 'instances.json'


def write_mdetr(root: Path, data: Collection = TOY) -> Path:
    """One image entry a sentence, in a file a split."""
    folder = root / 'mdetr'
    folder.mkdir()
    for split in data.splits:
        images, annotations = [], []
        for thing in data.objects:
            for text in thing.said if thing.split == split else ():
                number = len(images)
                images.append(dict(id=number, file_name=name_of(thing.image), height=thing.size[0], width=thing.size[1],
                                   caption=text, original_id=thing.image, dataset_name='set'))
                annotations.append(dict(id=number, image_id=number, tokens_positive=[[0, 3]],
                                        bbox=box_of(thing, 'xywh'), segmentation=thing.segmentation, iscrowd=0, area=1))
        (folder / f'finetune_set_{split}.json').write_text(json.dumps(dict(images=images, annotations=annotations,
                                                                           categories=[])))
    return folder


def plain(thing: Object) -> dict:
    """An RLE whose counts are numbers, as COCO has crowds."""
    flat = mask_of(thing).ravel(order='F')
    ends = np.flatnonzero(np.diff(flat, prepend=0, append=2))
    return dict(size=list(thing.size), counts=np.diff(ends, prepend=0).tolist())


def write_coco(root: Path, data: Collection = TOY) -> Path:
    """An export a split, the sentences in an attribute; a crowd's mask is a plain RLE."""
    for split in data.splits:
        folder = root / 'coco' / split
        folder.mkdir(parents=True)
        used = sorted({thing.image for thing in data.objects if thing.split == split})
        for number in used:
            (folder / name_of(number)).write_bytes(data.images[number])
        sizes = {thing.image: thing.size for thing in data.objects}
        annotations = [dict(id=number, image_id=thing.image, category_id=1, iscrowd=int(not thing.outlines),
                            segmentation=thing.outlines or plain(thing), bbox=box_of(thing, 'xywh'),
                            attributes=dict(occluded=False, expression=thing.said))
                       for number, thing in enumerate(data.objects) if thing.split == split]
        (folder / '_annotations.coco.json').write_text(json.dumps(dict(
            images=[dict(id=number, file_name=name_of(number), height=sizes[number][0], width=sizes[number][1])
                    for number in used],
            annotations=annotations, categories=[dict(id=1, name='thing')])))
    return root / 'coco'


def write_labelme(root: Path, data: Collection = TOY) -> Path:
    """A JSON an image, in a folder a split; pieces of an object have one group."""
    data = data.of('labelme')
    for number in data.images:
        things = [thing for thing in data.objects if thing.image == number]
        folder = root / 'labelme' / things[0].split
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name_of(number)).write_bytes(data.images[number])
        shapes = [dict(label=text, points=pairs(outline), group_id=10 * i + k if len(thing.outlines) > 1 else None,
                       shape_type='polygon', flags={})
                  for i, thing in enumerate(things) for k, text in enumerate(thing.said) for outline in thing.outlines]
        (folder / f'{number}.json').write_text(json.dumps(dict(
            version='5.5.0', shapes=shapes, imagePath=f'..\\{name_of(number)}', imageHeight=things[0].size[0],
            imageWidth=things[0].size[1])))
    return root / 'labelme'


def write_reasonseg(root: Path, data: Collection = TOY) -> Path:
    """A JSON an image, beside it, in a folder a split; one is of Windows' code page. One object an image."""
    data = data.of('reasonseg')
    for number, thing in enumerate(data.objects):
        folder = root / 'reasonseg' / thing.split
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f'{number}.jpg').write_bytes(data.images[thing.image])
        shapes = [dict(label='target', labels=['target'], shape_type='polygon', points=pairs(outline))
                  for outline in thing.outlines]
        text = json.dumps(dict(text=thing.said, is_sentence=True, shapes=shapes), ensure_ascii=False)
        (folder / f'{number}.json').write_bytes(text.encode('cp1252'))
    return root / 'reasonseg'


def write_phrasecut(root: Path, data: Collection = TOY) -> Path:
    """``refer_SPLIT.json``, a phrase an entry; instances of parts of points."""
    data = data.of('phrasecut')
    folder = root / 'phrasecut'
    folder.mkdir()
    for split in data.splits:
        (folder / f'refer_{split}.json').write_text(json.dumps([
            dict(task_id=f'{number}__{k}', image_id=thing.image, phrase=text, instance_boxes=[box_of(thing, 'xywh')],
                 Polygons=[[pairs(outline)] for outline in thing.outlines])
            for number, thing in enumerate(data.objects) for k, text in enumerate(thing.said) if thing.split == split]))
    return folder


def write_cvat(root: Path, data: Collection = TOY) -> Path:
    """XML; the second object is a mask in a box, the others polygons."""
    top = ElementTree.Element('annotations')
    for number in data.images:
        things = [thing for thing in data.objects if thing.image == number]
        image = ElementTree.SubElement(top, 'image', id=str(number), name=name_of(number), width=str(things[0].size[1]),
                                       height=str(things[0].size[0]), subset=things[0].split)
        for thing in things:
            for text in thing.said:
                if len(thing.outlines) == 1:
                    shape = ElementTree.SubElement(image, 'polygon', label='thing', points=';'.join(
                        f'{x:.2f},{y:.2f}' for x, y in pairs(thing.outlines[0])))
                else:
                    x, y, right, bottom = (int(value) for value in box_of(thing, 'xyxy'))
                    part = mask_of(thing)[y:bottom, x:right]
                    flat = part.ravel()
                    ends = np.flatnonzero(np.diff(flat, prepend=0, append=2))
                    runs = np.diff(ends, prepend=0)
                    shape = ElementTree.SubElement(
                        image, 'mask', label='thing', rle=', '.join(map(str, runs)), left=str(x), top=str(y),
                        width=str(right - x), height=str(bottom - y))
                ElementTree.SubElement(shape, 'attribute', name='expression').text = text
    ElementTree.ElementTree(top).write(root / 'annotations.xml', encoding='utf-8', xml_declaration=True)
    return root / 'annotations.xml'


def brush_codes(mask: np.ndarray) -> List[int]:
    """Label Studio's byte code of an RGBA image that is opaque at the mask: runs of whatever length are the same."""
    values = np.repeat(mask.ravel().astype(np.uint8)[:, None] * 255, 4, axis=1).ravel()
    bits = f'{len(values):032b}' + f'{7:05b}' + ''.join(f'{width - 1:04b}' for width in (3, 4, 8, 16))
    ends = [*np.flatnonzero(np.diff(values)) + 1, len(values)]
    start = 0
    for end in ends:
        while start < end:
            count = min(end - start, 60000)
            if count <= 8:  # written out, one by one
                bits += '0' + '00' + f'{count - 1:03b}' + ''.join(f'{values[start + i]:08b}' for i in range(count))
            else:
                bits += '1' + '11' + f'{count - 1:016b}' + f'{values[start]:08b}'
            start += count
    bits += '0' * (-len(bits) % 8)
    return [int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)]


def write_label_studio(root: Path, data: Collection = TOY) -> Path:
    """JSON of tasks; objects of one piece are polygons in percent, the other a brush. It has no splits."""
    tasks = []
    for number in data.images:
        results = []
        for thing in data.objects:
            for text in thing.said if thing.image == number else ():
                height, width = thing.size
                about = dict(original_width=width, original_height=height, image_rotation=0, to_name='image')
                name = f'r{len(results)}'
                if len(thing.outlines) == 1:
                    points = [[100 * x / width, 100 * y / height] for x, y in pairs(thing.outlines[0])]
                    results.append(dict(about, id=name, type='polygonlabels', value=dict(
                        points=points, closed=True, polygonlabels=[text])))
                else:
                    results.append(dict(about, id=name, type='brushlabels', value=dict(
                        format='rle', rle=brush_codes(mask_of(thing)), brushlabels=['thing'])))
                    results.append(dict(about, id=name, type='textarea', value=dict(text=[text])))
        tasks.append(dict(id=number, data=dict(image=f'/data/upload/1/abcdef12-{name_of(number)}'),
                          annotations=[dict(id=number, result=results)]))
    (root / 'project.json').write_text(json.dumps(tasks))
    return root / 'project.json'


def write_polyformer(root: Path, data: Collection = TOY) -> Path:
    """TSV without header, a sentence a line, images and masks in base64; a file a split: of one set, the first."""
    lines = []
    for number, thing in enumerate(data.objects):
        for k, text in enumerate(thing.said):
            points = ' '.join(f'{x},{y}' for x, y in pairs((thing.outlines or [[0, 0]])[0]))
            lines.append('\t'.join([
                f'{number}_{k}', str(thing.image), text, ','.join(map(str, box_of(thing, 'xyxy'))), points,
                base64.b64encode(data.images[thing.image]).decode(), base64.b64encode(png(mask_of(thing))).decode(),
                points]))
    (root / 'refcoco_train.tsv').write_text('\n'.join(lines) + '\n', encoding='utf-8')
    return root / 'refcoco_train.tsv'


def write_jxu124(root: Path, data: Collection = TOY) -> Path:
    """Parquet with JSON in text; boxes are xyxy outside and xywh inside; ``file_name`` is no file."""
    import pyarrow
    import pyarrow.parquet
    folder = root / 'jxu124'
    folder.mkdir()
    rows = [dict(
        sent_ids=[0], file_name=name_of(thing.image).replace('.jpg', f'_{number}.jpg'), ann_id=number, ref_id=number,
        image_id=thing.image, split=thing.split, category_id=1, bbox=box_of(thing, 'xyxy'), raw_sentences='[]',
        sentences=[dict(raw=text, sent=text, sent_id=k, tokens=[text]) for k, text in enumerate(thing.said)],
        raw_anns=json.dumps(dict(segmentation=thing.segmentation, bbox=box_of(thing, 'xywh'), id=number)),
        raw_image_info=json.dumps(dict(file_name=name_of(thing.image), height=thing.size[0], width=thing.size[1])),
        image_path=f'coco/train2014/{name_of(thing.image)}', captions=['x'])
        for number, thing in enumerate(data.objects)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / 'train-00000-of-00001-abc.parquet')
    return folder


def write_lmms(root: Path, data: Collection = TOY) -> Path:
    """Parquet with images inside; the sentences are ``answer``, the outline a flat list; a file a split."""
    data = data.of('lmms')
    import pyarrow
    import pyarrow.parquet
    folder = root / 'lmms'
    folder.mkdir()
    for split in data.splits:
        rows = [dict(
            question_id=f'{number}', image=dict(bytes=data.images[thing.image], path=name_of(thing.image)),
            question='Please provide a short description for this region.', answer=thing.said,
            segmentation=thing.outlines[0], bbox=box_of(thing, 'xywh'), iscrowd=0,
            file_name=name_of(thing.image).replace('.jpg', f'_{number}.jpg'))
            for number, thing in enumerate(data.objects) if thing.split == split]
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / f'{split}-00000-of-00001.parquet')
    return folder


def write_lmdb(root: Path, data: Collection = TOY) -> Path:
    """CRIS' LMDB of pickles, a file a split: of one set, the first, as its folder2lmdb.py writes it."""
    import lmdb
    path = root / 'train.lmdb'
    opened = lmdb.open(str(path), subdir=False, map_size=2**24)
    with opened, opened.begin(write=True) as transaction:
        for number, thing in enumerate(data.objects):
            record = dict(img=data.images[thing.image], mask=png(mask_of(thing)), cat=0, seg_id=np.int64(number),
                          img_name=name_of(thing.image), num_sents=len(thing.said), sents=thing.said)
            transaction.put(f'{number}'.encode(), pickle.dumps(record))
        transaction.put(b'__len__', pickle.dumps(len(data.objects)))
    return path


WRITERS: Dict[str, Callable[[Path], Path]] = dict(
    cris=write_cris, seqtr=write_seqtr, mdetr=write_mdetr, coco=write_coco, labelme=write_labelme,
    reasonseg=write_reasonseg, phrasecut=write_phrasecut, cvat=write_cvat, labelstudio=write_label_studio,
    polyformer=write_polyformer, jxu124=write_jxu124, lmms=write_lmms, lmdb=write_lmdb)


#: The package that reads a form.
NEEDS = dict(jxu124='pyarrow', lmms='pyarrow', lmdb='lmdb')
#: Forms whose source has the images inside its rows, and those that have them in files beside it.
IN_ROWS, BESIDE = ('polyformer', 'lmms', 'lmdb'), ('coco', 'labelme', 'reasonseg')


def images_of(name: str, source, destination, tmp_path, data=TOY):
    """The folder of a source's images once it is converted, and the options that say so."""
    if name in IN_ROWS:
        return destination / 'images', []
    if name in BESIDE:
        return source, []
    folder = write_images(tmp_path / 'images', data, *['{}.jpg'] * (name == 'phrasecut'))
    return folder, ['--images', str(folder)]
