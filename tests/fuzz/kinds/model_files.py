"""Model files: small real models of every kind with changed, damaged and hostile files; planned, loaded, called once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image

import mc_jupyter as mc
from tests import captioners, faces, models, pipelines, upscalers
from tests.fuzz import files
from tests.fuzz.files import Files
from tests.fuzz.kind import Kind

_TINY: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
_SEEDS = {
    "llama": lambda folder: models.llama(folder, num_key_value_heads=1, **_TINY),
    "gpt2": lambda folder: models.gpt2(folder, n_embd=16, n_layer=1, n_head=1),
    "t5": lambda folder: models.t5(folder, num_layers=1, d_model=16, d_ff=16, num_heads=1),
    "classifier": lambda folder: models.classifier(folder, **_TINY),
    "encoder": lambda folder: models.encoder(folder, **_TINY),
    "upscaler": lambda folder: upscalers.compact(_in(folder, "up.safetensors"), features=4, convs=1, scale=2),
    "pickled upscaler": lambda folder: upscalers.compact(_in(folder, "up.pth"), features=4, convs=1, scale=2),
    "faces": lambda folder: faces.pack(folder),
    "captioner": lambda folder: captioners.blip(folder),
    "pipeline": lambda folder: pipelines.sdxl(folder, width=8),
}  # fmt: skip
_USES: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    "text-generation": ("", ("llama", "llama", "gpt2", "t5"), {"text": "a"}),
    "chat-completion": ("messages: [{role: user, content: '${input.text}'}]", ("llama",), {"text": "a"}),
    "text-classification": ("", ("classifier",), {"text": "a"}),
    "text-embedding": ("", ("encoder",), {"text": "a"}),
    "image-upscale": ("", ("upscaler", "pickled upscaler"), {"image": Image.new("RGB", (8, 8))}),
    "face-embedding": ("", ("faces",), {"image": Image.new("RGB", (32, 32))}),
    "image-to-text": ("", ("captioner",), {"image": Image.new("RGB", (8, 8))}),
    "image-generation": (
        "{architecture: sdxl, width: 64, height: 64, num_inference_steps: 1}",
        ("pipeline",),
        {"prompt": "a"},
    ),
}
_OFTEN = {"text-generation": 6, "text-classification": 3, "text-embedding": 3, "chat-completion": 2, "image-upscale": 4}
_LINES = (
    "", "", "", "", "allow_pickle: true", "precision: bfloat16", "quantization: int8", "quantization: nf4", "driver: huggingface", "driver: spandrel",
    "keep_alive: 0", "device_mode: auto",
)  # fmt: skip


def _in(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


@dataclass(frozen=True)
class Case:
    """A folder's files, and what is done with them."""

    seed: str
    task: str
    line: str
    named: str
    files: Files = field(repr=False)


class ModelFiles(Kind):
    """A model's folder with changes, used as a cell uses it."""

    seconds = 30.0
    megabytes = 600
    quiet = False  # libraries warn of what they find in files

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.work = folder / "model"
        for name, make in _SEEDS.items():
            if not (folder / name / "whole").is_file():
                make(folder / name)
                (folder / name / "whole").touch()

    @cached_property
    def seeds(self) -> dict[str, Files]:
        found = {name: files.read(self.folder / name) for name in _SEEDS}
        return {name: {file: data for file, data in each.items() if file != "whole"} for name, each in found.items()}

    @cached_property
    def all(self) -> Files:
        return {f"{name}/{file}": data for name, each in self.seeds.items() for file, data in each.items()}

    def make(self, dice: Random) -> Case:
        task = dice.choice([task for task in _USES for _ in range(_OFTEN.get(task, 1))])
        seed = dice.choice(_USES[task][1] if dice.random() < 0.95 else tuple(_SEEDS))
        made = files.mutated(dice, self.seeds[seed], self.all)
        one = len(self.seeds[seed]) == 1 or dice.random() < 0.05
        named = dice.choice(sorted(made)) if one and made else ""
        return Case(seed, task, dice.choice(_LINES), named, made)

    def attempt(self, case: Case) -> str:
        files.write(self.work, case.files)
        written, _, given = _USES[case.task]
        lines = [written.strip("{}").replace(", ", "\n  ") if written.startswith("{") else written, case.line]
        if case.task in ("text-generation", "chat-completion", "image-to-text"):
            lines.append("max_output_length: 1")
        body = "".join(f"  {line}\n" for line in lines if line)
        text = f"component:\n  type: model\n  task: {case.task}\n  model: {{provider: local, path: {str(self.work / case.named)!r}}}\n{body}"
        with mc.Session() as session:
            plan = session.plan(text)
            shown = [*plan.lines()]
            handle = session.load(text, "fuzzed")
            shown += [repr(handle), repr(handle.card()), repr(handle(**given))]
            return "\n".join(shown)

    def shown(self, case: Case) -> str:
        return f"{case!r}\n{files.told(case.files, self.seeds[case.seed])}"
