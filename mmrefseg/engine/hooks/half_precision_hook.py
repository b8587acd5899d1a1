"""Testing in mixed precision."""

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmrefseg.registry import HOOKS

from ..half_precision import use_half_precision


@HOOKS.register_module()
class HalfPrecisionHook(Hook):
    """Brings the model to half precision when a test begins, after its checkpoint was loaded.

    It is ``tools/test.py --amp``. See :func:`~mmrefseg.engine.use_half_precision`; a training with ``--amp`` validates
    under autocast alone, since its weights are to keep their low bits.
    """

    def before_test(self, runner: Runner) -> None:
        """Called by the runner."""
        use_half_precision(runner.model)
