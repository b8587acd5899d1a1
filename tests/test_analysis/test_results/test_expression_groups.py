"""Scores by group: who belongs where, and that the parts add up to the whole."""

import json

import numpy as np
import pytest
from matplotlib.figure import Figure
from mmengine.registry import init_default_scope

from mmrefseg.analysis.charts import draw_groups, save_figure
from mmrefseg.analysis.results.expression_groups import group_results, score, score_groups
from mmrefseg.analysis.results.expression_table import ExpressionResult, read_expressions, read_results
from mmrefseg.analysis.results.image_objects import read_image_objects
from mmrefseg.datasets import RefShapesDataset
from mmrefseg.errors import RefDataError
from mmrefseg.evaluation.expression_dump import write_expressions

COLUMNS = ('intersection', 'union', 'iou')

EXPRESSIONS = [
    ExpressionResult('left man', 0.005, 0), ExpressionResult('the Rightmost cup', 0.03, 1),
    ExpressionResult('bright red top left thing', 0.2, 2), ExpressionResult('second from the front', 0.4, 5),
    ExpressionResult('blue', 0.01, -1),
]


@pytest.fixture(scope='module')
def dataset(refshapes_root):
    init_default_scope('mmrefseg')
    return RefShapesDataset(data_root=str(refshapes_root), split='val', test_mode=True)


def test_who_belongs_where():
    groups = group_results(EXPRESSIONS, [(1, 2), (3, 3)])
    members = {way: {name: np.flatnonzero(of_group).tolist() for name, of_group in of_way.items()}
               for way, of_way in groups.items()}
    assert members == {
        'words': {'1-2': [0, 4], '3': [1], 'other': [2, 3]},
        'size of the object': {'below 1%': [0], '1% to 3%': [4], '3% to 10%': [1], '10% to 30%': [2],
                               '30% or more': [3]},
        'position words': {'left': [0, 2], 'right': [1], 'top': [2], 'depth': [3], 'counting': [3], 'none': [4]},
        'others of its class': {'0': [0], '1': [1], '2': [2], '3 or more': [3]},
    }
    unknown = [ExpressionResult('man', 0.1, -1)]
    assert 'others of its class' not in group_results(unknown, [(1, 2)])


def test_scores_of_groups():
    results = [(5, 10, 0.5), (0, 10, 0.), (30, 40, 0.75), (8, 10, 0.8), (0, 0, 1.)]
    groups = group_results(EXPRESSIONS, [(1, 2), (3, 3)])
    found = score_groups(groups, dict(a=results, b=results[::-1]), inclusive=True, empty=1.)
    words = found['words']
    assert [words[name]['expressions'] for name in words] == [2, 1, 2]
    assert words['other']['scores']['a'] == pytest.approx({'oIoU': 100 * 38 / 50, 'mIoU': 77.5, 'P@0.5': 100})
    assert words['3']['scores']['b'] == pytest.approx({'oIoU': 80, 'mIoU': 80, 'P@0.5': 100})
    assert found['all']['all']['scores']['a'] == pytest.approx({'oIoU': 100 * 43 / 70, 'mIoU': 61, 'P@0.5': 80})
    assert score(results, inclusive=False, empty=1.)['P@0.5'] == pytest.approx(60)
    json.dumps(found)


def test_what_a_dataset_knows(dataset, refshapes_root):
    found = read_expressions(dataset)
    instances = json.loads((refshapes_root / 'refshapes/instances.json').read_text())
    objects = {one['id']: one for one in instances['annotations']}
    index = dataset.index
    annotations = dict(zip(index.ref_id.tolist(), index.ann_id[index.ref_object].tolist()))
    assert len(found) == sum(len(dataset.get_data_info(i)['expressions']) for i in range(len(dataset)))
    for (ref_id, _), one in found.items():
        own = objects[annotations[ref_id]]
        alike = [each for each in objects.values() if each['image_id'] == own['image_id'] and each is not own
                 and each['category_id'] == own['category_id']]
        assert one.same_class == len(alike)
        assert one.size == pytest.approx(own['area'] / 128**2, rel=0.02)


