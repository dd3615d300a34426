"""When the hub may not be asked: one reading of the environment, and it is huggingface_hub's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mc_jupyter.errors import Offline
from mc_jupyter.events import Run
from mc_jupyter.language.fields import HubSource
from mc_jupyter.notebook import doctor
from mc_jupyter.weights import hub, known
from mc_jupyter.weights.known import KNOWN

NAMES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
VALUES = (None, "", "0", "1", "2", "on", "off", "ON", "Yes", "no", "y", "n", "true", "False", "t", " 1", "auto")

_ITS_OWN = f"""
import importlib, itertools, json, os
from huggingface_hub import constants
for values in itertools.product({VALUES!r}, repeat=2):
    for name, value in zip({NAMES!r}, values):
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    print(json.dumps([values, importlib.reload(constants).HF_HUB_OFFLINE]))
"""


def say(monkeypatch: pytest.MonkeyPatch, *values: str | None) -> None:
    """Set both variables, as if this kernel had not imported huggingface_hub yet."""
    for name, value in zip(NAMES, values, strict=True):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "huggingface_hub.constants", raising=False)


def test_the_variables_mean_what_huggingface_hub_takes_them_for(monkeypatch: pytest.MonkeyPatch) -> None:
    said = subprocess.run([sys.executable, "-c", _ITS_OWN], capture_output=True, text=True, timeout=120, check=True)
    rows = [json.loads(line) for line in said.stdout.splitlines()]
    assert len(rows) == len(VALUES) ** 2
    for values, offline in rows:
        say(monkeypatch, *values)
        assert (hub.offline_variable() is not None) == offline, values


def hub_row() -> str:
    """What `%compose doctor` says of the hub."""
    (said,) = [row[1] for row in doctor.table(interactive=False).rows if row[0] == "hub"]
    return said


@pytest.mark.parametrize(("value", "offline"), [("1", True), ("on", True), ("off", False), ("n", False), ("y", False),
                                                ("2", False), ("0", False)])  # fmt: skip
def test_models_known_files_and_doctor_read_it_alike(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str, offline: bool
) -> None:
    say(monkeypatch, value, None)
    monkeypatch.setenv("MC_JUPYTER_CACHE", str(tmp_path))
    because = f"HF_HUB_OFFLINE={value}" if offline else None
    assert hub.offline_because(HubSource(repository="owner/model")) == because
    assert hub_row() == (
        f"offline, only models on this disk: {because}" if offline else "asked when a model is not on this disk"
    )
    # Nothing listens at this address: whoever asks finds that out.
    file = replace(next(iter(KNOWN.values())), address="http://127.0.0.1:9/none.pth")
    with pytest.raises(Offline) as caught:
        known.fetch(file, Run(), allow_pickle=True)
    assert ("forbids fetching it" in str(caught.value)) == offline


def test_what_huggingface_hub_read_at_its_import_counts_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    say(monkeypatch, None, None)
    monkeypatch.setitem(sys.modules, "huggingface_hub.constants", constants)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert os.environ.get("HF_HUB_OFFLINE") is None
    assert "when this kernel imported huggingface_hub" in hub_row()
