"""The models that a demo offers, of which few are in memory."""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from mmrefseg.apis import RefSegInferencer, find_zoo_model, is_on_this_disk, list_foundation_models
from mmrefseg.utils import zoo_entries

Source = Tuple[Optional[str], Optional[str]]  # config or zoo name, and checkpoint


def list_sources(configs: Sequence[str] = (), weights: Sequence[str] = ()) -> Dict[str, Source]:
    """Name the models to choose from: the user's own first, then the zoo's that have weights.

    Args:
        configs (Sequence[str]): Config files; empty: the checkpoints hold their configs.
        weights (Sequence[str]): A checkpoint for each config; 'none' for one whose model brings its weights.

    Returns:
        dict[str, tuple]: By the name that is shown (a checkpoint's with its folder): config or zoo name, and
        checkpoint.

    Raises:
        ValueError: Another number of checkpoints than of configs.
    """
    if configs and len(configs) != len(weights):
        raise ValueError(f'{len(configs)} configs and {len(weights)} checkpoints: expected one each')
    if not configs and 'none' in weights:
        raise ValueError("'none' in the place of a checkpoint needs its config")
    files = [config if path == 'none' else path for path, config in zip(weights, configs or weights)]
    names = [f'{path.parent.name}/{path.name}' for path in map(Path, files)]
    if len(set(names)) < len(names):
        names = [str(path) for path in files]
    checkpoints = [None if path == 'none' else path for path in weights]
    own = dict(zip(names, zip(configs or [None] * len(weights), checkpoints)))
    return {**own, **{name: (name, None) for name in RefSegInferencer.list_models()}}


def list_foundation_sources() -> Dict[str, Source]:
    """dict[str, tuple]: The zoo's models without training, as :func:`list_sources` names the others."""
    return {name: (name, None) for name in list_foundation_models()}


def fetch_note(source: Source) -> str:
    """str: What a user should know of a source before its first use; '' where there is nothing."""
    name, weights = source
    if weights is not None or name is None or name.lower() not in zoo_entries():
        return ''
    model = find_zoo_model(name)
    if not model.hub:
        return ''
    facts = model.entry['Metadata']
    missing = [each for each in model.hub if not is_on_this_disk(each)]
    fetched = '' if not missing else (
        f'At first use it fetches {" and ".join(missing)} from the Hugging Face hub ({facts["Download"]} in all). ')
    return f'{fetched}Licence: {facts["Licence"]}. RefCOCO: {facts["Seen"]}.'


class ModelPool:
    """Loads models when they are asked for, and keeps those last used.

    Args:
        sources (dict[str, tuple]): As :func:`list_sources` gives them.
        device (str, optional): Defaults to the best there is.
        capacity (int): How many models stay in memory. Defaults to 2.

    Raises:
        ValueError: There is no model, or ``capacity`` is below 1.
    """

    def __init__(self, sources: Dict[str, Source], device: Optional[str] = None, capacity: int = 2) -> None:
        if not sources:
            raise ValueError('there is no model: give --weights CHECKPOINT, and --config CONFIG where it holds none')
        if capacity < 1:
            raise ValueError(f'capacity is {capacity}, expected 1 or more models kept in memory')
        self.sources = dict(sources)
        self.device = device
        self.capacity = capacity
        self._loaded: OrderedDict[str, RefSegInferencer] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def names(self) -> List[str]:
        """list[str]: All models there are to choose from."""
        return list(self.sources)

    @property
    def loaded(self) -> List[str]:
        """list[str]: Those in memory, the last used at the end."""
        return list(self._loaded)

    def get(self, name: str) -> RefSegInferencer:
        """The model of this name; loads it, and forgets the one not used for longest where there are too many.

        Raises:
            ValueError: No such name.
            Exception: What loading raises: a file is missing, or does not fit.
        """
        if name not in self.sources:
            raise ValueError(f'there is no model {name!r}; there are {", ".join(self.sources)}')
        with self._lock:  # of two requests for a new model one loads it
            if name not in self._loaded:
                while len(self._loaded) >= self.capacity:  # before loading, so that there is room
                    self._loaded.popitem(last=False)
                config, weights = self.sources[name]
                self._loaded[name] = RefSegInferencer(config, weights, self.device, show_progress=False)
            self._loaded.move_to_end(name)
            return self._loaded[name]
