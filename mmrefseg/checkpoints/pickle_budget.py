"""A dry run of a checkpoint's pickle: whether it is what checkpoints are made of, and the memory that it will take.

torch's loader (``weights_only=True``) is what keeps a file from running anything. It does not keep one from taking all
memory, by a small file that asks for a large array, for a million empty sets or for copies of copies. Here the pickle
is read once with stand-ins in the place of all objects, each of which says what the real one would cost.
"""

import pickle
import sys
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from typing import BinaryIO, Callable, Dict, Iterable, List, Set, Tuple

import torch

from mmrefseg.errors import CheckpointError, shown

#: Bytes that all in a checkpoint beside its tensors may take (its pickle, as objects).
PICKLE_BUDGET = 512 * 2**20
#: How deep containers of a checkpoint may lie in each other.
MAX_DEPTH = 100
#: How many values there may be, counted as often as a walk over the whole checkpoint meets them.
MAX_VALUES = 20_000_000
#: Bytes that views may have beyond twice the bytes of the file: a tensor may be a view of a smaller one.
VIEW_BUDGET = 64 * 2**20

OPCODE_COST = 256  # of a small container in a list, with its entry in the memo and what the walk keeps of it
SET_COST = 512
TENSORS = ('torch._utils._rebuild_tensor_v2', 'torch._utils._rebuild_tensor', 'torch._utils._rebuild_tensor_v3')
STORAGES = dict(
    UntypedStorage=torch.uint8, DoubleStorage=torch.float64, FloatStorage=torch.float32, HalfStorage=torch.float16,
    BFloat16Storage=torch.bfloat16, LongStorage=torch.int64, IntStorage=torch.int32, ShortStorage=torch.int16,
    CharStorage=torch.int8, ByteStorage=torch.uint8, BoolStorage=torch.bool, ComplexFloatStorage=torch.complex64,
    ComplexDoubleStorage=torch.complex128)
DTYPES = {f'torch.{name}': value for name, value in vars(torch).items() if isinstance(value, torch.dtype)}
LONG = 1 << 16  # bytes of a string beyond which the dry run forgets it
CONTAINERS = (dict, list, tuple, set, frozenset)


def allowed_names() -> Set[str]:
    """List the names that weights need, and those that the program let torch's loader read (``add_safe_globals``)."""
    storages = {f'{module}.{name}' for module in ('torch', 'torch.cuda', 'torch.storage') for name in STORAGES}
    own = [entry if isinstance(entry, tuple) else (entry, f'{entry.__module__}.{entry.__qualname__}')
           for entry in torch.serialization.get_safe_globals()]
    return {*storages, *DTYPES, *TENSORS, 'torch._utils._rebuild_parameter', 'torch.nn.parameter.Parameter',
            'torch.Size', 'torch.device', 'collections.OrderedDict', 'collections.Counter', '_codecs.encode',
            'builtins.set', 'builtins.complex', *(name for _, name in own)}


class OverBudget(CheckpointError):
    """More than a checkpoint may take; stops the dry run."""


class Global:
    """Stands for a function or class that the pickle names."""

    __slots__ = ('name', )

    def __init__(self, name: str) -> None:
        object.__setattr__(self, 'name', name)

    def __setattr__(self, key, value):
        raise pickle.UnpicklingError(f'it changes {self.name}')


class Instance:
    """Stands for what a :class:`Global` would give, with the state that the pickle sets."""

    __slots__ = ('of', 'parts', 'bytes')

    def __init__(self, of: str, parts: Iterable, size: int = 0) -> None:
        self.of = of
        self.parts = list(parts)
        self.bytes = size  # of a storage


class Limited:
    """A file of which no more than a number of bytes is read.

    Args:
        file (BinaryIO): The file.
        left (int): The bytes.
    """

    def __init__(self, file: BinaryIO, left: int) -> None:
        self.file = file
        self.left = left

    def read(self, size: int) -> bytes:
        """Read ``size`` bytes.

        Raises:
            OverBudget: They are too many.
        """
        self.left -= size
        if self.left < 0:
            raise OverBudget(f'its pickle says that it has {size} bytes more, which are more than it may have')
        return self.file.read(size)

    def readline(self) -> bytes:
        """Read a line, of a length that names have."""
        return self.file.readline(4096)


