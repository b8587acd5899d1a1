"""Inference on a CPU by other engines and in eight bits: what is faster than eager torch, and what it costs in mIoU.

    pip install -r requirements/export.txt openvino nncf
    OMP_NUM_THREADS=1 python benchmarks/eight_bits.py lavt/lavt_swinb_refcoco --repeats 7
    OMP_NUM_THREADS=1 python benchmarks/eight_bits.py sadlr_lavt_nano_refshapes --data-root data --images 200

The model is exported to ONNX once. Variants, from normalized pixels and words' ids to log-odds, in turns; seconds are
those of the CPU's threads, so take one:

- eager torch in fp32, the baseline, under bfloat16 autocast, and as ``--amp`` has it, its weights rounded once;
- onnxruntime in fp32, with dynamic 8-bit products (MatMul; weights and activations) and with static ones (QDQ;
  convolutions and products, calibrated on training images);
- OpenVINO in fp32, in bfloat16, and quantized after training by NNCF on the same images.

With --data-root each of them is tested on images of val as well. Without weights and data the model is random and the
calibration is on noise: times do not depend on it.
"""

import argparse
import copy
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Sequence, Tuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import Tensor

from mmrefseg.apis import RefSegInferencer
from mmrefseg.command_line.run_command import run_command
from mmrefseg.engine import use_half_precision
from mmrefseg.export import SegmentorGraph, export_onnx
from mmrefseg.export.example_inputs import example_inputs
from mmrefseg.export.segmentor_graph import INPUTS
from mmrefseg.exported import ExportedSegmentor, OnnxSession
from mmrefseg.exported.description import FileDescription
from mmrefseg.registry import DATASETS, METRICS
from mmrefseg.utils import find_config, keep_freed_memory, without_pretrained, zoo_entries
from mmrefseg.utils.paired import measure_in_turns, save, table

Engine = Callable[..., Sequence[Tensor]]
VARIANTS = ('torch', 'torch bf16', 'torch amp', 'onnxruntime', 'onnxruntime int8 dynamic', 'onnxruntime int8 static',
            'openvino', 'openvino bf16', 'openvino int8')


class Session:
    """An engine in the place of an :class:`OnnxSession`, for :class:`ExportedSegmentor`."""

    def __init__(self, engine: Engine, description: FileDescription) -> None:
        self.engine, self.description = engine, description

    def __call__(self, *inputs: Tensor) -> Sequence[Tensor]:
        """Outputs as float32 on the CPU."""
        return [output.float() for output in self.engine(*inputs)]


class Reader:
    """Calibration inputs, as onnxruntime reads them."""

    def __init__(self, inputs: List[Tuple[Tensor, ...]]) -> None:
        self.inputs = iter(inputs)

    def get_next(self) -> dict:
        """The next inputs by name, None at the end."""
        found = next(self.inputs, None)
        return found and as_arrays(found)


def as_arrays(inputs: Sequence[Tensor]) -> Dict[str, np.ndarray]:
    """Inputs of the graph by their names."""
    return {name: tensor.numpy() for name, tensor in zip(INPUTS, inputs)}


def eager(graph: SegmentorGraph, half: bool, rounded: bool) -> Engine:
    """Eager torch, in fp32 or under autocast, with weights that are rounded for it or not."""
    if rounded:
        graph = copy.deepcopy(graph)
        use_half_precision(graph.model)

    def run(*inputs: Tensor) -> Sequence[Tensor]:
        with torch.autocast('cpu', torch.bfloat16, enabled=half):
            return graph(*inputs)
    return run


def quantize_onnx(file: Path, static: bool, calibration: List[Tuple[Tensor, ...]]) -> Path:
    """Eight bits by onnxruntime: products with weights and activations, static with convolutions too."""
    import onnx
    from onnxruntime.quantization import QuantFormat, quantize_dynamic, quantize_static
    prepared, out = file.with_name('prepared.onnx'), file.with_name(f'int8-{static}.onnx')
    model = onnx.load(file)
    del model.graph.value_info[:]  # some shapes in it are of before the exporter's own optimization
    onnx.save(model, prepared)
    if static:
        quantize_static(prepared, out, Reader(calibration), quant_format=QuantFormat.QDQ, per_channel=True,
                        op_types_to_quantize=['Conv', 'MatMul', 'Gemm'])
    else:
        quantize_dynamic(prepared, out, op_types_to_quantize=['MatMul', 'Gemm'], per_channel=True)
    return out


def openvino_engine(onnx: Path, precision: str, calibration: List[Tuple[Tensor, ...]]) -> Engine:
    """OpenVINO with inference in f32 or bf16, or ``'int8'``: quantized by NNCF."""
    import openvino
    model = openvino.Core().read_model(onnx)
    if precision == 'int8':
        import nncf
        # Looking up is no product: with a Gather of constants NNCF stops at a KeyError.
        model = nncf.quantize(model, nncf.Dataset(calibration, as_arrays), subset_size=len(calibration),
                              model_type=nncf.ModelType.TRANSFORMER,
                              ignored_scope=nncf.IgnoredScope(types=['Gather'], validate=False))
    compiled = openvino.Core().compile_model(model, 'CPU', {
        'INFERENCE_PRECISION_HINT': 'bf16' if precision == 'bf16' else 'f32',
        'INFERENCE_NUM_THREADS': torch.get_num_threads(), 'PERFORMANCE_HINT': 'LATENCY'})

    def run(*inputs: Tensor) -> Sequence[Tensor]:
        found = compiled(as_arrays(inputs))
        return [torch.from_numpy(found[output]) for output in compiled.outputs]
    return run


