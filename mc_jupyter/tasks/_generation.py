"""The fields shared by tasks that write text token by token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mc_jupyter.errors import Problem
from mc_jupyter.language.fields import Bound, Seed
from mc_jupyter.tasks import TaskAction

_SAMPLING = ("temperature", "top_p", "top_k")
_BEAMS = ("length_penalty", "early_stopping")


_ELSEWHERE = {
    **dict.fromkeys(
        ("max_new_tokens", "max_tokens", "max_length", "num_predict", "max_completion_tokens", "n_predict"),
        "max_output_length: is its name here",
    ),
    **dict.fromkeys(("min_new_tokens", "min_length", "min_tokens"), "min_output_length: is its name here"),
    **dict.fromkeys(("stop", "stop_strings", "stop_words", "eos"), "stop_sequences: is its name here"),
    **dict.fromkeys(("n", "num_completions", "num_answers"), "num_return_sequences: is its name here"),
    **dict.fromkeys(("repeat_penalty", "rep_pen"), "repetition_penalty: is its name here"),
    **dict.fromkeys(("stream", "streamer"), "streaming: is its name here"),
    **dict.fromkeys(("random_seed", "manual_seed"), "seed: is its name here"),
    "beams": "num_beams: is its name here",
    **dict.fromkeys(
        ("min_p", "typical_p", "tfs_z", "top_a", "eta_cutoff", "epsilon_cutoff", "mirostat", "mirostat_tau"),
        "remove it: temperature:, top_k: and top_p: say here what is drawn from",
    ),
    **dict.fromkeys(
        ("presence_penalty", "frequency_penalty", "no_repeat_ngram_size", "encoder_repetition_penalty"),
        "remove it: repetition_penalty: is what there is here against repeating",
    ),
    **dict.fromkeys(
        ("ctx", "n_ctx", "num_ctx", "ctx_size", "context_length", "max_model_len"), "max_seq_length: is its name here"
    ),
    **dict.fromkeys(("messages", "system", "system_prompt"), "task: chat-completion takes messages:"),
}
"""Words of transformers, OpenAI's and Ollama's."""


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class GenerationAction(TaskAction):
    """How text is generated. Defaults are model-compose's; names of the arguments they become stand in brackets."""

    elsewhere = _ELSEWHERE

    max_output_length: Bound[Annotated[int, Field(ge=1)]] | None = Field(
        None, description="Most tokens to write [max_new_tokens]; default 1024, or what the model's window leaves."
    )
    min_output_length: Bound[Annotated[int, Field(ge=0)]] = Field(
        1, description="Fewest tokens to write before it may end [min_new_tokens]."
    )
    num_return_sequences: Bound[Annotated[int, Field(ge=1, le=64)]] = Field(
        1, description="How many answers to give for each input; more than one gives a list."
    )
    do_sample: Bound[bool] | None = Field(
        None, description="Draw tokens at random (default), or always take the likeliest (false)."
    )
    temperature: Bound[Annotated[float, Field(ge=0, le=2)]] = Field(
        0.7, description="Randomness: 0 always takes the likeliest token, higher is freer."
    )
    top_k: Bound[Annotated[int, Field(ge=0)]] = Field(50, description="Draw from the k likeliest tokens; 0 from all.")
    top_p: Bound[Annotated[float, Field(gt=0, le=1)]] = Field(
        0.9, description="Draw from the likeliest tokens that together have this probability."
    )
    repetition_penalty: Bound[Annotated[float, Field(ge=0.5, le=2)]] = Field(
        1.0, description="Above 1, tokens already used become less likely."
    )
    num_beams: Bound[Annotated[int, Field(ge=1, le=64)]] = Field(
        1, description="Beam search: how many continuations are followed at once."
    )
    length_penalty: Bound[float] = Field(
        1.0, description="Beam search: above 0 favours long answers, below 0 short ones."
    )
    early_stopping: Bound[bool] = Field(True, description="Beam search: end as soon as num_beams answers are complete.")
    stop_sequences: Annotated[
        Bound[list[str]], BeforeValidator(_one_or_more, json_schema_input_type=str | list[str])
    ] = Field(default_factory=list, description="Texts at which writing stops; they are not part of the answer.")
    max_input_length: Bound[Annotated[int, Field(ge=1)]] | None = Field(
        None, description="Most tokens of input; default: the model's window."
    )
    truncate: Bound[bool] = Field(
        False, description="Cut an input that is too long (its beginning is dropped) instead of refusing it."
    )
    streaming: Bound[bool] = Field(False, description="Give the answer piece by piece, as a stream.")
    seed: Bound[Seed] | None = Field(
        None,
        description="Makes drawing repeatable, each text of a list as if alone; without one, each result says its own.",
    )

    @property
    def samples(self) -> bool:
        """Whether tokens are drawn at random. `temperature: 0` means the likeliest token, whatever do_sample says."""
        return self.do_sample is not False and self.temperature > 0


def check_generation(action: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
    """Fields that would have no effect beside the others that the cell gives."""
    if action.get("do_sample") is False:
        for name in _SAMPLING:
            if name in action:
                yield (
                    name,
                    Problem(f"{name} has no effect with do_sample: false", fix=f"remove {name}, or do_sample: false"),
                )
    if action.get("num_beams", 1) == 1:
        for name in _BEAMS:
            if name in action and action[name] != GenerationAction.model_fields[name].default:
                yield name, Problem(f"{name} has an effect only in beam search", fix="add num_beams: 2 or more")
    elif action.get("streaming") is True:
        yield (
            "streaming",
            Problem("beam search has no text to show before its end", fix="remove streaming, or num_beams"),
        )
    low, high = action.get("min_output_length"), action.get("max_output_length")
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield "min_output_length", Problem(f"min_output_length {low} is more than max_output_length {high}")
    stops = _one_or_more(action.get("stop_sequences"))
    if isinstance(stops, list) and "" in stops:
        yield "stop_sequences", Problem("an empty stop sequence would end every text before it begins", fix="remove it")
    yield from _too_many_answers(action)


def _too_many_answers(action: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
    wanted, beams = action.get("num_return_sequences"), action.get("num_beams", 1)
    if not (isinstance(wanted, int) and isinstance(beams, int) and wanted > beams):
        return
    likeliest = [name for name, value in (("do_sample", False), ("temperature", 0)) if action.get(name) == value]
    if beams > 1:
        said, fix = "beam search gives", f"num_beams: {wanted}, or num_return_sequences: {beams}"
    elif likeliest:
        written = "do_sample: false" if likeliest[0] == "do_sample" else "temperature: 0"
        said, fix = "without sampling there are", f"num_beams: {wanted}, or remove {written}"
    else:
        return
    yield "num_return_sequences", Problem(f"{said} only num_beams ({beams}) different answers", fix=fix)