class DryRun(pickle._Unpickler):
    """An unpickler that builds plain containers and stand-ins, and counts.

    Args:
        file (BinaryIO): The pickle.
        file_size (int): Bytes of the whole file, beyond which its tensors cannot go.
        more_names (Iterable[str]): Names that are let in beside :func:`allowed_names`.
        budget (int): Bytes that all beside tensors may take. Defaults to :data:`PICKLE_BUDGET`.
    """

    dispatch: Dict[int, Callable] = dict(pickle._Unpickler.dispatch)

    def __init__(self, file: BinaryIO, file_size: int, more_names: Iterable[str] = (),
                 budget: int = PICKLE_BUDGET) -> None:
        super().__init__(Limited(file, budget), encoding='latin1')
        self.budget = budget
        self.file_size = file_size
        self.allowed = {*allowed_names(), *more_names}
        self.used = 0
        self.claimed = 0
        self.stored: Dict[str, int] = {}
        self.viewed = 0

    def charge(self, size: int) -> None:
        """Count bytes.

        Raises:
            OverBudget: They are more than the budget.
        """
        self.used += size
        if self.used > self.budget:
            raise OverBudget(f'its pickle would take over {self.budget >> 20} MiB of memory beside the tensors')

    def find_class(self, module: str, name: str) -> Global:
        """Let known names in, as stand-ins."""
        full = '.'.join(_new_name(module, name))
        if full not in self.allowed:
            raise pickle.UnpicklingError(f'it names {shown(full)}, which weights do not need')
        return Global(full)

    def persistent_load(self, pid: object) -> Instance:
        """Count a storage: no more bytes than there are in the file."""
        if not isinstance(pid, tuple) or len(pid) < 5 or not isinstance(pid[1], Global):
            raise pickle.UnpicklingError(f'it refers to {shown(pid)}, expected a storage')
        kind, key, elements = pid[1].name, str(pid[2]), pid[4]
        if not isinstance(elements, int) or elements < 0:
            raise pickle.UnpicklingError(f'a storage of {shown(elements)} elements')
        size = elements * _element_size(kind)
        self.claimed += max(0, size - self.stored.get(key, 0))
        self.stored[key] = max(size, self.stored.get(key, 0))
        if self.claimed > self.file_size:
            raise OverBudget(f'its tensors claim more bytes than the file has ({self.file_size})')
        return Instance(kind, (), size)

    def reduce(self, function: object, arguments: object) -> Instance:
        """Count what a call would give."""
        if not isinstance(function, Global) or not isinstance(arguments, tuple):
            raise pickle.UnpicklingError(f'it calls {shown(function)}')
        name = function.name
        if name in TENSORS:
            return self.tensor(name, arguments)
        if name.endswith('.multiarray._reconstruct') and arguments[1:2] not in (((0, ), ), ([0], )):
            raise OverBudget(f'it asks for an array of {shown(arguments[1:2])}')
        if name in ('builtins.bytes', 'builtins.bytearray') and any(isinstance(each, int) for each in arguments):
            raise OverBudget(f'it asks for {shown(arguments)} bytes')
        self.charge(OPCODE_COST + sum(map(_cost_of_copy, arguments)))
        return Instance(name, arguments)

    def tensor(self, name: str, arguments: Tuple) -> Instance:
        """Count a tensor: a view of a storage."""
        try:
            storage, offset, size, stride = arguments[:4]
            size, stride = [int(each) for each in _parts(size)], [int(each) for each in _parts(stride)]
            elements = 1
            for each in size:
                elements *= each
            last = offset + sum((each - 1) * step for each, step in zip(size, stride))
            item = DTYPES[arguments[6].name].itemsize if name.endswith('v3') else _element_size(storage.of)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise pickle.UnpicklingError(f'a tensor of {shown(arguments)}') from error
        if elements and (min(size + stride + [offset]) < 0 or (last + 1) * item > storage.bytes):
            raise pickle.UnpicklingError(f'a tensor of the size {shown(size)} in a storage of {storage.bytes} bytes')
        self.viewed += elements * item
        if self.viewed > 2 * self.file_size + VIEW_BUDGET:
            raise OverBudget(f'its tensors, the last of the size {shown(size)}, have {self.viewed} bytes, of which the '
                             f'file has {self.file_size}')
        self.charge(OPCODE_COST)
        return Instance(name, ())


def check_pickle(file: BinaryIO, file_size: int, more_names: Iterable[str] = (),
                 budget: int = PICKLE_BUDGET) -> Dict[str, int]:
    """Read a pickle of a checkpoint with stand-ins.

    Args:
        file (BinaryIO): The pickle; afterwards at its end.
        file_size (int): Bytes of the whole file.
        more_names (Iterable[str]): Names that are let in beside :func:`allowed_names`.
        budget (int): Bytes that all beside tensors may take. Defaults to :data:`PICKLE_BUDGET`.

    Returns:
        dict[str, int]: Keys of the storages that it names, and the bytes of each.

    Raises:
        CheckpointError: It takes more than the budget, is nested too deep, holds itself, names something that weights
            do not need, or is no pickle.
    """
    run = DryRun(file, file_size, more_names, budget)
    try:
        check_walk(run.load())
    except CheckpointError:
        raise
    except pickle.UnpicklingError as error:
        raise CheckpointError(str(error) or 'its pickle is broken') from None
    except Exception as error:  # a broken pickle can raise nearly anything
        raise CheckpointError(f'its pickle is broken or cut off ({type(error).__name__}: {error})') from None
    return run.stored


