"""Kinds of failures, and the categories that are taken for one another:

python tools/analysis_tools/confusion.py CONFIG CHECKPOINT --split val --image confusion.png --out confusion.json

A failure is an IoU below 0.5 at the image's own size. Its mask is compared with every annotated object of the
image; the one that it fits best (IoU) was taken.
"""

import argparse
import json
import sys
from pathlib import Path

from mmengine.dataset import BaseDataset
from mmengine.utils import track_iter_progress
from prettytable import PrettyTable

from mmrefseg.analysis.charts import draw_confusion, save_figure
from mmrefseg.analysis.images import predict_item
from mmrefseg.analysis.images.open_model import add_model_arguments, open_model
from mmrefseg.analysis.results.image_objects import read_image_objects
from mmrefseg.analysis.results.near_misses import confusion_matrix, failures_of, summarize
from mmrefseg.command_line.run_command import run_command
from mmrefseg.errors import RefDataError
from mmrefseg.models import RefSegmentor
from mmrefseg.utils import write_text


def find_failures(model: RefSegmentor, dataset: BaseDataset) -> dict:
    """All failures of a model on a dataset, as :func:`summarize` gives them.

    Raises:
        RefDataError: The annotated objects of the dataset cannot be read, or no expression refers to one of them.
    """
    index = dataset.index
    own = dict(zip(index.ref_id.tolist(), index.ann_id[index.ref_object].tolist()))
    infos = [dataset.get_data_info(number) for number in range(len(dataset))]
    objects = read_image_objects(dataset.instances_file, {info['image_id'] for info in infos})
    failures, judged = [], 0
    for number, info in enumerate(track_iter_progress(infos)):
        present = objects[info['image_id']]
        own_ids = [own[ref_id] for ref_id in info['ref_ids']]
        judged += sum(ann_id in {one.ann_id for one in present} for ann_id in own_ids)
        preds = predict_item(model, dataset[number]).pred_sem_seg.data
        failures += failures_of(info, preds, own_ids, present)
    if not judged:
        raise RefDataError(f'{dataset.instances_file} has no object that an expression of {dataset.split} refers to')
    return summarize(failures, judged)


def main() -> None:
    """Print tables, write files."""
    parser = argparse.ArgumentParser(description='Which wrong object was taken')
    add_model_arguments(parser)
    parser.add_argument('--out', type=Path, help='write the counts and every failure to this .json file')
    parser.add_argument('--chart', help='draw both tables into this .png, .pdf or .svg file')
    args = parser.parse_args()
    try:
        found = find_failures(*open_model(args))
    except RefDataError as error:
        parser.error(str(error))
    table = PrettyTable(['failures', 'number', '% of failures', '% of expressions'], align='r')
    table.align['failures'] = 'l'
    for kind, count in [*found['kinds'].items(), ('all', found['failures'])]:
        table.add_row([kind, count, f'{100 * count / max(found["failures"], 1):.1f}',
                       f'{100 * count / found["expressions"]:.1f}'])
    print(f'\n{found["expressions"]} expressions\n{table}')
    names, counts = confusion_matrix(found['confusion'])
    if names:
        matrix = PrettyTable(['meant \\ taken', *names], align='r')
        matrix.add_rows([[name, *row] for name, row in zip(names, counts.tolist())])
        print(matrix)
    if args.out:
        write_text(args.out, json.dumps(found, indent=1, ensure_ascii=False) + '\n')
    if args.chart:
        save_figure(draw_confusion(found['kinds'], names, counts), args.chart)


if __name__ == '__main__':
    sys.exit(run_command(main))
