"""How much memory a network takes at its peak, found by running it once on a small input and counting live tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def peak_bytes(work: Callable[[], torch.Tensor]) -> int:
    """The most bytes of tensors made inside `work` that were alive at once.

    What a library takes for itself (workspaces, copies in another layout) is not seen.
    """
    import torch
    from torch.multiprocessing.reductions import StorageWeakRef
    from torch.utils._python_dispatch import TorchDispatchMode

    live: dict[Any, tuple[Any, int]] = {}
    peak = 0

    def count(out: Any) -> None:
        nonlocal peak
        for tensor in out if isinstance(out, tuple | list) else (out,):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                live[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())  # type: ignore[no-untyped-call]
        for key in [key for key, (reference, _) in live.items() if reference.expired()]:
            del live[key]
        peak = max(peak, sum(size for _, size in live.values()))

    class Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            out = func(*args, **(kwargs or {}))
            count(out)
            return out

    with Counting():  # type: ignore[no-untyped-call]
        work()
    return peak
