"""Rows of a prediction to compute: no expression twice on an image, no string encoded twice."""

from dataclasses import dataclass
from operator import itemgetter
from typing import Iterator, List, Optional, Sequence, Tuple

from torch import Tensor
from torch.utils._pytree import tree_map_only

from mmrefseg.structures import RefDataSample, TextFeatures, device_index


@dataclass
class ExpressionRows:
    """The R rows that B images with E_b expressions each need, in the order of the images.

    Where an image has an expression twice (5 to 6 % of those of RefCOCO's val and test splits are such) both have one
    row; a string that several images have is encoded once.

    Attributes:
        texts (List[str]): The T different strings.
        text_of (List[int]): The string of each row.
        image_of (List[int]): The image of each row, ascending.
        row_of (List[List[int]]): For each image E_b numbers: which of the image's own rows an expression has.
    """

    texts: List[str]
    text_of: List[int]
    image_of: List[int]
    row_of: List[List[int]]

    @classmethod
    def of(cls, data_samples: Optional[Sequence[RefDataSample]]) -> 'ExpressionRows':
        """The rows of a batch.

        Raises:
            ValueError: There are no samples.
        """
        if data_samples is None:
            raise ValueError('a referring segmentor needs data_samples: they hold the expressions')
        texts, text_of, image_of, row_of = {}, [], [], []
        for image, sample in enumerate(data_samples):
            rows = {}
            row_of.append([rows.setdefault(expression, len(rows)) for expression in sample.expressions])
            text_of.extend(texts.setdefault(expression, len(texts)) for expression in rows)
            image_of.extend([image] * len(rows))
        return cls(list(texts), text_of, image_of, row_of)

    def __len__(self) -> int:
        return len(self.text_of)

    @property
    def counts(self) -> List[int]:
        """list[int]: Rows of each image."""
        return [max(rows) + 1 for rows in self.row_of]

    def chunks(self, image_feats, text: TextFeatures,
               step: int) -> Iterator[Tuple[object, TextFeatures, Optional[Tensor]]]:
        """Arguments of :meth:`RefSegmentor.fuse` for at most ``step`` rows at once.

        Args:
            image_feats: Of the B images: in any structure, tensors with a row an image.
            text (TextFeatures): Of the T strings.
            step (int): Rows at once.

        Yields:
            tuple: Features of the images that the rows are of, text of the rows, and the image of each row, or None
            where each has just one.
        """
        device = text.words.device
        for start in range(0, len(self), step):
            text_of, image_of = self.text_of[start:start + step], self.image_of[start:start + step]
            images = slice(image_of[0], image_of[-1] + 1)
            feats = tree_map_only(Tensor, itemgetter(images), image_feats)
            chunk = text if text_of == list(range(len(text))) else text[device_index(text_of, device)]
            alone = image_of == list(range(images.start, images.stop))
            yield feats, chunk, None if alone else device_index([image - images.start for image in image_of], device)

    def spread(self, image: int, values: Tensor) -> Tensor:
        """An image's values, a row each, -> a value for each of its E expressions."""
        rows = self.row_of[image]
        return values if rows == list(range(len(values))) else values[device_index(rows, values.device)]
