"""mmengine's runner with a console that fits on a screen."""

from typing import Any, Dict, Union

from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from torch import nn

from .console import progress_ended, use_console
from .joint_groups import join_equal_groups


class RefRunner(Runner):
    """Runs a training, a validation or a test; the log file gets all that is said, the console what is wanted there.

    ``mmrefseg train`` and ``mmrefseg test`` are it. ``log_level='DEBUG'`` brings everything to the console.
    """

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """Build the logger, with :class:`~mmrefseg.engine.console.ConsoleHandler`."""
        logger = super().build_logger(*args, **kwargs)
        use_console(logger)
        return logger

    def build_optim_wrapper(self, *args, **kwargs) -> Union[OptimWrapper, OptimWrapperDict]:
        """Build the optimizer, which takes parameters of equal settings together when it steps."""
        wrapper = super().build_optim_wrapper(*args, **kwargs)
        for each in wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]:
            join_equal_groups(each.optimizer)
        return wrapper

    def train(self) -> nn.Module:
        """Train; see mmengine's."""
        with progress_ended(self.logger):
            return super().train()

    def val(self) -> Dict[str, Any]:
        """Validate; see mmengine's."""
        with progress_ended(self.logger):
            return super().val()

    def test(self) -> Dict[str, Any]:
        """Test; see mmengine's."""
        with progress_ended(self.logger):
            return super().test()
