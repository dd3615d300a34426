"""A checkpoint's habits of writing: what its generation_config (or an older config.json) adds where the cell is silent.

`generate` follows all of it by itself (bad words, forced tokens, a shortest length …), whatever was asked. So what the
cell says is put in its place, what has a field of ours takes part as that field, and all of it is told once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mc_jupyter.errors import WeightsError
from mc_jupyter.weights.reading import AGAIN, shown
from mc_jupyter.words import listing

# transformers' names (5.23) of what has a field of ours.
_FIELDS: Mapping[str, str] = {
    "temperature": "temperature", "top_k": "top_k", "top_p": "top_p", "repetition_penalty": "repetition_penalty",
    "num_beams": "num_beams", "length_penalty": "length_penalty", "early_stopping": "early_stopping",
    "max_new_tokens": "max_output_length", "stop_strings": "stop_sequences",
}  # fmt: skip
_LENGTHS = ("min_length", "min_new_tokens")  # `min_output_length` takes the place of both
# What it adds beside them, with a word of its own or none of ours.
_BESIDE = (
    *_LENGTHS, "max_length", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "encoder_repetition_penalty",
    "bad_words_ids", "suppress_tokens", "begin_suppress_tokens", "sequence_bias", "forced_bos_token_id",
    "forced_eos_token_id", "exponential_decay_length_penalty", "min_p", "top_h", "typical_p", "epsilon_cutoff",
    "eta_cutoff", "guidance_scale", "watermarking_config", "renormalize_logits", "remove_invalid_values", "max_time",
)  # fmt: skip
# What would change the call itself, each with what says the same of nothing.
_UNHEEDED: Mapping[str, Any] = {
    "num_return_sequences": 1, "token_healing": False, "prompt_lookup_num_tokens": None, "use_mtp": None,
    "assistant_early_exit": None,
}  # fmt: skip
_PLAIN: Mapping[str, Any] = {
    "return_dict_in_generate": False, "output_scores": False, "output_logits": False, "output_attentions": False,
    "output_hidden_states": False, "stop_strings": None,
}  # fmt: skip
_COUNTING = (
    "min_length",
    "max_length",
    "no_repeat_ngram_size",
    "forced_bos_token_id",
)  # they count what fills a row up


@dataclass(frozen=True, slots=True)
class Habits:
    """`fields` by our names, `beside` and `unheeded` by transformers'."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)
    unheeded: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, writer: Any) -> Habits:
        """Those of a model, or of the part of it that writes; none of one that does not write."""
        config = getattr(writer, "generation_config", None)
        if config is None:
            return cls()
        usual = config._get_default_generation_params()
        said = {name: value for name, value in vars(config).items() if value is not None and value != usual.get(name)}
        if isinstance(stop := said.get("stop_strings"), str):
            said["stop_strings"] = [stop]
        for name in said.keys() & _FIELDS.keys():
            _check(name, said[name])
        return cls(
            {ours: said[name] for name, ours in _FIELDS.items() if name in said},
            {name: said[name] for name in _BESIDE if name in said},
            {name: said[name] for name, nothing in _UNHEEDED.items() if said.get(name, nothing) != nothing},
        )

    @property
    def counts_the_prompt(self) -> bool:
        """Whether something of it depends on how many tokens come before, so that rows must not be filled up."""
        return any(name in self.beside for name in _COUNTING)

    def over(self, action: Any) -> Any:
        """What is asked for, with these where the cell is silent."""
        given = action.model_fields_set
        silent = {name: value for name, value in self.fields.items() if name not in given}
        if action.streaming or action.num_return_sequences > silent.get("num_beams", 64):
            silent.pop("num_beams", None)  # beams show nothing before their end, and are as many answers at most
        if "num_beams" in silent and "early_stopping" not in given:
            silent.setdefault("early_stopping", False)  # transformers' own; ours is for beams that the cell asks for
        return action.model_copy(update=silent)

    @property
    def plain(self) -> dict[str, Any]:
        """What `generate` is told so that it makes tokens one by one and gives nothing else."""
        return {**_PLAIN, **{name: _UNHEEDED[name] for name in self.unheeded if name != "num_return_sequences"}}

    def arguments(self, action: Any, before: int, room: int) -> dict[str, Any]:
        """What `generate` is told so that the cell wins over the checkpoint. `before` tokens are there already."""
        told = self.plain
        if "min_output_length" in action.model_fields_set:
            return told | {name: 0 for name in _LENGTHS if name in self.beside}
        for name, most in zip(_LENGTHS, (before + room, room), strict=True):
            if name in self.beside:
                told[name] = min(self.beside[name], most)
        return told

    def room(self, action: Any, before: int) -> int | None:
        """How many tokens it lets be written where the cell is silent; None where it says nothing that can be kept."""
        longest = self.beside.get("max_length")
        if action.max_output_length is not None or longest is None or longest <= before:
            return None
        return int(longest - before)

    def notes(self, subject: str) -> tuple[str, ...]:
        """All of it, in a line or two; nothing where there is none."""
        names = {ours: name for name, ours in _FIELDS.items()}
        said = {**{names[ours]: value for ours, value in self.fields.items()}, **self.beside}
        follows = f"{subject} has habits of its own, where the cell says nothing: {_each(said)}"
        ignored = f"{subject} asks for {_each(self.unheeded)}, which is not followed"
        return (*([follows] if said else []), *([ignored] if self.unheeded else []))


def _each(values: Mapping[str, Any]) -> str:
    return listing([f"{name} {_value(value)}" for name, value in values.items()], "and")


_SHARES = ("temperature", "top_p", "repetition_penalty", "length_penalty")
_MOST = {"num_beams": 64, "max_new_tokens": 2**31}


def _check(name: str, value: Any) -> None:
    """WeightsError for what no call could say either."""
    if name == "early_stopping":
        right = value in (True, False, "never")
    elif name == "stop_strings":
        right = isinstance(value, list) and all(isinstance(each, str) and each for each in value)
    elif name in _SHARES:
        right = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        right = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST.get(name, 2**31)
    if not right:
        raise WeightsError(f"the model's generation_config says {name}: {_value(value)}, which is none", fix=AGAIN)


def _value(value: Any) -> str:
    return shown(value, 40)
