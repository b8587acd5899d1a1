"""Kinds of files that are given for checkpoints, told by their first bytes and not by their names."""

import os
import re
import stat
from pathlib import Path

from mmrefseg.errors import CheckpointError

HEAD = 4096  # bytes that are enough to tell
SAFETENSORS, ZIP, PICKLE = 'safetensors', 'zip', 'pickle'
# First bytes -> what such a file is.
STRANGERS = (
    (b'\x1f\x8b', 'a gzip archive: unpack it first'),
    (b'BZh', 'a bzip2 archive: unpack it first'),
    (b'\xfd7zXZ\x00', 'an xz archive: unpack it first'),
    (b'7z\xbc\xaf\x27\x1c', 'a 7z archive: unpack it first'),
    (b'(\xb5/\xfd', 'a zstd archive: unpack it first'),
    (b'Rar!', 'a RAR archive: unpack it first'),
    (b'\x89HDF', 'an HDF5 file (of Keras?)'),
    (b'\x89PNG', 'an image (PNG)'),
    (b'\xff\xd8\xff', 'an image (JPEG)'),
    (b'GIF8', 'an image (GIF)'),
    (b'%PDF', 'a PDF'),
    (b'\x93NUMPY', 'an array of numpy'),
    (b'GGUF', 'a GGUF file'),
    (b'\x7fELF', 'a program'),
    (b'\x08', 'an ONNX model or another protocol buffer: give an .onnx file as the model itself'),
)


def kind_of_file(path: str) -> str:
    """Tell the kind of a file that is to hold weights.

    Args:
        path (str): The file.

    Returns:
        str: ``'safetensors'``, ``'zip'`` (as torch.save writes) or ``'pickle'`` (as torch before 1.6 did).

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: It is something else; the message says what it seems to be.
    """
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise FileNotFoundError(f'{path!r:.200} can not be found' if '\0' in path else
                                f'{path} can not be found') from None
    if stat.S_ISDIR(status.st_mode):
        raise CheckpointError(f'{path} is a folder, expected a checkpoint file{_files_in(path)}')
    if not stat.S_ISREG(status.st_mode):
        raise CheckpointError(f'{path} is no regular file, expected a checkpoint')
    with open(path, 'rb') as file:
        head = file.read(HEAD)
    if head[:4] == b'PK\x03\x04':
        return ZIP
    if head[:1] == b'\x80' and head[1:2] in b'\x02\x03\x04\x05':
        return PICKLE
    if len(head) > 8 and head[8:9] == b'{' and int.from_bytes(head[:8], 'little') < 1 << 48:
        return SAFETENSORS
    raise CheckpointError(f'{path} is no checkpoint: {describe(path, head)}; expected weights as torch.save or '
                          'safetensors writes them')


def describe(path: str, head: bytes) -> str:
    """Describe what a file seems to be that holds no weights.

    Args:
        path (str): Its path.
        head (bytes): How it begins.
    """
    if not head:
        return 'it is empty'
    if head[257:262] == b'ustar':
        return 'it seems to be a tar archive: unpack it first'
    for begin, name in STRANGERS:
        if head.startswith(begin):
            return f'it seems to be {name}'
    if not head.strip(b'\0'):
        return 'it begins with zeros, as a file does that was being written when the machine stopped'
    text = head.decode('utf-8', 'replace').lstrip('\ufeff \t\r\n')
    if text.startswith('version https://git-lfs'):
        return 'it is a pointer of Git LFS, not the file itself: fetch it with  git lfs pull'
    if re.match(r'<(!doctype\s+html|html|head|\?xml|!--)', text, re.IGNORECASE):
        return 'it is a web page (HTML or XML), as a download brings it that needed a log-in or another address'
    if b'\0' in head or '\ufffd' in text[:-4]:
        return f'its content is unknown (it begins with {head[:8].hex(" ")})'
    line = text.split('\n')[0].strip()
    if os.path.basename(path) == 'last_checkpoint' or line.endswith(('.pth', '.pt', '.safetensors')):
        return f'it is a text that names a checkpoint: give that file ({line[:200]})'
    if text[:1] in '{[':
        return f'it is a text, perhaps JSON ({line[:60]!r} …)'
    return f'it is a text ({line[:60]!r} …)'


def _files_in(folder: str) -> str:
    found = sorted(path.name for path in Path(folder).iterdir() if path.suffix in ('.pth', '.pt', '.safetensors'))
    return f': one of {", ".join(found[:5])}{" …" if len(found) > 5 else ""}' if found else ''
