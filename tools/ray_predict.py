"""Masks of many images on a Ray cluster, from a folder or a bucket into Parquet:

    python tools/ray_predict.py s3://bucket/photos said.txt --model NAME --out s3://bucket/masks --replicas 8 --gpus 1

A replica of the inferencer is an actor; Ray Data hands it images, and starts it again elsewhere when its node is lost.
Paths are those of pyarrow's file systems (a local folder must be seen by all nodes). Rows are those of
``mmrefseg predict``, with the mask as a COCO RLE; an image that cannot be read has one row, which says why.
Needs ``pip install "mmrefseg[ray]"``.
"""

import argparse
import importlib.util
import os
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import Dict, List, Tuple

import pyarrow as pa
from pyarrow.fs import FileSelector, FileSystem, FileType

from mmrefseg.apis import RefSegInferencer
from mmrefseg.apis.prediction_folder import row_of
from mmrefseg.apis.prediction_tasks import PredictionTask, read_expressions
from mmrefseg.apis.ref_seg_inferencer import IMAGE_SUFFIXES
from mmrefseg.command_line.predict import check_model, segment
from mmrefseg.command_line.run_command import run_command

SCHEMA = pa.schema([
    ('image', pa.string()), ('expression', pa.string()), ('number', pa.int32()), ('of', pa.int32()),
    ('score', pa.float64()), ('pixels', pa.int64()),
    ('mask', pa.struct([('size', pa.list_(pa.int32())), ('counts', pa.string())])), ('problem', pa.string())])


class Replica:
    """An inferencer on a node.

    Args:
        options (dict): Of :class:`RefSegInferencer`.
        where (str): The folder or bucket of the images, as :meth:`pyarrow.fs.FileSystem.from_uri` reads it.
    """

    def __init__(self, options: dict, where: str) -> None:
        self.inferencer = RefSegInferencer(**options, show_progress=False)
        self.files, self.root = open_place(where)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Names and their expressions -> a row an expression, or a row an image that cannot be read."""
        with tempfile.TemporaryDirectory() as folder:
            tasks, rows = [], []
            for number, task in enumerate(batch.to_pylist()):
                path = os.path.join(folder, f'{number}{PurePosixPath(task["image"]).suffix}')
                try:
                    with self.files.open_input_stream(f'{self.root}/{task["image"]}') as source:
                        Path(path).write_bytes(source.read())
                except OSError as error:
                    rows.append(dict(image=task['image'], problem=str(error)))
                    continue
                tasks.append(PredictionTask(task['image'], path, task['expressions']))
            for task, result in segment(self.inferencer, tasks, None) if tasks else ():
                if isinstance(result, str):
                    rows.append(dict(image=task.name, problem=result.replace(task.path, task.name)))
                else:
                    rows += rows_of(task, result)
        return pa.Table.from_pylist(rows, SCHEMA)


def rows_of(task: PredictionTask, result: dict) -> List[dict]:
    """A row an expression of an image, as ``mmrefseg predict`` writes them, with the mask inside."""
    return [dict(row_of(task, number, score, mask), mask=dict(size=rle['size'], counts=rle['counts']))
            for number, (mask, score, rle) in enumerate(zip(result['masks'], result['scores'], result['rles']))]


def open_place(where: str) -> Tuple[FileSystem, str]:
    """The file system of a URI or a local path, and the path in it."""
    return FileSystem.from_uri(where if '://' in where else os.path.abspath(where))


def find_tasks(where: str, expressions: str) -> List[Dict[str, object]]:
    """Images below a folder or bucket, each with its expressions, by name.

    Raises:
        ValueError: There is no image.
        RefDataError: The file of expressions is missing, of another format or broken.
    """
    said = read_expressions(expressions)
    if isinstance(said, list):
        files, root = open_place(where)
        found = files.get_file_info(FileSelector(root, recursive=True))
        names = sorted(os.path.relpath(each.path, root) for each in found if each.type == FileType.File)
        names = [name for name in names if name.lower().endswith(IMAGE_SUFFIXES)
                 and not any(part.startswith('.') for part in PurePosixPath(name).parts)]
        if not names:
            raise ValueError(f'no image ({", ".join(IMAGE_SUFFIXES)}) in {where}')
        said = {name: said for name in names}
    return [dict(image=name, expressions=each) for name, each in said.items()]


def main() -> int:
    """Find the images, let the replicas predict, write Parquet, say how many could not be read.

    Returns:
        int: The exit status, 3 where images could not be read.
    """
    parser = argparse.ArgumentParser(description='Masks of many images on a Ray cluster')
    parser.add_argument('images', help='a folder, or a URI of pyarrow (s3://…, gs://…, hdfs://…)')
    parser.add_argument('expressions', help='as of mmrefseg predict: a .txt for every image, or a list')
    parser.add_argument('--model', help='name in the zoo, config or .onnx file')
    parser.add_argument('--weights', help="checkpoint file, which all nodes see; default: the zoo's")
    parser.add_argument('--out', required=True, help='a new folder, or a URI of pyarrow, for Parquet files')
    parser.add_argument('--replicas', type=int, default=1, help='inferencers at the same time; default: %(default)s')
    parser.add_argument('--gpus', type=float, default=0, help='of a replica; 0.5: two share one')
    parser.add_argument('--batch-size', type=int, default=8, help='images at a time of a replica')
    parser.add_argument('--amp', action='store_true', help='mixed precision')
    parser.add_argument('--address', help='of the cluster; default: RAY_ADDRESS, or one on this machine')
    args = parser.parse_args()
    check_model(parser, args)
    if importlib.util.find_spec('ray') is None:
        parser.error('Ray is missing: pip install "mmrefseg[ray]", or -r requirements/ray.txt')
    import ray
    tasks = find_tasks(args.images, args.expressions)
    files, out = open_place(args.out)
    if files.get_file_info(out).type != FileType.NotFound:
        raise ValueError(f'{args.out} is there already: give a folder that is not')
    ray.init(address=args.address, ignore_reinit_error=True)
    options = dict(model=args.model, weights=args.weights, amp=args.amp, device='cuda' if args.gpus else 'cpu')
    predicted = ray.data.from_items(tasks).map_batches(
        Replica, fn_constructor_kwargs=dict(options=options, where=args.images), batch_format='pyarrow',
        batch_size=args.batch_size, compute=ray.data.ActorPoolStrategy(size=args.replicas), num_gpus=args.gpus)
    predicted.write_parquet(out, filesystem=files)
    written = ray.data.read_parquet(out, filesystem=files, columns=['image', 'problem'])
    broken = [row for row in written.take_all() if row['problem'] is not None]
    print(f'{len(tasks) - len(broken)} of {len(tasks)} images: {args.out}')
    for row in broken:
        print(f'{row["image"]}: {row["problem"]}', file=sys.stderr)
    return 3 if broken else 0


if __name__ == '__main__':
    sys.exit(run_command(main))
