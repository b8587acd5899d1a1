"""What no console of a run shows: text that means nothing where all is well, or that the log file has."""

NOISE = (
    'not installed', 'FileClient', 'HardDiskBackend', 'GPU number', 'paramwise_options', 'Failed to add',
    'Checkpoint is not loaded', 'No pre-trained weights', 'Did not find last_checkpoint', 'Hooks will be executed',
    'RuntimeInfoHook', 'Config:', 'default_hooks = ', 'System environment', 'Distributed training is not used',
    'do not match exactly', 'Loads checkpoint by', 'build_loss', 'For binary segmentation', 'UserWarning',
    'DeprecationWarning', 'mmengine - INFO')


def assert_no_noise(console: str) -> None:
    """Fail with the line that holds some."""
    found = [line for line in console.splitlines() if any(words in line for words in NOISE)]
    assert not found, found
