"""A checkpoint against a model: what it lacks, what is left over, what has another shape, what is no number."""

from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Tuple

from torch import Tensor, nn

from mmrefseg.errors import CheckpointError, first_lines, shown

from .read import OFFICIAL, weights_of

# What may be there or not: counters, positions that transformers stored until 4.31, and the index of a window's
# positions, which its size alone makes.
FREE_ENDINGS = ('num_batches_tracked', 'position_ids', 'relative_position_index')
TRAINING_ONLY = 'auxiliary_head'  # has no part in a prediction
PARTIAL = '--allow-partial (allow_partial=True in Python) takes what fits'


@dataclass
class Fit:
    """Weights against a model.

    Attributes:
        taken (dict): Weights that the model has, in its shape.
        missing (list[str]): Names of the model that the checkpoint lacks.
        unused (list[str]): Names of the checkpoint that the model lacks.
        reshaped (list[tuple]): (name, shape in the checkpoint, shape in the model).
        broken (list[str]): Names of weights taken that are not finite.
    """

    taken: Dict[str, Tensor] = field(default_factory=dict)
    missing: List[str] = field(default_factory=list)
    unused: List[str] = field(default_factory=list)
    reshaped: List[Tuple[str, Tuple[int, ...], Tuple[int, ...]]] = field(default_factory=list)
    broken: List[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """bool: Whether a prediction with these weights is that of the model they were trained in."""
        return not (self.differing() or self.reshaped)

    def differing(self) -> List[str]:
        """List names that are missing or left over, without those of heads that only training uses."""
        return [name for name in [*self.missing, *self.unused] if not name.startswith(TRAINING_ONLY)]

    def report(self) -> str:
        """Report all that does not fit, a few lines."""
        lines = [f'{name}: {_shape(found)} in the checkpoint, {_shape(expected)} in the model'
                 for name, found, expected in self.reshaped[:6]]
        if len(self.reshaped) > 6:
            lines.append(f'… and {len(self.reshaped) - 6} more of other shapes')
        for names, what in ((self.missing, 'missing in the checkpoint'), (self.unused, 'unknown to the model')):
            if names:
                lines.append(f'{len(names)} {what}: {", ".join(names[:3])}{" …" if len(names) > 3 else ""}')
        return first_lines(lines)

    def summary(self) -> str:
        """Sum up what was taken, in a line."""
        total = len(self.taken) + len(self.missing) + len(self.reshaped)
        parts = [f'{len(self.taken)} of {total} weights taken']
        for names, what in ((self.missing, 'not in it'), ([name for name, _, _ in self.reshaped], 'of another shape'),
                            (self.unused, 'of its own left out')):
            if names:
                parts.append(f'{len(names)} {what} ({", ".join(_groups(names))})')
        return ', '.join(parts)


def fit_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> Fit:
    """Compare weights with a model, which is not changed.

    Args:
        model (nn.Module): The model, without wrappers.
        weights (Mapping): Names -> weights, of :func:`weights_of`.

    Returns:
        Fit: What fits and what does not.
    """
    own = model.state_dict()
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    fit = Fit()
    for name, value in weights.items():
        if name not in own:
            if not name.endswith(FREE_ENDINGS):
                fit.unused.append(name)
        elif value.shape != own[name].shape or value.layout != own[name].layout:
            fit.reshaped.append((name, tuple(value.shape), tuple(own[name].shape)))
        else:
            fit.taken[name] = value
            # A buffer may hold infinity, as masks of attention do.
            if value.is_floating_point() and (not value.isfinite().all() if name in parameters
                                              else value.isnan().any()):
                fit.broken.append(name)
    fit.missing = [name for name in own if name not in weights and not name.endswith(FREE_ENDINGS)]
    return fit


def load_weights(model: nn.Module, checkpoint: dict, source: str, allow_partial: bool = False,
                 cfg: Optional[Mapping] = None) -> Fit:
    """Load a checkpoint into a model that is to be used.

    Args:
        model (nn.Module): The model, without wrappers.
        checkpoint (dict): Of :func:`read_checkpoint`.
        source (str): Its file, for errors.
        allow_partial (bool): Whether some weights may stay as they are. Defaults to False.
        cfg (Mapping, optional): The config, for the options that an official checkpoint needs.

    Returns:
        Fit: What was taken.

    Raises:
        CheckpointError: The model lacks weights of the checkpoint or the reverse, and ``allow_partial`` is not set;
            nothing fits at all; weights are not finite; or ``cfg`` has other options than the checkpoint needs.
    """
    fit = check_for_use(model, checkpoint, source, allow_partial, cfg)
    model.load_state_dict(fit.taken, strict=False)
    return fit


def check_for_use(model: nn.Module, checkpoint: dict, source: str, allow_partial: bool = False,
                  cfg: Optional[Mapping] = None) -> Fit:
    """Check what :func:`load_weights` checks, with its arguments and errors, and load nothing."""
    if cfg is not None:
        check_options(checkpoint, cfg, source)
    fit = fit_weights(model, weights_of(checkpoint, source))
    check_taken(fit, source)
    if not fit.is_whole and not allow_partial:
        named = (checkpoint.get('meta') or {}).get(OFFICIAL)
        belongs = f' It belongs to the config {named["config"]}.' if named else ''
        raise CheckpointError(f'the checkpoint {source} does not fit the model:{fit.report()}\nIs it of another model, '
                              f'config or vocabulary?{belongs} {PARTIAL} of the checkpoint')
    return fit


def check_taken(fit: Fit, source: str) -> None:
    """Check that something was taken, and only numbers.

    Raises:
        CheckpointError: Nothing fits, or weights are not finite.
    """
    if not fit.taken:
        raise CheckpointError(f'nothing in the checkpoint {source} fits the model:{fit.report()}')
    if fit.broken:
        raise CheckpointError(f'{len(fit.broken)} of {len(fit.taken)} weights in the checkpoint {source} are not '
                              f'finite (NaN or infinite), {fit.broken[0]} first: its training had diverged')


def check_options(checkpoint: dict, cfg: Mapping, source: str) -> None:
    """Check that a config has the options that an official checkpoint needs beside the weights' shapes.

    Args:
        checkpoint (dict): Of :func:`read_checkpoint`.
        cfg (Mapping): The config.
        source (str): The file, for errors.

    Raises:
        CheckpointError: It has not; the message has the line to add.
    """
    official = (checkpoint.get('meta') or {}).get(OFFICIAL) or {}
    wrong = {}
    for key, value in official.get('options', {}).items():
        found: object = cfg
        for part in key.split('.'):
            found = found.get(part) if isinstance(found, Mapping) else None
        if found != value:
            wrong[key] = (value, found)
    if wrong:
        line = ' '.join(f'{key}={value}' for key, (value, _) in wrong.items())
        has = ', '.join(f'{key}={shown(found)}' for key, (_, found) in wrong.items())
        raise CheckpointError(f'{source}, an official checkpoint of {official["family"]}, needs  --cfg-options {line}  '
                              f'(the config has {has})')


def _groups(names: List[str], count: int = 4) -> List[str]:
    """The first two parts of names, each once: ``decode_head.classifier``."""
    groups = list(dict.fromkeys('.'.join(name.split('.')[:2]) for name in names))
    return groups[:count] + (['…'] if len(groups) > count else [])


def _shape(shape: Tuple[int, ...]) -> str:
    return 'x'.join(map(str, shape)) or 'a number'
