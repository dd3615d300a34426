"""The state of this kernel: versions, devices, memory, the hub, and whether forms are shown."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mc_jupyter.notebook.html import Table
from mc_jupyter.words import format_bytes

_PACKAGES = (
    "mc-jupyter", "torch", "transformers", "diffusers", "peft", "accelerate", "huggingface_hub", "safetensors",
    "tokenizers", "pillow", "pydantic", "ipython", "ipykernel", "ipywidgets", "jupyterlab",
)  # fmt: skip


def table(interactive: bool) -> Table:
    """What this kernel has, and what limits it."""
    from mc_jupyter import devices, process

    rows = [("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")]
    rows += [(name, _version(name)) for name in _PACKAGES]
    for device in devices.devices():
        rows.append((device.name, f"{device.label}, {devices.free_memory(device.name)}"))
    rows.append(("this kernel", f"{format_bytes(process.holds().resident)} of memory"))
    rows.append(("hub", _hub()))
    rows.append(("downloads go to", _downloads()))
    rows.append(
        ("forms", "shown when inputs are missing" if interactive else "off: nobody can fill them in (headless)")
    )
    return Table(("", ""), tuple(rows), "this kernel")


def _hub() -> str:
    """Whether the hub is asked, as those decide who ask it."""
    from mc_jupyter.weights import hub

    because = hub.offline()
    return f"offline, only models on this disk: {because}" if because else "asked when a model is not on this disk"


def _version(package: str) -> str:
    try:
        found = version(package)
    except PackageNotFoundError:
        return "not installed"
    return f"{found} (imported)" if package in sys.modules and package != "mc-jupyter" else found


def _downloads() -> str:
    from mc_jupyter.weights import hub

    return _home_relative(hub.cache_root())


def _home_relative(path: Path) -> str:
    try:
        return f"~/{path.relative_to(Path.home())}"
    except ValueError:
        return str(path)
