"""The model zoo: names, as the metafiles list them, to configs and weights."""

import difflib
import functools
from dataclasses import dataclass
from typing import Dict, List, Optional

from huggingface_hub import try_to_load_from_cache

from mmrefseg.checkpoints.safetensors_files import SUFFIX, read_meta
from mmrefseg.utils import find_config, list_configs, package_files, zoo_entries


@dataclass(frozen=True)
class ZooModel:
    """A model of the zoo.

    Attributes:
        name (str): For example 'sadlr_lavt_nano_refshapes'.
        collection (str): The method.
        config (str): Path of its config file.
        published (str | None): Path or URL of weights that were trained here; None where there are none.
        entry (dict): All that the metafile says of it.
    """
    name: str
    collection: str
    config: str
    published: Optional[str]
    entry: dict

    @property
    def hub(self) -> List[str]:
        """list[str]: Models of the Hugging Face hub that it is made of; empty for a model of ours."""
        return self.entry.get('Metadata', {}).get('Hub', [])

    @property
    def released(self) -> Optional[str]:
        """str | None: Address of the weights that the method's authors released, fetched when they are asked for."""
        return self.entry.get('Metadata', {}).get('Released')

    @property
    def weights(self) -> Optional[str]:
        """str | None: Path or address of the weights; None where the model brings its own, from the hub.

        Raises:
            ValueError: None are published.
        """
        weights = self.published or self.released
        if weights is None and not self.hub:
            raise ValueError(f'no weights are published for {self.name!r} (results in the model zoo that are marked as '
                             f"a paper's are not ours): give those you trained with {self.config} as weights=, or take "
                             f'one of {", ".join(list_zoo_models())}')
        return weights


@functools.cache
def zoo_models() -> Dict[str, ZooModel]:
    """dict: All models of the zoo by name, in the order of the metafiles."""
    root = package_files()
    models = {}
    for entry in zoo_entries().values():
        weights = entry.get('Weights')
        if weights is not None and '://' not in weights:
            weights = str(root / weights)
        models[entry['Name']] = ZooModel(
            entry['Name'], entry['In Collection'], str(root / entry['Config']), weights, entry)
    return models


def list_zoo_models(with_weights: bool = True) -> List[str]:
    """list[str]: Names of the models whose weights are published, or of all."""
    return [name for name, model in zoo_models().items() if model.published is not None or not with_weights]


def list_released_models() -> List[str]:
    """list[str]: Names of the models whose authors released weights, which are fetched at first use."""
    return [name for name, model in zoo_models().items() if model.released is not None]


def list_foundation_models() -> List[str]:
    """list[str]: Names of models without training that are for any image: those that have a short name, by it."""
    return [model.entry['Alias'] for model in zoo_models().values() if model.hub and 'Alias' in model.entry]


def is_on_this_disk(hub_name: str) -> bool:
    """bool: Whether a model of the Hugging Face hub has been fetched: its settings and its weights."""
    files = [try_to_load_from_cache(hub_name, name) for name in ('config.json', 'model.safetensors')]
    return all(isinstance(path, str) for path in files)


def find_zoo_model(name: str) -> ZooModel:
    """Look a name up, in whatever case.

    Raises:
        ValueError: The zoo has no such model; the message lists similar names.
    """
    entries = zoo_entries()
    if name.lower() not in entries:
        similar = difflib.get_close_matches(name.lower(), entries, n=5, cutoff=0.5) or list_zoo_models()
        raise ValueError(f'{name!r} is neither a config file nor a model of the zoo: did you mean '
                         f'{", ".join(similar)}? RefSegInferencer.list_models() lists those with weights, '
                         'list_foundation_models() those without training')
    return zoo_models()[entries[name.lower()]['Name']]


def config_of_weights(weights: str) -> Optional[str]:
    """The config file of the zoo that a published checkpoint names.

    Args:
        weights (str): Checkpoint file or URL.

    Returns:
        str | None: Path of the config; None if ``weights`` is no safetensors file.

    Raises:
        ValueError: The file names no config, or one that is not here.
    """
    if not weights.endswith(SUFFIX):
        return None
    config = read_meta(weights).get('config')
    if config is None:
        raise ValueError(f'{weights} does not say which config it belongs to: give the config')
    if not isinstance(config, str):
        raise ValueError(f'{weights} belongs to the config {config!r}, expected its path: give the config')
    name = config.removeprefix('configs/').removesuffix('.py')
    if name not in list_configs():  # a path to elsewhere would be Python of somebody else
        raise ValueError(f'{weights} belongs to the config {config}, which is not here: give the config')
    return find_config(name)
