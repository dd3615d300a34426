"""What this machine has: devices, the number types they compute in, and the memory that is free now (cgroup included).

    choose("auto")                     Choice(device='cpu', why='no CUDA device and no MPS here')
    free_memory("cpu")                 Memory(free=…, total=…, limit_by="the container's memory limit (cgroup)")
    auto_dtype("cuda:0", "bfloat16")   ("bfloat16", "the checkpoint's own half precision")

Facts about the CPU need no torch, and neither does `choose("auto")` on a Linux machine without a GPU.
"""

from __future__ import annotations

import errno
import functools
import gc
import importlib.util
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mc_jupyter import allocator
from mc_jupyter.errors import PlanError
from mc_jupyter.words import format_bytes, listing

Kind = Literal["cpu", "cuda", "mps"]

HALF = ("bfloat16", "float16")
_ROOT = Path("/")
# What a GPU shows in a Linux file system: NVIDIA, AMD (ROCm is torch's "cuda" too) and WSL.
_GPU_FILES = ("dev/nvidia*", "dev/kfd", "dev/dxg")


@dataclass(frozen=True, slots=True)
class Device:
    """One device: `name` is how torch and a cell call it (`cpu`, `cuda:0`, `mps`), `total` its memory in bytes."""

    name: str
    kind: Kind
    label: str
    total: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The device to use, and in words why it is that one."""

    device: str
    why: str


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that can still be taken, bytes there are in all, and what sets the limit."""

    free: int
    total: int
    limit_by: str

    def __str__(self) -> str:
        return f"{format_bytes(self.free)} free of {format_bytes(self.total)} ({self.limit_by})"


# ── which devices ────────────────────────────────────────────────────────────────────────────────────────────────────


def devices() -> tuple[Device, ...]:
    """Every device a cell may name here, the CPU last."""
    return (*_cuda_devices(), *_mps_devices(), _cpu())


def choose(asked: str) -> Choice:
    """The device that `asked` (`auto`, `cpu`, `mps`, `cuda`, `cuda:N`) means here.

    PlanError when it is not here; its fix names what is.
    """
    if asked == "cpu":
        return Choice("cpu", "asked for")
    gpus = _cuda_devices() if asked != "mps" else ()
    macs = _mps_devices() if asked in ("auto", "mps") else ()
    if asked == "auto":
        if not (gpus or macs):
            return Choice("cpu", _why_no_gpu())
        first = (*gpus, *macs)[0]
        return Choice(first.name, f"{first.label} is here")
    name = "cuda:0" if asked == "cuda" else asked
    if any(device.name == name for device in (*gpus, *macs)):
        return Choice(name, "asked for")
    here = [f"`device: {device.name}` ({device.label})" for device in devices()]
    reason = "" if gpus or (asked == "mps" and sys.platform == "darwin") else f": {_why_no_gpu()}"
    raise PlanError(f"`device: {asked}` is not on this machine{reason}", fix=f"use {listing(here)}, or `device: auto`")


def _cpu() -> Device:
    return Device("cpu", "cpu", _cpu_label(), _memory_of_machine(_ROOT)[1])


def _cpu_label() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (names[0] if names else "") or platform.processor() or platform.machine()


def _cuda_devices() -> tuple[Device, ...]:
    if not _may_have_gpu():
        return ()
    import torch

    if not torch.cuda.is_available():
        return ()
    found = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
    return tuple(Device(f"cuda:{n}", "cuda", gpu.name, gpu.total_memory) for n, gpu in enumerate(found))


def _mps_devices() -> tuple[Device, ...]:
    if sys.platform != "darwin" or not _has_torch():
        return ()
    import torch

    if not torch.backends.mps.is_available():
        return ()
    return (Device("mps", "mps", _cpu_label(), torch.mps.recommended_max_memory()),)


def _has_torch() -> bool:
    return "torch" in sys.modules or importlib.util.find_spec("torch") is not None


