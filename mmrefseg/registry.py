"""The registries of mmrefseg: one child, of scope ``mmrefseg``, for each of mmseg's.

In a config whose ``default_scope`` is ``'mmrefseg'`` the parts of mmseg need no prefix, those of
mmdet are written ``mmdet.X``. In an mmseg config ours are written ``mmrefseg.X``.
"""

from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS
from mmengine.registry import INFERENCERS as MMENGINE_INFERENCERS
from mmengine.registry import Registry
from mmseg import registry as mmseg_registry


def _child(name: str, *locations: str) -> Registry:
    """A registry below mmseg's registry ``name`` that imports ``locations`` when first searched.

    mmengine imports a registry's own locations but not its parent's, so mmseg's are among ours: without them
    a hook or transform of mmseg would be found or not by what happened to be imported before.
    """
    parent = getattr(mmseg_registry, name)
    return Registry(
        parent.name, parent=parent, scope='mmrefseg', locations=[*parent._locations, *locations] or [__name__])


MODELS = _child('MODELS', 'mmrefseg.models')
DATASETS = _child('DATASETS', 'mmrefseg.datasets')
TRANSFORMS = _child('TRANSFORMS', 'mmrefseg.datasets.transforms')
METRICS = _child('METRICS', 'mmrefseg.evaluation')
HOOKS = _child('HOOKS', 'mmrefseg.engine', 'mmrefseg.analysis.images.ref_image_hook')
LOOPS = _child('LOOPS', 'mmrefseg.engine')
OPTIM_WRAPPERS = _child('OPTIM_WRAPPERS', 'mmrefseg.engine')
PARAM_SCHEDULERS = _child('PARAM_SCHEDULERS', 'mmrefseg.engine')
VISUALIZERS = _child('VISUALIZERS', 'mmrefseg.visualization')
INFERENCERS = Registry(
    'inferencer', parent=MMENGINE_INFERENCERS, scope='mmrefseg', locations=['mmrefseg.apis'])

# Nothing of ours lives in the rest, yet a missing child, or one without a location, makes mmengine warn at every build.
FUNCTIONS = Registry('function', parent=MMENGINE_FUNCTIONS, scope='mmrefseg', locations=[__name__])
RUNNERS = _child('RUNNERS')
RUNNER_CONSTRUCTORS = _child('RUNNER_CONSTRUCTORS')
DATA_SAMPLERS = _child('DATA_SAMPLERS')
MODEL_WRAPPERS = _child('MODEL_WRAPPERS', 'mmrefseg.models')
WEIGHT_INITIALIZERS = _child('WEIGHT_INITIALIZERS', 'mmrefseg.models')
OPTIMIZERS = _child('OPTIMIZERS')
OPTIM_WRAPPER_CONSTRUCTORS = _child('OPTIM_WRAPPER_CONSTRUCTORS')
TASK_UTILS = _child('TASK_UTILS')
EVALUATOR = _child('EVALUATOR')
VISBACKENDS = _child('VISBACKENDS')
LOG_PROCESSORS = _child('LOG_PROCESSORS')
