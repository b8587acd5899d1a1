"""Build the word list of :class:`mmrefseg.models.RNNEncoder` from a dataset in the refer format.

Usage:
    python tools/dataset_converters/build_vocab.py data/refcoco data/refcoco/vocab.txt
"""

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Iterable, List, Optional, Sequence

from mmrefseg.command_line.run_command import run_command
from mmrefseg.datasets import load_gref_json, load_refer_pickle
from mmrefseg.errors import RefDataError
from mmrefseg.models.text_encoders import tokenize
from mmrefseg.utils import write_text


def count_words(refs: Iterable[dict], splits: Sequence[str], text_field: str, source: str) -> Counter:
    """Count the words in all expressions of some splits.

    Args:
        refs (Iterable[dict]): As the refer format has them.
        splits (Sequence[str]): Names of splits; each must occur.
        text_field (str): Which text of a sentence is read, ``'raw'`` or ``'sent'``.
        source (str): Where the refs come from, for the error.

    Raises:
        RefDataError: A ref has no split or no sentences, a split does not occur, or a sentence has no such text.
    """
    counts, found = Counter(), set()
    for number, ref in enumerate(refs):
        missing = [key for key in ('split', 'sentences') if key not in ref]
        if missing:
            raise RefDataError(f"{source}: entry {number} (ref {ref.get('ref_id')}) has no {' and no '.join(missing)}; "
                               f'it has {", ".join(map(str, ref))}.')
        found.add(ref['split'])
        if ref['split'] not in splits:
            continue
        for sentence in ref['sentences']:
            if not isinstance(sentence.get(text_field), str):
                raise RefDataError(
                    f"{source}, ref {ref.get('ref_id')}: sentence {sentence.get('sent_id')} has no text "
                    f'{text_field!r}; it has {sorted(sentence)}.')
            counts.update(tokenize(sentence[text_field]))
    missing = [split for split in splits if split not in found]
    if missing:
        raise RefDataError(f'{source} has no split {", ".join(missing)}; it has '
                           f'{", ".join(sorted(found))}.')
    return counts


def frequent_words(counts: Counter, min_count: int) -> List[str]:
    """The words that occur ``min_count`` times or more: most frequent first, ties by alphabet."""
    return sorted((word for word, count in counts.items() if count >= min_count),
                  key=lambda word: (-counts[word], word))


def write_words(words: Sequence[str], path: Path) -> None:
    """Write one word a line; the file is either the old or the whole new one, never half."""
    write_text(path, ''.join(f'{word}\n' for word in words))


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Run the tool with the ``arguments`` of the command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('ann_dir', type=Path,
                        help='folder with refs(<split-by>).p or, where that is not, grefs(<split-by>).json')
    parser.add_argument('out', type=Path, help='the file to write')
    parser.add_argument('--split-by', default='unc', help='unc, umd, google, … (default: unc)')
    parser.add_argument('--splits', nargs='+', default=['train'],
                        help='splits whose words are counted (default: train)')
    parser.add_argument('--min-count', type=int, default=2,
                        help='how often a word must occur (default: 2)')
    parser.add_argument('--text-field', choices=('raw', 'sent'), default='raw',
                        help='which text of a sentence the model will read (default: raw)')
    options = parser.parse_args(arguments)

    source, load = options.ann_dir / f'refs({options.split_by}).p', load_refer_pickle
    generalized = options.ann_dir / f'grefs({options.split_by}).json'
    if generalized.is_file() and not source.exists():
        source, load = generalized, load_gref_json
    try:
        counts = count_words(load(source), splits=options.splits, text_field=options.text_field, source=str(source))
        words = frequent_words(counts, min_count=options.min_count)
        if not words:
            raise RefDataError(f'{source}: none of the {len(counts)} words occurs '
                               f'{options.min_count} times.')
    except (OSError, RefDataError) as error:
        sys.exit(f'build_vocab.py: {error}')
    write_words(words, options.out)
    share = sum(counts[word] for word in words) / sum(counts.values())
    print(f'{options.out}: {len(words)} of {len(counts)} words, {share:.2%} of the running text of '
          f'{", ".join(options.splits)}.')


if __name__ == '__main__':
    sys.exit(run_command(main))