@functools.cache
def _may_have_gpu(root: Path = _ROOT) -> bool:
    """False only where a look at the file system is enough to know, which spares the 1.6 s of importing torch."""
    if not _has_torch() or sys.platform == "darwin":
        return False
    return sys.platform != "linux" or any(next(root.glob(pattern), None) for pattern in _GPU_FILES)


def _why_no_gpu() -> str:
    if not _has_torch():
        return "torch is not installed, so only the CPU can be used"
    if _may_have_gpu():
        import torch

        if torch.version.cuda is None and torch.version.hip is None:
            return f"a GPU may be here, but torch {torch.__version__} is built without CUDA"
    return "no CUDA device and no MPS here"


# ── number types ─────────────────────────────────────────────────────────────────────────────────────────────────────


@functools.cache
def supports(device: str, dtype: str) -> tuple[bool, str]:
    """Whether `device` multiplies matrices of `dtype`, found out by doing it once; and what was found, in words."""
    import torch

    try:
        ones = torch.ones((8, 8), dtype=getattr(torch, dtype), device=device)
        product = (ones @ ones).float().sum().item()
    except (RuntimeError, TypeError, AttributeError, AssertionError) as error:
        reason = str(error).strip().partition("\n")[0]
        return False, f"{device} does not compute in {dtype}: {reason}"
    if product != 512:
        return False, f"{device} computes wrongly in {dtype}: a sum that is 512 came out as {product}"
    if dtype == "bfloat16" and _emulates_bfloat16(device):
        return True, f"{device} computes in bfloat16 only by emulation, which is slow"
    return True, f"{device} computes in {dtype}"


def _emulates_bfloat16(device: str) -> bool:
    import torch

    # GPUs before Ampere (T4, V100) pass `is_bf16_supported()` because torch counts emulation.
    return device.startswith("cuda") and not torch.cuda.is_bf16_supported(including_emulation=False)


def auto_dtype(device: str, checkpoint_dtype: str | None) -> tuple[str, str]:
    """What `precision: auto` is on `device` for weights stored as `checkpoint_dtype`, and why.

    Half precision on a GPU (the checkpoint's own where it has one that the GPU does, else float16), float32 on a CPU.
    """
    if device == "cpu":
        return "float32", "float32 on a CPU"
    if checkpoint_dtype in HALF and supports(device, checkpoint_dtype)[0]:
        if checkpoint_dtype != "bfloat16" or not _emulates_bfloat16(device):
            return checkpoint_dtype, "the checkpoint's own half precision"
        return "float16", f"{device} does the checkpoint's bfloat16 only by emulation"
    if supports(device, "float16")[0]:
        return "float16", "half precision on a GPU"
    return "float32", supports(device, "float16")[1]


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def free_memory(device: str, *, root: Path = _ROOT) -> Memory:
    """What can be taken on `device` now, other processes counted; for the CPU also within the cgroup and `ulimit -v`.

    `root` is the file system to read `/proc` and `/sys` from.
    """
    if device == "cpu":
        return min(_cpu_limits(root), key=lambda memory: memory.free)
    import torch

    if device == "mps":
        total = torch.mps.recommended_max_memory()
        return Memory(max(0, total - torch.mps.driver_allocated_memory()), total, "the GPU's share of memory")
    free, total = torch.cuda.mem_get_info(device)
    # What torch's allocator holds and does not use is free to us, and not to others.
    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return Memory(min(free + cached, total), total, f"memory of {device}")


def cpu_limits(*, root: Path = _ROOT) -> tuple[Memory, ...]:
    """Everything that limits memory for the CPU, the narrowest first: the machine, the container, the process."""
    total = _memory_of_machine(root)[1]
    return tuple(sorted((m for m in _cpu_limits(root) if m.total <= total), key=lambda memory: memory.free))


