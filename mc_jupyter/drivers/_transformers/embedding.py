"""A text's vector: its prompt, the encoder, the modules after it, how many numbers are kept, its length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers._transformers.encoders import encoded
from mc_jupyter.drivers._transformers.modules import Pooling
from mc_jupyter.errors import InputError
from mc_jupyter.weights.reading import shown
from mc_jupyter.words import listing

if TYPE_CHECKING:
    import torch

    from mc_jupyter.drivers._transformers.modules import Step
    from mc_jupyter.drivers._transformers.sentences import Sentences

NO_POOLING = "nothing says how this model's token vectors become one: "


@dataclass(frozen=True)
class Embedder:
    """What one call asks of an encoder. `said` is None where sentence-transformers' files are not there, or not
    followed (`architecture: bert`).
    """

    model: Any
    tokenizer: Any
    said: Sentences | None
    steps: Sequence[Step]
    action: Any

    @property
    def prompt(self) -> str:
        return prompt(self.said, self.action.prompt_name)

    def vectors(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """(batch, numbers), in float32."""
        from torch.nn.functional import normalize

        known = {**encoded(self.model, inputs, as_saved=self.said is not None), **inputs}
        known["prompt_length"] = self.unread
        for step in self._steps():
            step(known)
        found: torch.Tensor = known["sentence_embedding"].float()
        found = found[:, : self._kept(found.shape[-1])]
        return normalize(found, dim=-1) if self.action.normalize else found

    def _steps(self) -> list[Step]:
        """The model's modules, or a pooling alone; with the pooling that the call names, where it names one."""
        named = self.action.pooling
        if self.said is None:
            return [Pooling(["mean" if named == "auto" else named])]
        if named == "auto":
            if lacking := self.said.lacks_pooling:
                raise InputError(f"{NO_POOLING}{lacking.path} has no config.json", fix="pooling: mean")
            return list(self.steps)
        return [Pooling([named], step.reads_prompt) if isinstance(step, Pooling) else step for step in self.steps]

    def _kept(self, width: int) -> int | None:
        asked = self.action.truncate_dim
        if asked is not None and asked > width:
            raise InputError(
                f"truncate_dim: {asked}, and this model's vectors have {width} numbers", fix=f"at most {width}"
            )
        return asked or (self.said.dimensions if self.said else None)

    @property
    def unread(self) -> int:
        """The tokens of the prompt, as sentence-transformers counts them: alone, without what closes a text."""
        if not (prompt := self.prompt):
            return 0
        ids = self.tokenizer(prompt, verbose=False)["input_ids"]
        return len(ids) - (bool(ids) and ids[-1] in self.tokenizer.all_special_ids)


def prompt(said: Sentences | None, name: str | None) -> str:
    """What goes before each text: the prompt of a name (none of ""), or the model's default one."""
    if name is None:
        return said.prompts[said.prompt_name] if said and said.prompt_name else ""
    if not name:
        return ""
    if said is None or name not in said.prompts:
        known = listing([*map(shown, said.prompts)], "and") if said else ""
        raise InputError(
            f"prompt_name: {shown(name)}, and the model's prompts are {known}" if known else
            f"prompt_name: {shown(name)}, and this model brings no prompts",
            fix="one of those" if known else "remove it, and write the prompt before ${input…} in text:",
        )  # fmt: skip
    return said.prompts[name]


def lowercasing(tokenizer: Any) -> Any:
    """A tokenizer that reads all letters as small ones, as sentence_bert_config.json may ask beside the tokenizer."""
    import copy

    from tokenizers.normalizers import Lowercase, Sequence

    if not tokenizer.is_fast:
        raise InputError("do_lower_case needs the Rust tokenizer")
    own = tokenizer.backend_tokenizer.normalizer
    if "Lowercase" in repr(own) or getattr(own, "lowercase", False):
        return tokenizer
    made = copy.deepcopy(tokenizer)
    made.backend_tokenizer.normalizer = Sequence([Lowercase(), *([own] if own is not None else [])])
    return made
