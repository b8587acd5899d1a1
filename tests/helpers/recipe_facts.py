"""Reads a recipe off the runner that a config builds: a helper of tests."""

import json
import pickle
from collections import Counter
from fractions import Fraction
from pathlib import Path
from unittest.mock import patch

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch import nn

from mmrefseg.analysis.model_cost import without_numbers
from mmrefseg.registry import MODELS
from mmrefseg.utils import without_pretrained


def write_refcoco(root: Path) -> None:
    """A RefCOCO of 30 refs for training and one for validation, without images: no recipe depends on them."""
    refs = [dict(ref_id=i, ann_id=1 + i // 30, image_id=1 + i // 30, category_id=1, split='val' if i == 30 else 'train',
                 file_name='image.jpg', sent_ids=[i], sentences=[dict(sent_id=i, raw='a man', sent='a man', tokens=[])])
            for i in range(31)]
    images = [dict(id=i, file_name=f'image_{i}.jpg', height=30, width=40) for i in (1, 2)]
    annotations = [dict(id=i, image_id=i, category_id=1, bbox=[0, 0, 9, 9], segmentation=[[0., 0., 9., 0., 9., 9.]])
                   for i in (1, 2)]
    (root / 'refcoco').mkdir(parents=True)
    (root / 'coco/train2014').mkdir(parents=True)
    (root / 'refcoco/instances.json').write_text(json.dumps(dict(images=images, annotations=annotations)))
    (root / 'refcoco/refs(unc).p').write_bytes(pickle.dumps(refs, protocol=2))


def build_runner(path, data_root, work_dir) -> Runner:
    """The runner of ``tools/train.py PATH`` as it is when training begins, its model without numbers (meta device)."""
    cfg = Config.fromfile(path)
    cfg.work_dir, cfg.visualizer.vis_backends = str(work_dir), None
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[loader].dataset.data_root = str(data_root)
        cfg[loader].update(num_workers=0, persistent_workers=False)
    if isinstance(cfg.model.text_encoder.get('vocab'), str):  # a file that a tool makes from the user's data
        cfg.model.text_encoder.vocab = ['man', 'left']
    init_default_scope(cfg.default_scope)
    with without_numbers():
        model = MODELS.build(without_pretrained(cfg.model))
    model.to = lambda *args, **kwargs: model  # there is nothing to move
    with patch.object(Runner, 'build_model', lambda *args: model):
        runner = Runner.from_cfg(cfg)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.scale_lr(runner.optim_wrapper, runner.auto_scale_lr)
    runner.param_schedulers = runner.build_param_scheduler(runner.param_schedulers)
    model.train()
    return runner


def part_of(name: str) -> str:
    """A parameter's part of the model."""
    return name.split('.')[0]


def parameters_of(model: nn.Module) -> dict:
    """Of each part, how many parameters it has: any width that changes changes one of them."""
    counts = Counter()
    for name, value in model.named_parameters():
        counts[part_of(name)] += value.numel()
    return dict(counts)


def frozen_of(model: nn.Module) -> dict:
    """Of each part, how many tensors do not train."""
    return dict(Counter(part_of(name) for name, value in model.named_parameters() if not value.requires_grad))


def groups_of(runner: Runner) -> dict:
    """(rate, decay) -> how many tensors of each part, of those that train."""
    names = {id(value): name for name, value in runner.model.named_parameters() if value.requires_grad}
    groups = {}
    for group in runner.optim_wrapper.optimizer.param_groups:
        key = (group['initial_lr'], group['weight_decay'])
        for value in group['params']:
            if id(value) in names:
                groups.setdefault(key, Counter())[part_of(names[id(value)])] += 1
    return {key: dict(counts) for key, counts in groups.items()}


def undecayed_of(runner: Runner) -> set:
    """Names of the tensors that are not decayed."""
    names = {id(value): name for name, value in runner.model.named_parameters()}
    return {names[id(value)] for group in runner.optim_wrapper.optimizer.param_groups if not group['weight_decay']
            for value in group['params']}