def rows_of(found):
    return [dict(img_path='a.jpg', image_id=1, ref_id=ref_id, sent_id=sent_id, expression=one.text, intersection=3,
                 union=4, iou=0.75) for (ref_id, sent_id), one in found.items()]


@pytest.mark.parametrize('ending', ['csv', 'jsonl'])
def test_results_of_a_dump(dataset, tmp_path, ending):
    found = read_expressions(dataset)
    path = str(tmp_path / f'dump.{ending}')
    write_expressions(path, rows_of(found), COLUMNS)
    assert read_results(path, found) == dict.fromkeys(found, (3, 4, 0.75))


@pytest.mark.parametrize('change,message', [
    (lambda rows: rows[1:], 'another data set or split: 0 of its .* and 1 of the dataset are not in it'),
    (lambda rows: [dict(rows[0], ref_id=10**9), *rows[1:]], r'1 of its .* \(ref 1000000000, sentence'),
    (lambda rows: [rows[0], dict(rows[1], union='x'), *rows[2:]], 'csv, expression 2: expected .* .ValueError'),
])
def test_dumps_that_do_not_fit(dataset, tmp_path, change, message):
    found = read_expressions(dataset)
    path = str(tmp_path / 'dump.csv')
    write_expressions(path, change(rows_of(found)), COLUMNS)
    with pytest.raises(RefDataError, match=message):
        read_results(path, found)


def test_missing_files(tmp_path):
    with pytest.raises(RefDataError, match='none.csv cannot be read: No such file'):
        read_results(str(tmp_path / 'none.csv'), {})
    with pytest.raises(RefDataError, match='none.json cannot be read'):
        read_image_objects(str(tmp_path / 'none.json'), [1])


@pytest.mark.parametrize('text,message', [
    ('{"annotations": []}', "not of COCO's form, with annotations and categories"),
    ('{"categories": [], "annotations": [{"id": 7, "image_id": 1, "category_id": 3}]}',
     'annotation 7 is of category 3, which is not among its 0 categories'),
])
def test_instances_without_categories(tmp_path, text, message):
    path = tmp_path / 'instances.json'
    path.write_text(text)
    with pytest.raises(RefDataError, match=message):
        read_image_objects(str(path), [1])


def test_groups_of_people_are_no_objects(tmp_path):
    path = tmp_path / 'instances.json'
    path.write_text(json.dumps(dict(categories=[dict(id=1, name='person')], annotations=[
        dict(id=1, image_id=4, category_id=1, segmentation=[[0, 0, 4, 0, 4, 4]]),
        dict(id=2, image_id=4, category_id=1, iscrowd=1, segmentation=dict(size=[4, 4], counts=[0, 16]))])))
    objects = read_image_objects(str(path), [4, 5])
    assert [one.ann_id for one in objects[4]] == [1] and objects[5] == []


def test_bars(tmp_path):
    groups = group_results(EXPRESSIONS, [(1, 2), (3, 3)])
    scores = score_groups(groups, dict(a=[(1, 2, 0.5)] * 5, b=[(1, 4, 0.25)] * 5), inclusive=True, empty=0.)
    figure = draw_groups(scores, 'mIoU', ['words', 'position words', 'others of its class'])
    heights = [[bar.get_height() for bar in axes.patches] for axes in figure.axes]
    assert heights[0] == [50] * 3 + [25] * 3 and heights[3] == []
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ['1-2\n2', '3\n1', 'other\n2']
    save_figure(figure, str(tmp_path / 'new/bars.png'))
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['bars.png']
    with pytest.raises(ValueError, match='Format .* is not supported'):
        save_figure(Figure(), str(tmp_path / 'bars.txt'))
    assert not list(tmp_path.glob('bars*'))
