"""Cells of YAML: read, planned, their plan shown as a notebook shows it; where no weights are needed, run."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import mc_jupyter as mc
from mc_jupyter.notebook import views
from mc_jupyter.notebook.showing import Showing
from tests.fuzz import mutation
from tests.fuzz.findings import ROOT
from tests.fuzz.kind import Kind

_RUNNING = (
    "component:\n  type: model\n  task: text-generation\n  driver: echo\n  text: ${input.text as text | hello}\n",
    "component:\n  type: model\n  task: image-generation\n  driver: echo\n  prompt: ${input.prompt}\n  width: 64\n  height: 64\n",
    "component:\n  type: model\n  task: text-classification\n  driver: echo\n  text: ${input.text}\n  output:\n    label: ${result.label}\n",
    "component:\n  type: model\n  task: chat-completion\n  driver: echo\n  messages:\n    - role: user\n      content: ${input.text}\n",
    "component:\n  type: text-splitter\n  text: ${input.text}\n  chunk_size: 20\n  chunk_overlap: 2\n",
)  # fmt: skip
_WORDS = (
    "driver: echo",
    "starter:stories",
    "${input.text as text | hello}",
    "type: model",
    "&a",
    "*a",
    "<<: *a",
    "!!set",
    "!!binary x",
    "---",
    "- ",
)


class Cells(Kind):
    """A cell, from the chapter's examples, the language's cases, README and the notebooks."""

    @cached_property
    def seeds(self) -> list[str]:
        blocks = [file.read_text("utf-8") for file in sorted((ROOT / "tests/language/blocks").glob("*.yml"))]
        return [*_RUNNING * 4, *blocks, *_cases(), *_notebooks(), _indented(ROOT / "README.md")]

    def make(self, dice: Random) -> str:
        text = dice.choice(self.seeds)
        if dice.random() < 0.3:
            text = mutation.mutated_yaml(dice, text)
        if dice.random() < 0.3:
            text = text.replace("driver: huggingface", "driver: echo").replace(
                "\n  task:", "\n  driver: echo\n  task:", 1
            )
        if dice.random() < 0.7:
            text = mutation.mutated_text(dice, text, self.seeds, _WORDS)
        return _wrapped(dice, text)

    def attempt(self, case: str) -> str:
        with mc.Session() as session:
            plan = session.plan(case, first_line=2)
            shown = [repr(plan), *plan.lines()]
            view = views.of(plan, Showing())
            shown += [str(part) for part in view.bundle().values()] if view else []
            if plan.problems or not all(_is_light(each) for each in plan.components):
                return "\n".join(shown)
            for each in plan.components:
                handle = session.load(case, "fuzzed", component=each.id, first_line=2, plan=plan)
                given = {one.name: _fitting(one.kind) for one in handle.missing({})}
                shown += [repr(handle), repr(handle.card()), repr(handle(**given))]
            return "\n".join(shown)

    def shown(self, case: str) -> str:
        return case.encode("utf-8", "backslashreplace").decode()


def _is_light(planned: Any) -> bool:
    """Whether it runs in no time: no weights, nothing large asked for."""
    key = planned.key
    return (key is None and not planned.loads) or getattr(key, "driver", "") == "echo"


def _fitting(kind: str) -> Any:
    return {"number": 1.5, "integer": 2, "boolean": True, "messages": [{"role": "user", "content": "hi"}]}.get(
        kind, "some words"
    )


def _wrapped(dice: Random, text: str) -> str:
    """At times as another editor would store it, or with much around it."""
    how = dice.randrange(40)
    if how == 0:
        return "\ufeff" + text.replace("\n", "\r\n")
    if how == 1:
        return text.replace("  ", "\t", dice.randint(1, 3))
    if how == 2:
        bomb = "\n".join(f"b{i}: &b{i} [{', '.join([f'*b{i - 1}'] * 9)}]" for i in range(1, dice.randint(3, 12)))
        return f"b0: &b0 [x, x]\n{bomb}\n{text}"
    if how == 3:
        deep = dice.choice((20, 100, 500, 5000))
        return (
            text
            + "\nx: "
            + dice.choice(("[" * deep, "{a: " * deep, "[" * deep + "]" * deep, "- " * deep, "? " * deep, "!a " * deep))
        )
    if how == 4:
        return text + "\n" + "".join(f"key{i}: ${{input.v{i}}}\n" for i in range(dice.choice((10, 1000, 5000))))
    if how == 5:
        return text + f"\ntext: {'x' * dice.choice((1000, 200_000))}\n"
    return text


def _cases() -> list[str]:
    """Cases of the language as cells: what they render stands where a text stands."""
    lines = (ROOT / "tests/language/cases.jsonl").read_text("utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    templates = [case["template"] for case in cases if case.get("kind") == "render" and "template" in case]
    texts = [case[name] for case in cases for name in ("text", "yaml") if isinstance(case.get(name), str)]
    return texts + [f"{_RUNNING[0]}  output: {json.dumps(template)}\n" for template in templates[::3]]


def _notebooks() -> list[str]:
    found = []
    for file in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = ["".join(cell["source"]) for cell in json.loads(file.read_text("utf-8"))["cells"]]
        found += [cell.partition("\n")[2] for cell in cells if cell.startswith("%%compose")]
    return found


def _indented(file: Path) -> str:
    """The cell that README shows first."""
    text = file.read_text("utf-8")
    lines = text[text.index("%%compose ") :].splitlines()[1:]
    return "\n".join(line.removeprefix("    ") for line in lines[:8])
