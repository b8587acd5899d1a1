"""Make a checkpoint ready to hand out:

python tools/model_converters/publish_model.py work_dirs/lavt/lavt_nano_refshapes/epoch_3.pth lavt_nano_refshapes \
    --config configs/lavt/lavt_nano_refshapes.py

writes lavt_nano_refshapes-<first 8 hex digits of its sha256>.safetensors: the weights, without optimizer, schedulers
and logs, and the metadata `config`, `version`, `dtype`, `epoch`, `iter` and `metrics`. The same arguments give the same
name.
"""

import argparse
import hashlib
import os
from pathlib import Path
from typing import Optional

from mmrefseg import __version__
from mmrefseg.checkpoints.read import read_checkpoint, weights_of
from mmrefseg.checkpoints.safetensors_files import DTYPES, SUFFIX, save_safetensors
from mmrefseg.utils import json_object, package_files


def publish(checkpoint: str,
            out: str,
            config: Optional[str] = None,
            dtype: str = 'float32',
            metrics: Optional[str] = None,
            part: Optional[str] = None) -> Path:
    """Write the published file of a checkpoint.

    Args:
        checkpoint (str): What mmengine wrote, a state dict, or a published file.
        out (str): Path without hash and suffix, or with ``.safetensors``.
        config (str, optional): The config file, one of ``configs/``; a file of another place is kept by its name alone.
        dtype (str): See :func:`mmrefseg.checkpoints.save_safetensors`. Defaults to 'float32'.
        metrics (str, optional): What ``tools/test.py --out`` wrote of this model.
        part (str, optional): The part of the model that is kept, for example 'backbone', for other models to start from
            with ``init_cfg`` and ``prefix='backbone.'``. Defaults to all.

    Returns:
        Path: The file.

    Raises:
        FileNotFoundError: A file that is not there.
        CheckpointError: ``checkpoint`` is none, or holds no state dict.
        ValueError: Weights that do not fit ``dtype``, nothing of ``part``, or metrics that are no JSON object.
    """
    loaded = read_checkpoint(checkpoint)
    weights = weights_of(loaded, checkpoint)
    if part is not None:
        parts = sorted({name.partition('.')[0] for name in weights})
        if part not in parts:
            raise ValueError(f'--part {part}: {checkpoint} has the parts {", ".join(parts)}')
        weights = {name: value for name, value in weights.items() if name.startswith(f'{part}.')}
    # What a published file said of itself goes on; of a training checkpoint two numbers do.
    meta = {key: value for key, value in (loaded.get('meta') or {}).items()
            if key in ('config', 'metrics', 'epoch', 'iter')}
    meta['version'] = __version__
    if config is not None:
        if not Path(config).is_file():
            raise FileNotFoundError(f'--config {config} can not be found')
        path = Path(config).resolve()
        ours = (package_files() / 'configs').resolve()
        meta['config'] = f'configs/{path.relative_to(ours).as_posix()}' if path.is_relative_to(ours) else path.name
    if metrics is not None:
        meta['metrics'] = json_object(Path(metrics).read_text(encoding='utf-8'), f'--metrics {metrics}')
    out = str(out).removesuffix(SUFFIX)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    nameless = Path(f'{out}-nameless{SUFFIX}')
    save_safetensors(nameless, weights, meta, dtype)
    named = Path(f'{out}-{hashlib.sha256(nameless.read_bytes()).hexdigest()[:8]}{SUFFIX}')
    os.replace(nameless, named)
    return named


def main() -> None:
    """Publish one checkpoint."""
    parser = argparse.ArgumentParser(description='Make a checkpoint ready to hand out')
    parser.add_argument('checkpoint', help='what training wrote')
    parser.add_argument('out', help='path of the file, to whose name the hash is added')
    parser.add_argument('--config', help='its config, which a program that gets the file alone can then find')
    parser.add_argument('--dtype', default='float32', choices=DTYPES, help='how the weights are stored; int8 keeps '
                        'matrices in eight bits a weight and a factor a row: test what it does to your model')
    parser.add_argument('--metrics', help='what mmrefseg test --out wrote')
    parser.add_argument('--part', help='keep one part of the model alone, for example backbone, to start others from')
    args = parser.parse_args()
    path = publish(args.checkpoint, args.out, args.config, args.dtype, args.metrics, args.part)
    print(f'{path}: {path.stat().st_size / 1e6:.2f} MB')
