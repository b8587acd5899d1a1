"""A hook that stops one process of a distributed training at a step, for configs of tests."""

import os
import signal

from mmengine.hooks import Hook

from mmrefseg.registry import HOOKS


@HOOKS.register_module()
class StopOneHook(Hook):
    """Sends a signal to its own process before a step, in the first life of a training that torchrun starts again.

    Args:
        rank (int): Of the process.
        iteration (int): Steps that are done by then.
        signal (str): 'SIGKILL', or 'SIGSTOP' for a process that hangs.
        said (str): File that gets the time of it.
    """

    def __init__(self, rank: int, iteration: int, signal: str, said: str) -> None:
        self.rank, self.iteration, self.signal, self.said = rank, iteration, signal, said

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        first = int(os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)) == 0
        if first and runner.rank == self.rank and runner.iter == self.iteration:
            with open(self.said, 'w', encoding='utf-8') as file:
                file.write(str(os.getpid()))
            os.kill(os.getpid(), getattr(signal, self.signal))
