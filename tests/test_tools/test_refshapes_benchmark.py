"""benchmarks/refshapes.py: its runs, the verdicts on the claims, the tables of the page."""

import argparse
import json

import pytest
import refshapes
import refshapes_claims as claims
from conftest import ROOT
from mmengine.config import Config

from mmrefseg.analysis.runs.run_history import RunHistory


def options(tmp_path, **changed):
    return argparse.Namespace(**dict(dict(
        work_dir=tmp_path / 'work', results=tmp_path / 'results', data='data', epochs=2,
        cfg_options=['optim_wrapper.optimizer.lr=1e-3']), **changed))


def test_finished_runs_are_not_repeated(tmp_path, monkeypatch):
    commands = []
    monkeypatch.setattr(refshapes, 'run', lambda command, log: commands.append(command) or 30.)
    monkeypatch.setattr(refshapes, 'read_run', lambda path: RunHistory(
        path, validations=[dict(step=1, mIoU=9.), dict(step=2, mIoU=12., time=.1)]))
    for _ in range(2):
        assert refshapes.train_and_test('lavt+sadlr-n1', 3, options(tmp_path)) == dict(mIoU=12.)
    train, = commands
    assert train[:2] == ['tools/train.py', 'configs/sadlr/lavt_nano_refshapes.py'] and '--resume' in train
    encoder = claims.ENCODERS['zoo://swin_nano_refshapes-f955ae74.safetensors']
    assert {'randomness.seed=3', 'max_epochs=2', 'input_size=64', 'optim_wrapper.optimizer.lr=1e-3',
            'model.decode_head.num_iterations=1', f'model.backbone.init_cfg.checkpoint={encoder}'} <= set(train)
    with pytest.raises(ValueError, match="_s3.json is of .*'epochs': 2.* this would be .*'epochs': 4"):
        refshapes.train_and_test('lavt+sadlr-n1', 3, options(tmp_path, epochs=4))
    measured, hours = refshapes.read_scores(tmp_path / 'results')
    assert measured == {'lavt+sadlr-n1': {3: dict(mIoU=12.)}} and hours == 30 / 3600
    monkeypatch.setattr(refshapes, 'read_run', lambda path: RunHistory(path, validations=[dict(step=2, gIoU=7.)]))
    assert refshapes.train_and_test('rela-generalized', 0, options(tmp_path)) == dict(gIoU=7.)


def test_differences_are_paired_by_seed():
    better, worse = {0: 50., 1: 60., 2: 71., 5: 9.}, {0: 49., 1: 58., 2: 68., 4: 90.}
    seeds, mean, error = claims.paired_difference(better, worse)  # 1, 2, 3: the spread of the seeds does not count
    assert seeds == [0, 1, 2] and mean == 2 and error == pytest.approx(1 / 3**0.5)
    assert claims.paired_difference({0: 3.}, {0: 4.}) == ([0], -1., None)
    assert claims.paired_difference({0: 3.}, {1: 4.})[0] == []


@pytest.mark.parametrize('seeds, mean, error, expected', [
    (3, 2., 0.5, 'holds'), (3, 0.9, 0.5, 'does not show'), (3, -0.9, 0.5, 'does not show'),
    (4, -2., 0.5, 'the other way round'), (2, 2., 0., 'two seeds'), (1, 2., None, 'one seed'),
    (0, float('nan'), None, 'not measured')])
def test_verdicts(seeds, mean, error, expected):
    assert claims.verdict(seeds, mean, error) == expected


def test_tables():
    scores = {name: {seed: dict(mIoU=value, oIoU=50.) for seed, value in enumerate(values)}
              for name, values in {'lts+sadlr': (70., 72., 71.), 'lts': (69., 70.8, 69.9)}.items()}
    scores['rela-generalized'] = {0: dict(gIoU=60.)}
    rows = claims.claims_table(scores, claims.CLAIMS[:2]).split('\n')
    assert rows[2] == ('| SADLR gains on LTS (SADLR, Table 3) | 71.0 | 69.9 | +1.1 ± 0.1 | 3 '
                       '| +2.57 mIoU (74.49, 71.92) | holds |')
    assert rows[3].endswith('| – | – | – | 0 | +1.28 mIoU (73.90, 72.62) | not measured |')
    generalized = [claim for claim in claims.CLAIMS if claim.better == 'rela-generalized']
    assert '| 60.0 | – | – | 0 |' in claims.claims_table(scores, generalized)
    assert claims.runs_table(scores, ('mIoU', 'oIoU')).split('\n') == [
        '| run | seeds | mIoU | oIoU |', '|---|---|---|---|', '| lts+sadlr | 3 | 71.0 ± 1.0 | 50.0 ± 0.0 |',
        '| lts | 3 | 69.9 ± 0.9 | 50.0 ± 0.0 |']
    assert claims.runs_table(scores, ('gIoU', )).endswith('| rela-generalized | 1 | 60.0 |')


def test_the_page_has_the_tables_of_the_committed_results():
    page = refshapes.PAGE.read_text(encoding='utf-8')
    assert page == refshapes.with_summary(page, refshapes.whole_summary(refshapes.RESULTS))
    assert refshapes.with_summary(page, 'other') != page


def test_runs_of_more_epochs_have_a_table_of_their_claims(tmp_path):
    scores = {'refshapes/lts': 50., 'refshapes/lts+sadlr': 51., 'refshapes_2e/vlt': 60., 'refshapes_2e/vlt+cga': 61.,
              'refshapes_10e/lts': 70., 'refshapes_10e/lts+cga': 71.}
    for name, value in scores.items():
        metrics = {'mIoU': value, 'oIoU': value, 'P@0.5': 9., 'P@0.9': 1.}
        file = tmp_path / f'{name}_s0.json'
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(dict(recipe=dict(seed=0), scores=metrics, cpu_seconds=36)))
    plain, both = refshapes.whole_summary(tmp_path).split('### After 2 epochs\n\n')
    longer, longest = both.split('### After 10 epochs\n\n')
    assert longest.split('\n')[2].startswith('| CGA gains on LTS (SADLR, Table 3) | 71.0 | 70.0 | +1.0 |')
    assert plain == refshapes.summary(*refshapes.read_scores(tmp_path / 'refshapes')) + '\n\n'
    assert longer.split('\n')[2].startswith('| VLT is better without CGA (SADLR, Table 3) | 60.0 | 61.0 | -1.0 |')
    assert '0 of 1 claims hold; 2 runs are measured, 0.0 core-hours.' in longer


def test_a_failed_run_names_its_log(tmp_path):
    with pytest.raises(RuntimeError, match='tools/train.py no_such_config.py failed with 2: see .*run.log'):
        refshapes.run(['tools/train.py', 'no_such_config.py'], tmp_path / 'run.log')
    assert 'no_such_config.py' in (tmp_path / 'run.log').read_text()


def test_every_run_is_a_config_and_in_a_claim():
    assert {name for claim in claims.CLAIMS for name in (claim.better, claim.worse)} == set(claims.RUNS)
    for run in claims.RUNS.values():
        cfg = Config.fromfile(ROOT / run.config)
        cfg.merge_from_dict(dict(option.split('=', 1) for option in run.options))
        assert cfg.input_size == (96, 96)
        start = cfg.model.backbone.get('init_cfg')
        assert start is None or (ROOT / 'zoo' / claims.ENCODERS[start.checkpoint].removeprefix('zoo://')).is_file()
    headline = claims.runs_of(claims.GROUPS)
    assert 20 <= len(headline) < len(claims.runs_of(claims.GROUPS, headline_only=False)) == len(claims.RUNS)