def dropouts_of(model: nn.Module) -> dict:
    """Part and probability -> how many dropouts are active in training; the largest drop path of a backbone."""
    found, paths = Counter(), {}
    for name, module in model.named_modules():
        if not module.training:
            continue
        rate = module.p if isinstance(module, nn.Dropout) else getattr(module, 'dropout', 0)
        if isinstance(rate, float) and rate > 0 and isinstance(module, (nn.Dropout, nn.MultiheadAttention, nn.RNNBase)):
            found[f'{part_of(name)} {rate:g}'] += 1
        if getattr(module, 'drop_prob', None):
            key = f'{part_of(name)} path'
            paths[key] = max(paths.get(key, 0), round(module.drop_prob, 6))
    return {**found, **paths}


def still_norms_of(model: nn.Module) -> dict:
    """Of each part, how many batch norms keep their statistics."""
    norms = nn.modules.batchnorm._BatchNorm
    return dict(Counter(part_of(name) for name, module in model.named_modules()
                        if isinstance(module, norms) and not module.training))


def heads_of(model: nn.Module) -> dict:
    """Part -> numbers of heads of its attentions, in order, once each."""
    found = {}
    for name, module in model.named_modules():
        heads = getattr(module, 'num_heads', getattr(module, 'num_attention_heads', None))
        if isinstance(heads, int):
            numbers = found.setdefault((part_of(name), type(module).__name__), [])
            if not numbers or numbers[-1] != heads:
                numbers.append(heads)
    return {f'{part} {kind}': tuple(numbers) for (part, kind), numbers in found.items()}


def losses_of(runner: Runner) -> dict:
    """Head -> its losses with what weighs them."""
    found = {}
    for head in (runner.model.decode_head, *runner.model.auxiliary_head):
        about = [_loss(loss) for loss in head.loss_decode] if type(head).__name__ != 'LFRHead' else []
        for option in ('loss_weights', 'loss_weight', 'ila_weight', 'reduction'):
            if hasattr(head, option):
                about.append(f'{option}={getattr(head, option)}')
        found[type(head).__name__] = ' '.join(about)
    return found


def _loss(loss: nn.Module) -> str:
    options = dict(weight=loss.loss_weight)
    if hasattr(loss, 'background'):
        options['background'] = loss.background
    return f'{type(loss).__name__}({", ".join(f"{key}={value}" for key, value in options.items())})'


def class_weights_of(runner: Runner) -> list:
    """Of background and object, of the decode head's first loss; None where there are none."""
    loss = runner.cfg.model.decode_head.loss_decode
    weights = getattr(MODELS.build(loss if isinstance(loss, dict) else loss[0]), 'class_weight', None)
    return None if weights is None else [round(weight, 6) for weight in weights.tolist()]


def images_of(runner: Runner) -> tuple:
    """What is subtracted and divided by, whether the ratio stays, and the filters of training and testing."""
    preprocessor = runner.cfg.model.data_preprocessor
    steps = [step for loader in (runner.train_loop.dataloader, runner.test_dataloader)
             for step in loader.dataset.pipeline.transforms if type(step).__name__ == 'RefResize']
    filters = tuple(f'{step.backend} {step.interpolation}' for step in steps)
    ratio, = {step.keep_ratio for step in steps}
    return 'ImageNet' if preprocessor.mean[0] == 123.675 and preprocessor.std[2] == 57.375 else (
        tuple(preprocessor.mean), tuple(preprocessor.std)), ratio, filters, preprocessor.bgr_to_rgb


def rates_of(runner: Runner) -> list:
    """The first group's rate as a part of the initial one, at every step of the training's iterations."""
    rates = []
    steps = len(runner.train_loop.dataloader)
    group = runner.optim_wrapper.optimizer.param_groups[0]
    for iteration in range(runner.train_loop.max_epochs * steps):
        rates.append(group['lr'] / group['initial_lr'])
        for scheduler in runner.param_schedulers:
            if not scheduler.by_epoch or (iteration + 1) % steps == 0:
                scheduler.step()
    return rates


def steps_of(rates: list) -> dict:
    """Where (as a part of the training) a stepwise schedule changes, and to what."""
    return {Fraction(i, len(rates)): round(rates[i], 9) for i in range(1, len(rates)) if rates[i] != rates[i - 1]}
