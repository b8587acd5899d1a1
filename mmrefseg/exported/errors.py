"""Why a model cannot be exported."""


class ExportError(RuntimeError):
    """A model, or a config, cannot be exported; the message names the part or the config key and the reason."""
