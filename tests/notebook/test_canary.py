"""A canary in every usual secret, and a whole notebook run with it: nothing that is saved, printed or logged sings."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.trust.test_secrets import NAMES
from tests.weights.hub_stand_in import HubStandIn

CANARY = "hf_canary0123456789"

TEXT = "%%compose {name}\ncomponent:\n  type: model\n  driver: echo\n  text: '{text}'\n"
MODEL = (
    "%%compose {name}\ncomponent:\n  type: model\n  text: hi\n  model: {{repository: {repository}, token: '{token}'}}\n"
)

LOGGED = """
import logging
logging.basicConfig(filename="debug.log", level=logging.DEBUG, force=True)
for name in ("mc_jupyter", "huggingface_hub", "httpx", "httpcore", "transformers", "traitlets"):
    logging.getLogger(name).setLevel(logging.DEBUG)
"""

PICKLED = """
import pickle, pickletools, copy
session = get_ipython().magics_manager.registry["ComposeMagics"].notebook.session
made = []
for one in (session.plan(text) for text in texts):
    for thing in (one, *one.components, *(part.settings for part in one.components)):
        for look in (repr, str, format, copy.deepcopy, lambda t: t.model_dump(), lambda t: t.model_dump_json(), pickle.dumps):
            try:
                made.append(look(thing))
            except Exception as error:
                made.append(error)
made
"""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubStandIn]:
    with HubStandIn() as made:
        made.add("owner/private", {"config.json": b"{}", "model.safetensors": b"x" * 2000}, access="private")
        made.add("owner/gated", {"config.json": b"{}", "model.safetensors": b"x" * 2000}, access="gated")
        made.add("owner/odd", {"config.json": b"{}", "model.safetensors": b"x" * 2000})
        made.dead_at = 100
        made.tokens.add(CANARY)
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        yield made


def saved(folder: Path, *cells: str) -> str:
    """The notebook after it has run, whatever failed in it, with its widgets' state; and everything it logged."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(
        notebook, timeout=120, allow_errors=True, store_widget_state=True, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    log = folder / "debug.log"
    return json.dumps(notebook) + (log.read_text() if log.exists() else "")


@pytest.mark.kernel
@pytest.mark.parametrize("allowed", [[], ["*"]], ids=["nobody's word", "all allowed"])
def test_a_notebook_that_tries_everything_saves_no_secret(
    hub: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: list[str]
) -> None:
    for name in (*NAMES, "HF_TOKEN", "HUGGINGFACE_TOKEN"):
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setenv("BAD_TOKEN", f"{CANARY}\r\nx")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    texts = [
        TEXT.format(name=f"t{i}", text=template % name)
        for i, (name, template) in enumerate(
            zip(NAMES, itertools.cycle(("${env.%s}", "${input.x | ${env.%s}}")), strict=False)
        )
    ]
    models = [
        MODEL.format(name=f"m{i}", repository=f"owner/{repository}", token=f"${{env.{name}}}")
        for i, (repository, name) in enumerate(
            (r, n) for r in ("private", "gated", "odd", "none") for n in ("HF_TOKEN", "GITHUB_PAT", "BAD_TOKEN")
        )
    ]
    documents = [cell.partition("\n")[2] for cell in (*texts[:6], *models)]
    looks = ["%tb", "%compose ls", "%compose doctor", "%compose trust", "%compose trust GITHUB_PAT"]
    loud = [model for model in models if "HF_TOKEN" in model or "BAD_TOKEN" in model]
    text = saved(
        tmp_path,
        LOGGED,
        "%load_ext mc_jupyter",
        f"%config ComposeMagics.env = {allowed}",
        "%config ComposeMagics.forms = 'always'",
        *texts,
        *models,
        *looks,
        "%config ComposeMagics.full_tracebacks = True",
        "%xmode Verbose",
        *texts[:4],
        *loud,
        "%tb",
        f"texts = {documents!r}",
        PICKLED,
        "[get_ipython().user_ns.get(name) for name in ('_', '__', 'Out', '_ih', '_oh')]",
    )
    told = sum(request.token == CANARY for request in hub.requests)
    assert told > 3  # it was there, and was sent where it should be
    assert ("BadToken" in text) == bool(allowed)
    found = [text[max(0, i - 300) : i + 100] for i in range(len(text)) if text.startswith("canary", i)]
    assert found == []
