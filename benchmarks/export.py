"""Exported models beside eager torch: how far off they are, how large, how fast.

    python benchmarks/export.py --repeats 20 \\
        LAVT=configs/lavt/lavt_nano_refshapes.py,work_dirs/lavt/lavt_nano_refshapes/epoch_3.pth \\
        LTS=configs/lts/lts_nano_refshapes.py,work_dirs/lts/lts_nano_refshapes/epoch_3.pth

Each model is exported twice, to ONNX and as a program of torch.export, and both are compared with eager torch in the
cases of mmrefseg/export/parity.py. The first model is then timed, paired: every round runs eager torch, the program and
onnxruntime once, in turn, on one picture with some expressions, from normalized pixels and words' ids to log-odds.
Prints Markdown tables; --out keeps all numbers.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Callable, Dict, List

import torch
from torch.export.passes import move_to_device_pass

from mmrefseg.apis import RefSegInferencer
from mmrefseg.command_line.run_command import run_command
from mmrefseg.export import SegmentorGraph, export_onnx, export_program
from mmrefseg.export.example_inputs import example_inputs
from mmrefseg.export.parity import CASES, Difference
from mmrefseg.exported import OnnxSession
from mmrefseg.utils import keep_freed_memory
from mmrefseg.utils.paired import machine, measure_in_turns, save, table


def parity_table(found: Dict[str, Dict[str, List[Difference]]], megabytes: Dict[str, List[float]]) -> str:
    """A row a model: the largest difference over all cases, and the sizes of the files."""
    rows = ['| | largest log-odds | torch.export | ONNX | checkpoint (MB) | ONNX (MB) |', '|---|---|---|---|---|---|']
    for name, kinds in found.items():
        scale = max(case.scale for case in kinds['onnx'])
        largest = {kind: max(case.largest for case in cases) for kind, cases in kinds.items()}
        checkpoint, onnx = megabytes[name]
        rows.append(f'| {name} | {scale:.1f} | {largest["program"]:.1e} | {largest["onnx"]:.1e} | {checkpoint:.1f} | '
                    f'{onnx:.1f} |')
    return '\n'.join(rows)


def variants(inferencer: RefSegInferencer, onnx: Path, program: Path, expressions: int,
             device: str) -> Dict[str, Callable[[], object]]:
    """Functions to time on a device, by the name of their row."""
    session = OnnxSession(onnx, device)
    graph = SegmentorGraph(inferencer.model.to(device), session.description.input_size)
    loaded = move_to_device_pass(torch.export.load(program), device).module()
    inputs = example_inputs(inferencer.model, graph.input_size, (expressions, ))
    runs = {'eager torch': graph, 'torch.export': loaded, 'onnxruntime': session}
    return {name: (lambda run=run: run(*inputs)) for name, run in runs.items()}


def main() -> None:
    """Export, compare, time, print."""
    parser = argparse.ArgumentParser(description='Exported models beside eager torch')
    parser.add_argument('models', nargs='+', metavar='NAME=CONFIG,CHECKPOINT')
    parser.add_argument('--expressions', type=int, default=1, help='expressions on the picture that is timed')
    parser.add_argument('--repeats', type=int, default=20, help='rounds; 0 times nothing')
    parser.add_argument('--device', default='cpu', help='of the timing; the differences are those on a CPU')
    parser.add_argument('--out', type=Path, help='write the numbers to this .json file')
    args = parser.parse_args()
    keep_freed_memory()
    found, megabytes, times = {}, {}, {}
    for argument in args.models:
        name, _, files = argument.partition('=')
        config, _, checkpoint = files.partition(',')
        inferencer = RefSegInferencer(config, checkpoint, device='cpu', show_progress=False)
        with tempfile.TemporaryDirectory() as folder:
            onnx, program = Path(folder) / 'model.onnx', Path(folder) / 'model.pt2'
            found[name] = dict(program=export_program(inferencer, program), onnx=export_onnx(inferencer, onnx))
            megabytes[name] = [file.stat().st_size / 1e6 for file in (Path(checkpoint), onnx)]
            print(parity_table({name: found[name]}, megabytes).split('\n')[-1], flush=True)
            if not times and args.repeats:
                with torch.no_grad():
                    runs = variants(inferencer, onnx, program, args.expressions, args.device)
                    times = measure_in_turns(runs, args.repeats, 3, args.device)
    print(f'\n{len(CASES)} cases, {machine(args.device)}\n\n{parity_table(found, megabytes)}')
    if times:
        print(f'\n{next(iter(found))}, {args.expressions} expression(s), {args.repeats} rounds\n{table(times)}')
    save(args.out, args.device, differences=found, megabytes=megabytes, times=times)


if __name__ == '__main__':
    sys.exit(run_command(main))
