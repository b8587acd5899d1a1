"""Check of a checkpoint against the model before the runner loads it."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop

from mmrefseg.checkpoints.fit import check_for_use, check_options, check_taken, fit_weights
from mmrefseg.checkpoints.read import weights_of
from mmrefseg.errors import CheckpointError
from mmrefseg.registry import HOOKS


@HOOKS.register_module()
class CheckpointFitHook(Hook):
    """Refuses weights of another model, or says in a line which were taken.

    A test and a resumed training need all weights and no others. A training that begins from some (``load_from``) takes
    what fits and says what that is. The tools add this hook to every config.

    Args:
        allow_partial (bool): Whether a test may leave weights of the model as they are. Defaults to False.
    """

    def __init__(self, allow_partial: bool = False) -> None:
        self.allow_partial = allow_partial

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Called by the runner with what it has read, which gets the weights to take as its ``state_dict``.

        Raises:
            CheckpointError: It does not fit.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        source = str(runner._load_from or runner.work_dir)
        trains = isinstance(runner._train_loop, BaseLoop)
        if trains and runner._resume:
            self._check_resumed(model, checkpoint, source)
        elif trains:
            check_options(checkpoint, runner.cfg, source)
            fit = fit_weights(model, weights_of(checkpoint, source))
            check_taken(fit, source)
            runner.logger.info(f'Begins from {source}: {fit.summary()}')
            # With the model's own weights beside them mmengine has nothing to add, which would be pages.
            checkpoint['state_dict'] = {**model.state_dict(), **fit.taken}
        else:
            fit = check_for_use(model, checkpoint, source, self.allow_partial, runner.cfg)
            if not fit.is_whole:
                runner.logger.warning(f'{source}: {fit.summary()}; the rest is random')
            checkpoint['state_dict'] = {**model.state_dict(), **fit.taken}

    @staticmethod
    def _check_resumed(model, checkpoint: dict, source: str) -> None:
        missing = [key for key in ('meta', 'message_hub', 'optimizer') if not isinstance(checkpoint.get(key), dict)]
        if missing or not all(isinstance(checkpoint['meta'].get(key), int) for key in ('epoch', 'iter')):
            lacks = ', '.join(missing) or 'epoch and iter'
            raise CheckpointError(f'{source} is no checkpoint of a training (it lacks {lacks}), so that none can go on '
                                  'from it: begin from its weights with  --cfg-options load_from=FILE  and without '
                                  '--resume')
        fit = fit_weights(model, weights_of(checkpoint, source))
        check_taken(fit, source)
        if fit.missing or fit.unused or fit.reshaped:
            raise CheckpointError(
                f'the checkpoint {source} does not fit the model, so that its training cannot go on:{fit.report()}\n'
                'Is the config another than the one it was trained with (or its vocabulary, see '
                'mmrefseg tool change_vocab)? To begin from those weights of the checkpoint that fit: '
                '--cfg-options load_from=FILE  without --resume')