def check_walk(root: object) -> None:
    """Check the depth of nested containers, that none holds itself, and how many values a walk would meet.

    Raises:
        OverBudget: There are too many, they are too deep or a container holds itself.
    """
    sizes: Dict[int, Tuple[int, int]] = {}  # finished containers: values in them, depth below them
    open_ones = set()
    work: List[Tuple[object, bool]] = [(root, False)] if isinstance(root, (Instance, *CONTAINERS)) else []
    while work:
        node, finished = work.pop()
        key = id(node)
        if finished:
            open_ones.discard(key)
            below = [sizes.get(id(part), (1, 0)) for part in _parts(node)]
            sizes[key] = 1 + sum(count for count, _ in below), 1 + max((depth for _, depth in below), default=0)
            if sizes[key][0] > MAX_VALUES:
                raise OverBudget(f'it holds over {MAX_VALUES} values')
            if sizes[key][1] > MAX_DEPTH:
                raise OverBudget(f'containers lie in each other deeper than {MAX_DEPTH}')
        elif key in open_ones:
            raise OverBudget('a container holds itself')
        elif key not in sizes:
            open_ones.add(key)
            work.append((node, True))
            work.extend((part, False) for part in _parts(node) if isinstance(part, (Instance, *CONTAINERS)))


def _parts(node: object) -> list:
    if isinstance(node, dict):
        return [*node.keys(), *node.values()]
    if isinstance(node, Instance):
        return node.parts[0] if node.of == 'torch.Size' and node.parts else node.parts
    return list(node)


def _cost_of_copy(argument: object) -> int:
    if isinstance(argument, (str, bytes, bytearray)):
        return sys.getsizeof(argument)
    if isinstance(argument, (dict, list, tuple, set)):
        return SET_COST * len(argument)
    return argument.bytes if isinstance(argument, Instance) and argument.of == 'str' else 0


def _element_size(name: str) -> int:
    bare = name.rpartition('.')[2]
    if bare not in STORAGES:
        raise pickle.UnpicklingError(f'{shown(name)} is no storage')
    return STORAGES[bare].itemsize


def _new_name(module: str, name: str) -> Tuple[str, str]:
    """Python 2's name of a module or function -> Python 3's, as torch's loader does it."""
    if (module, name) in NAME_MAPPING:
        return NAME_MAPPING[module, name]
    return IMPORT_MAPPING.get(module, module), name


def _charged(opcode: bytes, cost: int = OPCODE_COST) -> None:
    """Let an opcode of the dry run pay before it does what it does."""
    read = DryRun.dispatch[opcode[0]]

    def load(self: DryRun) -> None:
        self.charge(cost)
        before = len(self.stack)
        read(self)
        if len(self.stack) > before and isinstance(self.stack[-1], (str, bytes, bytearray, int)):
            size = sys.getsizeof(self.stack[-1])
            self.charge(size)
            if size > LONG:  # the content of an array: not needed here
                self.stack[-1] = Instance('str', (), size)

    DryRun.dispatch[opcode[0]] = load


def _load_reduce(self: DryRun) -> None:
    arguments = self.stack.pop()
    self.stack[-1] = self.reduce(self.stack[-1], arguments)


def _load_newobj(self: DryRun) -> None:
    arguments = self.stack.pop()
    self.stack[-1] = self.reduce(self.stack[-1], arguments)


def _load_build(self: DryRun) -> None:
    state = self.stack.pop()
    if not isinstance(self.stack[-1], Instance):
        raise pickle.UnpicklingError(f'it sets the state of {shown(self.stack[-1])}')
    self.stack[-1].parts.append(state)


def _load_setitems(self: DryRun) -> None:
    items = self.pop_mark()
    _add_items(self.stack[-1], items)


def _load_setitem(self: DryRun) -> None:
    items = [self.stack[-2], self.stack[-1]]
    del self.stack[-2:]
    _add_items(self.stack[-1], items)


def _add_items(target: object, items: list) -> None:
    if isinstance(target, Instance) and target.of in ('collections.OrderedDict', 'collections.Counter'):
        target.parts.extend(items)
    elif type(target) is dict:
        for key, value in zip(items[::2], items[1::2]):
            try:
                target[key] = value
            except TypeError:  # keys that are lists
                raise pickle.UnpicklingError(f'a key {shown(key)}') from None
    else:
        raise pickle.UnpicklingError(f'it puts items into {shown(target)}')


def _refused(name: str) -> Callable:
    def load(self: DryRun) -> None:
        raise pickle.UnpicklingError(f'its pickle uses {name}, which checkpoints do not')

    return load


for _name in ('INST', 'OBJ', 'NEWOBJ_EX', 'EXT1', 'EXT2', 'EXT4', 'DUP', 'PERSID', 'NEXT_BUFFER', 'READONLY_BUFFER'):
    DryRun.dispatch[getattr(pickle, _name)[0]] = _refused(_name)
for _code, _function in ((pickle.REDUCE, _load_reduce), (pickle.NEWOBJ, _load_newobj), (pickle.BUILD, _load_build),
                         (pickle.SETITEM, _load_setitem), (pickle.SETITEMS, _load_setitems)):
    DryRun.dispatch[_code[0]] = _function
for _code in list(DryRun.dispatch):
    if bytes([_code]) not in (pickle.STOP, pickle.PROTO, pickle.REDUCE, pickle.NEWOBJ, pickle.BUILD):
        _charged(bytes([_code]), SET_COST if bytes([_code]) in (pickle.EMPTY_SET, pickle.EMPTY_DICT) else OPCODE_COST)
