"""A training of a model of one weight, on numbers."""

from contextlib import contextmanager

import torch
from mmengine.evaluator import Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from mmrefseg.registry import DATASETS, MODELS


class Numbers(Dataset):
    metainfo = {}

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __getitem__(self, i):
        return torch.tensor(float(self.values[i]))


class Toy(BaseModel):
    def __init__(self, size=1):
        super().__init__()
        self.layer = nn.Linear(size, 1)

    def forward(self, data=None, mode='loss', **_):
        values = torch.stack(list(data)) if isinstance(data, (list, tuple)) else data
        return dict(loss=(self.layer.weight.sum() * values).mean()) if mode == 'loss' else [values]

    def train_step(self, data, optim_wrapper):
        parsed, log = self.parse_losses(self(data))
        optim_wrapper.update_params(parsed)
        return log

    def val_step(self, data):
        return self(data, mode='predict')


class Score(Evaluator):
    """A metric that goes up and down."""

    def __init__(self, scores):
        super().__init__([])
        self.scores, self.calls = scores, 0

    def process(self, data_batch, data_samples):
        pass

    def evaluate(self, size):
        self.calls += 1
        return dict(score=self.scores[self.calls - 1])


def runner_of(folder, values=(1., 2., 3.), epochs=3, scores=(0.2, 0.5, 0.4), model=None, load_from=None, resume=False,
              checkpoint=None, **finite):
    loader = dict(batch_size=1, num_workers=0, dataset=dict(type='Numbers', values=list(values)),
                  sampler=dict(type='DefaultSampler', shuffle=False), collate_fn=dict(type='default_collate'))
    val = dict(loader, dataset=dict(type='Numbers', values=[1.]))
    hooks = dict(
        checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=2, save_best='score', rule='greater',
                        **(checkpoint or {})),
        checkpoint_fit=dict(type='CheckpointFitHook'), finite_loss=dict(type='FiniteLossHook', **finite))
    return Runner(
        model or dict(type='Toy'), str(folder), train_dataloader=loader, val_dataloader=val,
        train_cfg=dict(by_epoch=True, max_epochs=epochs, val_interval=1), val_cfg=dict(),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)), val_evaluator=Score(list(scores)),
        default_hooks=hooks, default_scope='mmrefseg', load_from=load_from, resume=resume, randomness=dict(seed=0),
        experiment_name=f'{folder.name}{torch.randint(10**9, ()).item()}', log_level='WARNING')


@contextmanager
def toys_registered(*models):
    """Let configs name the data set, the model, and further models."""
    added = [(DATASETS, Numbers), *((MODELS, model) for model in (Toy, *models))]
    for registry, kind in added:
        registry.register_module(module=kind, force=True)
    yield
    for registry, kind in added:
        registry.module_dict.pop(kind.__name__)


def names(folder):
    """The checkpoints of a work dir."""
    return sorted(path.name for path in folder.glob('*.pth'))
