"""A card where there is none: a device whose tensors compute on the CPU, and refuse to meet tensors of the CPU.

``with stand_in_card() as card: model.to(card.device)`` runs a model as on CUDA. What CUDA refuses is refused (an
operator with tensors of both devices, ``numpy()``), and each time that the host waits for the card is counted.
"""

from collections import Counter
from contextlib import contextmanager

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

NAME = 'card'
ATEN = torch.ops.aten
# Operators that take tensors of both devices, as on CUDA.
CROSSING = {ATEN._to_copy.default, ATEN.copy_.default, ATEN.set_data.default}
# Their indices may lie on the CPU: they are copied.
INDEXING = {ATEN.index.Tensor, ATEN.index_put.default, ATEN.index_put_.default, ATEN._index_put_impl_.default,
            ATEN._unsafe_index.Tensor, ATEN._unsafe_index_put.default}
# Their lengths have to.
LENGTHS = {ATEN._pack_padded_sequence.default}
# The shape of what they return, or the number, is known when the card has come so far.
WAITING = {ATEN._local_scalar_dense.default, ATEN.nonzero.default, ATEN.masked_select.default, ATEN.is_nonzero.default,
           ATEN.equal.default, ATEN.unique_consecutive.default, ATEN._unique2.default, ATEN.repeat_interleave.Tensor}


def gru_cell(inputs, hidden, state, input_bias=None, hidden_bias=None):
    """The cell that a card has in one piece, and a CPU has not."""
    inputs, hidden = (gates if bias is None else gates + bias
                      for gates, bias in ((inputs, input_bias), (hidden, hidden_bias)))
    (r_in, z_in, n_in), (r_hidden, z_hidden, n_hidden) = inputs.chunk(3, 1), hidden.chunk(3, 1)
    r, z = torch.sigmoid(r_in + r_hidden), torch.sigmoid(z_in + z_hidden)
    n = torch.tanh(n_in + r * n_hidden)
    return n + z * (state - n), torch.cat([r, z, n, state, n_hidden], dim=1)


def gru_cell_backward(grad, workspace, has_bias):
    r, z, n, state, n_hidden = workspace.chunk(5, 1)
    z_grad, n_grad = grad * (state - n) * z * (1 - z), grad * (1 - z) * (1 - n * n)
    r_grad = n_grad * n_hidden * r * (1 - r)
    inputs, hidden = torch.cat([r_grad, z_grad, n_grad], 1), torch.cat([r_grad, z_grad, n_grad * r], 1)
    return inputs, hidden, grad * z, inputs.sum(0) if has_bias else None, hidden.sum(0) if has_bias else None


ONLY_ON_CARDS = {ATEN._thnn_fused_gru_cell.default: gru_cell,
                 ATEN._thnn_fused_gru_cell_backward.default: gru_cell_backward}


