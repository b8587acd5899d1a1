"""configs/sadlr/lavt_swinb_refcoco.py resolves to SADLR's recipe (§4.2), read off the runner that it builds."""

import pytest
from conftest import ROOT
from mmengine.config import Config
from mmengine.runner import Runner
from refer_toy import toy, write_toy

from mmrefseg.models import LAVTSwin, SADLRHead
from mmrefseg.models.losses import RefDiceLoss
from mmrefseg.utils import without_pretrained

GPUS = 8


@pytest.fixture(scope='module')
def runner(tmp_path_factory):
    """The runner of ``tools/dist_train.sh configs/sadlr/lavt_swinb_refcoco.py 8`` as one of its processes has it, on a
    few invented refs: the recipe does not depend on them."""
    root = tmp_path_factory.mktemp('data')
    data = toy()
    data['refs'] = [dict(ref, ref_id=10000 * copy + ref['ref_id']) for copy in range(3) for ref in data['refs']]
    write_toy(root, data, images=False)
    (root / 'toy').rename(root / 'refcoco')
    (root / 'coco/train2014').mkdir(parents=True)
    cfg = Config.fromfile(ROOT / 'configs/sadlr/lavt_swinb_refcoco.py')
    cfg.model = without_pretrained(cfg.model)
    cfg.work_dir = str(root / 'work')
    cfg.vis_backends = cfg.visualizer.vis_backends = None
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[loader].dataset.data_root = str(root)
        cfg[loader].update(num_workers=0, persistent_workers=False)
    runner = Runner.from_cfg(cfg)
    runner._train_loop = runner.build_train_loop(cfg.train_cfg)
    runner.optim_wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
    runner.param_schedulers = runner.build_param_scheduler(cfg.param_scheduler)
    return runner


def test_optimizer(runner):
    """AdamW, initial learning rate 5e-5, weight decay 1e-2."""
    optimizer = runner.optim_wrapper.optimizer
    assert type(optimizer).__name__ == 'AdamW'
    assert {group['initial_lr'] for group in optimizer.param_groups} == {5e-5}
    names = {id(value): name for name, value in runner.model.named_parameters()}
    decay = {names[id(value)]: group['weight_decay'] for group in optimizer.param_groups for value in group['params']}
    assert decay['decode_head.dynamic_convolution.kernels.0.weight'] == 1e-2
    assert decay['decode_head.classifier.weight'] == 1e-2
    assert set(decay.values()) == {0, 1e-2}


def test_schedule(runner):
    """40 epochs of poly decay by iteration; every object once an epoch."""
    loop = runner.train_loop
    assert loop.max_epochs == 40
    assert len(loop.dataloader.dataset) == 15 and loop.dataloader.dataset.sample_by == 'ref'
    scheduler, = runner.param_schedulers
    assert type(scheduler).__name__ == 'ReleasePolyLR' and not scheduler.by_epoch
    assert scheduler.end == 40 * len(loop.dataloader)
    steps = scheduler.end // 2
    for _ in range(steps):
        runner.optim_wrapper.optimizer.step()
        scheduler.step()
    rate = runner.optim_wrapper.optimizer.param_groups[0]['lr']
    assert rate == pytest.approx(5e-5 * (1 - steps / scheduler.end)**0.9)


def test_batch_and_input(runner):
    """Batch 32 of 480x480 pictures, sentences capped at 20."""
    assert GPUS * runner.train_dataloader.batch_size == 32
    resize = next(step for step in runner.train_dataloader.dataset.pipeline.transforms
                  if type(step).__name__ == 'RefResize')
    assert tuple(resize.scale) == (480, 480) and not resize.keep_ratio
    assert runner.model.text_encoder.max_length == 20


def test_model(runner):
    """LAVT with Swin-B and BERT-base; C_l = 768, C = 512, n = 3, [128, 512], sum, (0.15, 0.15, 0.7), Dice."""
    model = runner.model
    assert isinstance(model.backbone, LAVTSwin) and model.backbone.num_features == [128, 256, 512, 1024]
    assert len(model.text_encoder.model.encoder.layer) == 12
    head = model.decode_head
    assert isinstance(head, SADLRHead)
    assert (head.sentence_query.in_features, head.in_channels, head.num_iterations) == (768, 512, 3)
    assert head.dynamic_convolution.widths == (512, 128, 512)
    assert head.query_update == 'sum' and head.loss_weights == (0.15, 0.15, 0.7)
    loss, = head.loss_decode
    assert isinstance(loss, RefDiceLoss) and loss.background and loss.loss_weight == 1
    assert model.test_cfg.threshold == 0.5