def _cpu_limits(root: Path) -> Iterator[Memory]:
    free, total = _memory_of_machine(root)
    yield Memory(free, total, "this machine's memory")
    for limit, used in _cgroup_limits(root):
        # cgroup v1 writes "no limit" as a number near 2**63, which is never the least.
        yield Memory(max(0, limit - used), limit, "the container's memory limit (cgroup)")
    yield from _address_space()


def _memory_of_machine(root: Path) -> tuple[int, int]:
    """(available, total) bytes of RAM. "Available" is the kernel's own estimate: free, and what it can drop at once."""
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError:
        import psutil

        memory = psutil.virtual_memory()
        return int(memory.available), int(memory.total)
    kilobytes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines) if rest}
    return kilobytes.get("MemAvailable", kilobytes.get("MemFree", 0)) * 1024, kilobytes["MemTotal"] * 1024


def _cgroup_limits(root: Path) -> Iterator[tuple[int, int]]:
    """(limit, used) of this process's memory cgroup and of each group around it, for both versions of cgroups."""
    for folder in _cgroup_folders(root):
        limits = [_number(folder / name) for name in ("memory.max", "memory.high", "memory.limit_in_bytes")]
        known = [limit for limit in limits if limit is not None]
        used = _number(folder / "memory.current")
        if used is None:
            used = _number(folder / "memory.usage_in_bytes")
        if known and used is not None:
            yield min(known), max(0, used - _reclaimable(folder))


def _cgroup_folders(root: Path) -> Iterator[Path]:
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        mounts = ("sys/fs/cgroup/memory",) if controllers else ("sys/fs/cgroup", "sys/fs/cgroup/unified")
        parts = [part for part in path.split("/") if part not in ("", "..")]
        # In a container the path is often the host's, while the mount shows only our own part: every prefix of the
        # path is tried, down to the mount itself, and what is not there is skipped.
        for mount in mounts:
            for length in range(len(parts), -1, -1):
                yield root.joinpath(mount, *parts[:length])


def _number(file: Path) -> int | None:
    """The number in a cgroup file; None for `max`, and for no file."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _reclaimable(folder: Path) -> int:
    """File pages the kernel drops when memory is short; they count as used, and a model may have them."""
    try:
        lines = (folder / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    stat = dict(line.split(maxsplit=1) for line in lines if " " in line)
    return int(stat.get("total_inactive_file", stat.get("inactive_file", 0)))


def _address_space() -> Iterator[Memory]:
    """The limit that `ulimit -v` sets, where one is set and the system has such limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        yield Memory(max(0, limit - taken), limit, "the process's address-space limit (ulimit -v)")


def files_in_memory() -> list[tuple[int, int]]:
    """Where files are mapped into this process: addresses of their first byte and after their last, in order."""
    try:
        lines = Path("/proc/self/maps").read_text(errors="replace").splitlines()
    except OSError:
        return []
    rows = [line.split(maxsplit=5) for line in lines]
    spans = [row[0].split("-") for row in rows if len(row) > 5 and row[5].startswith("/")]
    return [(int(first, 16), int(last, 16)) for first, last in spans]


# --- memory that runs out, and memory given back ----------------------------------------------------------------------

# How torch's allocators, its libraries and the system say it: lower case, anywhere in the message.
_WORDS = (
    "out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory", "unable to mmap",
    "bad_alloc", "alloc_failed", "could not allocate",
)  # fmt: skip


def give_back() -> None:
    """Collect what is unreachable, and return what is freed to the system."""
    gc.collect()
    trim()


def trim() -> None:
    """Empty torch's GPU cache, and let the allocator return freed pages to the system."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch is not None and torch.backends.mps.is_available():
        torch.mps.empty_cache()
    allocator.trim()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or on the CPU (where torch raises a mere RuntimeError)."""
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return isinstance(error, RuntimeError | OSError) and any(word in str(error).lower() for word in _WORDS)