def engine_of(name: str, graph: SegmentorGraph, onnx: Path, calibration: List[Tuple[Tensor, ...]]) -> Engine:
    """The engine of a variant."""
    if name.startswith('torch'):
        return eager(graph, half=name != 'torch', rounded=name.endswith('amp'))
    if name.startswith('openvino'):
        return openvino_engine(onnx, name.partition(' ')[2], calibration)
    if 'int8' not in name:
        return OnnxSession(onnx, 'cpu')
    quantized = quantize_onnx(onnx, name.endswith('static'), calibration)
    return OnnxSession(quantized, 'cpu')


def make_inferencer(args: argparse.Namespace) -> RefSegInferencer:
    """The model with its weights, or with random ones, which times do not depend on."""
    published = (zoo_entries().get(args.config) or {}).get('Weights')
    if args.weights or published:
        return RefSegInferencer(args.config, args.weights, device='cpu', show_progress=False)
    cfg = Config.fromfile(find_config(args.config))
    cfg.model = without_pretrained(cfg.model)
    return RefSegInferencer(cfg, device='cpu', show_progress=False)


def batches(cfg: Config, split: str, data_root: str, images: int) -> Iterator[dict]:
    """Images of a split through the test pipeline, one after the other."""
    settings = dict(cfg.test_dataloader.dataset, split=split, data_root=data_root, test_mode=True)
    dataset = DATASETS.build(settings)
    for number in np.linspace(0, len(dataset) - 1, min(images, len(dataset))).round().astype(int).tolist():
        yield pseudo_collate([dataset[number]])


def calibration_inputs(inferencer: RefSegInferencer, size: Tuple[int, int],
                       args: argparse.Namespace) -> List[Tuple[Tensor, ...]]:
    """Inputs of the graph from training images, or from noise where there are none."""
    if args.data_root is None:
        return [example_inputs(inferencer.model, size, (1, ), seed=seed) for seed in range(4)]
    found = []
    for data in batches(inferencer.cfg, 'train', args.data_root, args.calibrate):
        pixels = inferencer.model.data_preprocessor(data)['inputs']
        texts = data['data_samples'][0].expressions
        ids, mask = inferencer.model.text_encoder.tokenize(list(texts))
        found.append((pixels, ids, mask, torch.zeros(len(texts), dtype=torch.long)))
    return found


def mean_iou(session: Session, cfg: Config, args: argparse.Namespace) -> float:
    """mIoU, percent, on images of val."""
    model = ExportedSegmentor(session)
    metric = METRICS.build(dict(cfg.test_evaluator, eval_size='original'))  # as the inferencer exports
    for data in batches(cfg, 'val', args.data_root, args.images):
        metric.process(data, [sample.to_dict() for sample in model.test_step(data)])
    return metric.evaluate(size=len(metric.results))['mIoU']


def main() -> None:
    """Export, quantize, time, test, print."""
    parser = argparse.ArgumentParser(description='CPU inference by other engines and in eight bits, paired')
    parser.add_argument('config', help='config file, or name in the zoo')
    parser.add_argument('--weights', help="checkpoint; default: the zoo's, or random weights")
    parser.add_argument('--variants', nargs='+', choices=VARIANTS, default=VARIANTS, metavar='VARIANT')
    parser.add_argument('--expressions', type=int, default=1, help='expressions on the image that is timed')
    parser.add_argument('--repeats', type=int, default=7, help='rounds')
    parser.add_argument('--data-root', help='data of the config, to test on')
    parser.add_argument('--images', type=int, default=200, help='of val that are tested')
    parser.add_argument('--calibrate', type=int, default=64, help='training images to calibrate with')
    parser.add_argument('--out', type=Path, help='write the numbers to this .json file')
    args = parser.parse_args()
    keep_freed_memory()
    inferencer = make_inferencer(args)
    scores = {}
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        onnx = Path(folder) / 'model.onnx'
        export_onnx(inferencer, onnx)
        description = OnnxSession(onnx, 'cpu').description
        graph = SegmentorGraph(inferencer.model, description.input_size)
        calibration = calibration_inputs(inferencer, description.input_size, args)
        inputs = example_inputs(inferencer.model, description.input_size, (args.expressions, ), num_words=18)
        runs = {}
        for name in args.variants:
            engine = engine_of(name, graph, onnx, calibration)
            runs[name] = lambda engine=engine: engine(*inputs)
            if args.data_root:
                scores[name] = mean_iou(Session(engine, description), inferencer.cfg, args)
                print(f'{name}: mIoU {scores[name]:.2f}', flush=True)
        times = measure_in_turns(runs, args.repeats, warmup=1, clock=time.process_time)
    print(f'{args.config}, {description.input_size}, {torch.get_num_threads()} threads, {args.repeats} rounds, '
          f'CPU seconds\n{table(times, mIoU={name: f"{score:.2f}" for name, score in scores.items()})}')
    save(args.out, times=times, scores=scores)


if __name__ == '__main__':
    sys.exit(run_command(main))
