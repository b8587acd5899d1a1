"""The one exception mmrefseg raises for data it cannot use."""


class RefDataError(ValueError):
    """A referring-segmentation dataset, picture, mask or expression is unusable.

    The message says what was found, what was expected and where: the file and, when there is one,
    the ref id. ``on_error='skip'`` of :class:`mmrefseg.datasets.ReferDataset` turns it into a
    counted report.
    """
