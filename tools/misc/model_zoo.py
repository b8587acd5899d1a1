"""Write docs/en/model_zoo.md from the metafiles:

python tools/misc/model_zoo.py
"""

import argparse
import re
import sys
from itertools import groupby
from pathlib import Path
from typing import Dict, List, Tuple

from mmengine.config import Config

from mmrefseg.apis import ZooModel, zoo_models
from mmrefseg.command_line.run_command import run_command
from mmrefseg.utils import write_text

# The pages belong to the repository, which an installed package is without.
ROOT = Path(__file__).resolve().parents[2]

HEAD = '''<!-- Written by tools/misc/model_zoo.py from configs/*/metafile.yml: change those. -->
# Model zoo

## Trained here

Small models that learned [RefShapes](data.md) on a CPU core. They come with the repository and with the wheel, so their
names work without network:

```python
from mmrefseg.apis import RefSegInferencer

RefSegInferencer.list_models()
inferencer = RefSegInferencer('sadlr_lavt_nano_refshapes')
```

They know coloured shapes and the {words} words of RefShapes, nothing else: for trying programs out, not for
photographs.

{ours}

The numbers are ours, of the files that are in the zoo: `python tools/test.py CONFIG WEIGHTS --splits val testA
testB`. *Fresh* is val of a RefShapes that was generated with another seed, *shuffled* is val with every expression
given to another object of its image (`--shuffle-expressions`): a model that reads falls to next to nothing. GMACs and
parameters: `tools/analysis_tools/get_flops.py CONFIG --shape 96 96 --words 10`. A log begins with its commands: what a
model started from, and how long it learned, differs from row to row, so the rows do not compare the methods; that is
[another page](refshapes_benchmark.md)'s matter.

Beside them lie `swin_nano_refshapes` and `swin_nano-fine_refshapes`, backbones that learned to see RefShapes' shapes
without a word ([mixing](../../configs/mixing/README.md)), for a nano model to start from, and the same of simple
RefShapes: `init_cfg=dict(type='Pretrained', checkpoint='zoo://swin_nano_refshapes-….safetensors',
prefix='backbone.')`.

### The files

`tools/model_converters/publish_model.py` makes such a file of a training's checkpoint: safetensors, which run
nothing when they are opened, no optimizer, the first eight hex digits of the SHA-256 in the name. It is taken
wherever a checkpoint is: `tools/test.py`, `load_from`, `init_cfg`, `RefSegInferencer(CONFIG, FILE)`; and
`RefSegInferencer(weights=FILE)` finds the config by the name that is in the file.

```bash
python tools/model_converters/publish_model.py work_dirs/lavt/lavt_nano_refshapes/epoch_3.pth lavt_nano_refshapes \\
    --config configs/lavt/lavt_nano_refshapes.py --dtype int8
```

`--dtype float32` keeps the weights as they are, `float16` and `bfloat16` take half the space, `int8` a quarter:
matrices and kernels in eight bits a weight with a factor a row, all else in single precision. Loading brings all
back to single precision. Test what it does to your model: of the five of RefShapes it changes the mIoU on val by 0.08
points at most.

`tools/model_converters/average_checkpoints.py EPOCH_4.pth EPOCH_5.pth --out MEAN.pth` makes the mean of several, which
of the last epochs of a training is often better than each: the zoo's LAVT is one.

## Without training

Models of the Hugging Face hub, for any photograph, fetched at first use: [without training](without_training.md) says
how they are used. **None has been measured with this toolbox yet.**

{foundation}

## Papers' results, and configs for them

**None of these models has been trained here, and no weights are published for them.** The results are those that the
papers print, each under the [protocol](metrics.md) of its method; in brackets whose table it is where that is not
the method's own paper; precision, sources and what does not compare are in [published results](published_results.md).
GMACs (at the config's own size and with as many words as it reads) and parameters, BERT included, are ours; for the
ablations of the papers see the READMEs. Configs with Darknet-53 load weights that have seen the val and test images of
RefCOCO, RefCOCO+ and RefCOCOg, which the papers' had not: what is trained from them compares with no published number.
'''


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description='Write docs/en/model_zoo.md from the metafiles')
    parser.add_argument('--out', type=Path, default=ROOT / 'docs/en/model_zoo.md', help='the page')
    write_text(parser.parse_args().out, page())


def page() -> str:
    """str: The whole page."""
    models = list(zoo_models().values())
    ours = [model for model in models if model.published is not None]
    words = Config.fromfile(ROOT / 'configs/_base_/vocabs/refshapes.py').refshapes_vocab
    foundation = table_of_foundation([model for model in models if model.hub])
    text = HEAD.format(words=len(words), ours=tables_of_ours(ours), foundation=foundation)
    for collection, members in groupby((model for model in models if model.published is None and not model.hub),
                                       key=lambda model: model.collection):
        members = list(members)
        text += f'\n### [{collection}](../../configs/{folder_of(members)}/README.md)\n\n' + table_of_papers(members)
    return text