class CardTensor(torch.Tensor):
    """A tensor of the card: the shape of ``value``, which lies on the CPU."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, value):
        return torch.Tensor._make_wrapper_subclass(
            cls, value.shape, strides=value.stride(), storage_offset=value.storage_offset(), dtype=value.dtype,
            device=torch.device(NAME, 0), requires_grad=value.requires_grad)

    def __init__(self, value):
        self.value = value.detach()

    def __repr__(self):
        return f'CardTensor({self.value})'

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return Card.current.run(func, args, kwargs or {})


class Card(TorchDispatchMode):
    """The device while a test runs.

    Attributes:
        waits (Counter): Times that the host waited for the card, by the operator; its clear() starts anew.
    """

    current = None
    device = f'{NAME}:0'

    def __init__(self):
        super().__init__()
        self.waits = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return self.run(func, args, kwargs or {})

    def run(self, func, args, kwargs):
        flat, spec = tree_flatten((args, kwargs))
        devices = {x.device.type for x in flat if isinstance(x, torch.Tensor)}
        asked = kwargs.get('device')
        on_card = NAME in devices if asked is None else torch.device(asked).type == NAME
        if func not in CROSSING and asked is None and NAME in devices:
            self.check(func, flat if func not in INDEXING | LENGTHS else tree_flatten(args[0])[0])
        if NAME in devices:
            self.count(func, args, on_card)
        values = [x.value if isinstance(x, CardTensor) else x for x in flat]
        inner_args, inner_kwargs = tree_unflatten(values, spec)
        if asked is not None and on_card:
            inner_kwargs['device'] = torch.device('cpu')
            inner_kwargs.pop('pin_memory', None)
        if func is ATEN._to_copy.default and on_card and NAME not in devices:
            # As pageable memory is copied: at once where it is not pinned.
            self.waits['to the card, blocking'] += not kwargs.get('non_blocking', False)
        result = ONLY_ON_CARDS.get(func, func)(*inner_args, **inner_kwargs)
        if func is ATEN.copy_.default:
            return args[0]
        if not on_card or func is ATEN._local_scalar_dense.default:
            return result
        if func in LENGTHS:
            return CardTensor(result[0]), result[1]
        result = tree_map(lambda x: CardTensor(x) if isinstance(x, torch.Tensor) else x, result)
        return return_and_correct_aliasing(func, args, kwargs, result) if NAME in devices else result

    @staticmethod
    def check(func, flat):
        for x in flat:
            if isinstance(x, torch.Tensor) and x.device.type != NAME and x.dim():
                raise RuntimeError(f'{func}: expected all tensors to be on the same device, found {NAME} and '
                                   f'{x.device.type}, the latter of shape {tuple(x.shape)}')

    def count(self, func, args, on_card):
        if func in WAITING or func in INDEXING and any(
                x is not None and x.dtype in (torch.bool, torch.uint8) for x in args[1]):
            self.waits[str(func)] += 1
        elif func is ATEN._to_copy.default and not on_card:
            self.waits['to the CPU'] += 1
        elif func is ATEN.copy_.default and args[0].device != args[1].device and not any(args[2:]):
            self.waits['copied, blocking'] += 1


class Lists(TorchFunctionMode):
    """From a list to the card and back: by way of the CPU, as C++ knows no such device."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func is torch.Tensor.tolist:
            return func(args[0].cpu())
        if func is torch.Tensor.new_tensor and args[0].device.type == NAME:
            func, kwargs = torch.tensor, {**dict(dtype=args[0].dtype, device=args[0].device), **kwargs}
            args = args[1:]
        device = kwargs.get('device')
        if func in (torch.tensor, torch.as_tensor) and device is not None and torch.device(device).type == NAME:
            return func(*args, **{**kwargs, 'device': 'cpu'}).to(device)
        return func(*args, **kwargs)


@contextmanager
def stand_in_card():
    """The card, from here to the end of the block."""
    register()
    # In this thread, whose device it is; autograd counted the devices at the process' first backward.
    with torch.autograd.set_multithreading_enabled(False), Lists(), Card() as card:
        Card.current = card
        try:
            yield card
        finally:
            Card.current = None


def register():
    """Tell torch the device's name, once a process; it is there while a block of :func:`stand_in_card` lasts."""
    if torch._C._get_privateuse1_backend_name() == NAME:
        return
    from torch.utils import backend_registration as torch_s

    class Backend(torch_s._DummyBackendModule):

        def is_available(self):
            return Card.current is not None

        def get_amp_supported_dtype(self):
            return [torch.float16, torch.bfloat16]

    class Hook(torch_s._DummyPrivateUse1Hook):

        def is_available(self):
            return Card.current is not None

    torch_s._setup_privateuseone_for_python_backend(NAME, Backend(), Hook())
    # Autocast lets everything through as it is.
    register.library = torch.library.Library('_', 'IMPL')
    register.library.fallback(torch.library.fallthrough_kernel, 'AutocastPrivateUse1')
