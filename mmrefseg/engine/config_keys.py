"""Keys of a config that nothing reads, which would change nothing and say nothing."""

import difflib
import inspect
import logging
from typing import Dict, List, Optional, Sequence

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner

# What the runner, the tools and mmengine's config read at the top of a config, beside what Runner takes.
MORE_KEYS = ('runner_type', 'custom_imports', 'data_preprocessor', 'model_wrapper_cfg', 'find_unused_parameters',
             'sync_bn', 'tta_model', 'auto_scale_lr', 'efficient_conv_bn_eval', 'cudnn_benchmark', 'test_sets',
             'mixed_sets')
READ = tuple(name for name in inspect.signature(Runner.__init__).parameters if name not in ('self', 'cfg')) + MORE_KEYS
# Sections whose keys mmengine looks up one by one and never compares with what is there.
SECTIONS: Dict[str, Sequence[str]] = {
    'env_cfg': ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'),
    'env_cfg.mp_cfg': ('mp_start_method', 'opencv_num_threads'),
    'auto_scale_lr': ('enable', 'base_batch_size'),
    'optim_wrapper.paramwise_cfg': (
        'custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'flat_decay_mult', 'dwconv_decay_mult',
        'dcn_offset_lr_mult', 'bypass_duplicate'),
}
# Keys of OpenMMLab's configs before mmengine (mmseg 0.x), and what took their place.
OLD_KEYS = dict(
    data='train_dataloader, val_dataloader and test_dataloader', optimizer='optim_wrapper.optimizer',
    optimizer_config='optim_wrapper', lr_config='param_scheduler', momentum_config='param_scheduler',
    runner='train_cfg', evaluation='train_cfg.val_interval and val_evaluator', workflow='train_cfg',
    checkpoint_config='default_hooks.checkpoint', log_config='default_hooks.logger', dist_params='env_cfg.dist_cfg',
    total_epochs='train_cfg.max_epochs', total_iters='train_cfg.max_iters', resume_from='load_from with resume=True')
TRAINING = ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper')
TESTING = ('model', 'test_dataloader', 'test_cfg', 'test_evaluator')


def check_config(cfg: Config, needed: Sequence[str]) -> None:
    """Check that a config has what a run needs, and warn of keys that nothing reads.

    Args:
        cfg (Config): Read, with all overrides.
        needed (Sequence[str]): :data:`TRAINING` or :data:`TESTING`.

    Raises:
        ValueError: Sections are missing; the message names the file, and an old config's keys with their successors.
    """
    old = [name for name in OLD_KEYS if name in cfg and not _is_used(cfg, name)]
    missing = [name for name in needed if cfg.get(name) is None]
    if missing:
        text = f'{cfg.filename}: no config for this, it lacks {", ".join(missing)}'
        if old:
            text += ('; it is written for OpenMMLab before mmengine (mmseg 0.x): '
                     + ', '.join(f'{name} became {OLD_KEYS[name]}' for name in old))
        raise ValueError(text)
    for name in old:
        _warn(cfg, f'{name!r}: it became {OLD_KEYS[name]}')
    for name in cfg:
        near = nearest(name, needed)
        if near and name not in READ and isinstance(cfg[name], (dict, list)):
            _warn(cfg, f'{name!r}: did you mean {near!r}?')
    for section, known in SECTIONS.items():
        found = _look_up(cfg, section)
        for name in found if isinstance(found, dict) else ():
            if name not in known and not name.startswith('_'):
                _warn(cfg, f'{section}.{name}: {_expected(name, known)}')


def check_options(cfg: Config, options: Dict[str, object], shortcuts: Sequence[str] = ()) -> None:
    """Check that something reads each override of the command line.

    Args:
        cfg (Config): The config before it is overridden.
        options (dict): Dotted keys -> values.
        shortcuts (Sequence[str]): Further names to propose.

    Raises:
        ValueError: Nothing reads one of them; the message names the nearest key, or the one to write instead.
    """
    for key in options:
        first, *rest = key.split('.')
        if first in OLD_KEYS:
            raise ValueError(f'--cfg-options {key}: nothing reads it, it became {OLD_KEYS[first]}')
        if first not in READ:
            if first in cfg:
                raise ValueError(f'--cfg-options {key}: nothing reads it once the config is read. '
                                 + _users_of(cfg, first, rest))
            raise ValueError(f'--cfg-options {key}: nothing reads it. {_expected(first, [*READ, *shortcuts])}')
        section, name = '.'.join([first, *rest][:-1]), [first, *rest][-1]
        if section in SECTIONS and name not in SECTIONS[section]:
            raise ValueError(f'--cfg-options {key}: nothing reads it. {_expected(name, SECTIONS[section])}')


def nearest(name: str, known: Sequence[str]) -> Optional[str]:
    """The key that a name is a slip of, None if there is none near."""
    found = difflib.get_close_matches(name, [each for each in known if each != name], n=1, cutoff=0.85)
    return found[0] if found else None


def _warn(cfg: Config, key: str) -> None:
    print_log(f'{cfg.filename}: nothing reads {key}', 'current', level=logging.WARNING)


def _expected(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f'Did you mean {near[0]!r}?' if near else f'Expected one of {", ".join(known)}'


def _look_up(cfg: Config, key: str) -> object:
    node = cfg
    for part in key.split('.'):
        node = node.get(part) if isinstance(node, (dict, Config)) else None
    return node


def _is_used(cfg: Config, name: str) -> bool:
    """Whether an old key is a variable that the config itself put where it belongs, as mmseg's own schedules do."""
    return name == 'optimizer' and (cfg.get('optim_wrapper') or {}).get('optimizer') == cfg[name]


def _users_of(cfg: Config, variable: str, rest: List[str]) -> str:
    """Find where the value of a variable went, for the error."""
    value, found = cfg[variable], []

    def search(node: object, path: str) -> None:
        if node is not cfg and node == value and isinstance(value, (dict, list)):
            found.append(path)
        elif isinstance(node, dict):
            for name, each in node.items():
                search(each, f'{path}.{name}' if path else name)

    for name in READ:
        if name in cfg:
            search(cfg[name], name)
    return f'Override where it went: {", ".join(".".join([path, *rest]) for path in found)}' if found \
        else 'It is a variable of the file: change it there'