def tables_of_ours(models: List[ZooModel]) -> str:
    """Markdown: a table a data set, a row a model with its results, its cost and its files."""
    tables = []
    for data, members in groupby(sorted(models, key=data_of), key=data_of):
        members = list(members)
        columns = list(dict.fromkeys((metric, split) for model in members for metric, _, split, _ in results(model)))
        rows = [[data, *(f'{split} {metric}' for metric, split in columns), 'GMACs', 'parameters', 'files']]
        for model in members:
            found = {(metric, split): value for metric, _, split, value in results(model)}
            metadata = model.entry['Metadata']
            files = ', '.join(f'[{key.split()[-1].lower()}](../../{model.entry[key]})'
                              for key in ('Config', 'Weights', 'Training log'))
            rows.append([f'`{model.name}`', *(found.get(column, '') for column in columns), f'{metadata["GMACs"]:.2f}',
                         f'{metadata["Parameters (M)"]:.2f} M', files])
        tables.append(markdown(rows))
    return '\n\n'.join(tables)


def table_of_foundation(models: List[ZooModel]) -> str:
    """Markdown: a row a model without training, without its configs for further data sets."""
    rows = [['name', 'models of the hub', 'licence', 'download', 'RefCOCO']]
    for model in models:
        if 'Alias' in model.entry:
            facts = model.entry['Metadata']
            rows.append([f'[`{model.entry["Alias"]}`](../../{model.entry["Config"]})',
                         ', '.join(f'`{name}`' for name in model.hub), facts['Licence'], facts['Download'],
                         facts['Seen']])
    rest = len(models) - len(rows) + 1
    return f'{markdown(rows)}\n\n{rest} more configs in [configs/foundation](../../configs/foundation).'


def data_of(model: ZooModel) -> str:
    """str: The data set of a model's results."""
    return model.entry['Results'][0]['Dataset']


def table_of_papers(models: List[ZooModel]) -> str:
    """Markdown: a row a model that a paper has, without ablations, and how many configs there are beside them."""
    rows = [['config', 'data', 'result', 'GMACs', 'parameters']]
    for model in models:
        found = [result for result in results(model) if re.fullmatch(r'\w*IoU', result[0])]
        if not found or 'ablations' in model.entry['Config']:
            continue
        metadata = model.entry.get('Metadata', {})
        parameters = f'{metadata["Parameters (M)"]:.1f} M' if metadata else ''
        rows.append([f'[`{model.name}`](../../{model.entry["Config"]})', data_of(model),
                     printed(found), metadata.get('GMACs', ''), parameters])
    rest = len(models) - len(rows) + 1
    folder = folder_of(models)
    more = f'{rest} more config{"s" * (rest > 1)} in [configs/{folder}](../../configs/{folder}).\n' if rest else ''
    return '\n'.join(([markdown(rows) + '\n'] if len(rows) > 1 else []) + ([more] if more else []))


def folder_of(models: List[ZooModel]) -> str:
    """str: The folder below configs/ of a method's models."""
    return Path(models[0].entry['Config']).parts[1]


def results(model: ZooModel) -> List[Tuple[str, str, str, float]]:
    """list[tuple]: (metric, whose, split, value) of a model: 'oIoU (paper, val)' is the metafile's key of one."""
    found = []
    for result in model.entry.get('Results', []):
        for key, value in result['Metrics'].items():
            found.append((*re.fullmatch(r'(\S+) \((\w+), (\w+)\)', key).groups(), value))
    return found


def printed(found: List[Tuple[str, str, str, float]]) -> str:
    """[('oIoU', 'SADLR', 'val', 72.56)] -> 'oIoU 72.56 val (SADLR)'."""
    by_metric: Dict[Tuple[str, str], List[str]] = {}
    for metric, whose, split, value in found:
        by_metric.setdefault((metric, whose), []).append(f'{value:.2f} {split}')
    return '; '.join(f'{metric} {", ".join(values)}' + (f' ({whose})' if whose != 'paper' else '')
                     for (metric, whose), values in by_metric.items())


def markdown(rows: List[list]) -> str:
    """Rows, the first the headings, as a table."""
    head, *body = [f'| {" | ".join(map(str, row))} |' for row in rows]
    return '\n'.join([head, '|---' * len(rows[0]) + '|', *body])


if __name__ == '__main__':
    sys.exit(run_command(main))
