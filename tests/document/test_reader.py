"""mc_jupyter.document.spec: what documents may say, and what is said of those that may not."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import mc_jupyter as mc
from mc_jupyter.document.spec import Spec
from mc_jupyter.errors import ComposeError, SpecError
from mc_jupyter.language.inputs import inputs_of

BLOCKS = sorted((Path(__file__).parents[1] / "language" / "blocks").glob("*.yml"))


def documents(block: Path) -> list[str]:
    """The documents of a seed block: fragments stand inside a component, and block 41 holds two."""
    text = block.read_text(encoding="utf-8")
    if "\npeft_adapters:" in f"\n{text}":
        inside = "".join(f"  {line}\n" for line in text.splitlines())
        return [f"component:\n  type: model\n  task: text-generation\n  model: gpt2\n{inside}"]
    if text.count("\ncomponent:") + text.startswith("component:") > 1:
        head, *rest = text.split("\n\n")
        return [head, *rest]
    return [text]


def test_there_are_45_blocks() -> None:
    assert len(BLOCKS) == 45


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.stem)
def test_every_seed_block_is_read(block: Path) -> None:
    for text in documents(block):
        spec = mc.read(text)
        assert spec.components or spec.workflows


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.stem)
def test_no_field_of_a_seed_block_is_dropped(block: Path) -> None:
    """Every key of the text is a field of the component or of its action, with the text's value or what it means."""
    for text in documents(block):
        for component in mc.read(text).components:
            written = {k: v for k, v in component.written.items() if k not in ("id", "type", "params")}
            written |= component.written.get("params") or {}
            if component.type.name.startswith("http"):
                written.pop("params", None)
            action = component.actions[0]
            fields = {**component.settings.__dict__, **action.fields.__dict__}
            other = {"architecture": "family", "prompt": "text"}
            for key in written:
                assert key in fields or other.get(key) in fields, key
                assert key in {*component.settings.model_fields_set, *action.fields.model_fields_set} or other.get(key)


# --- both editions ----------------------------------------------------------------------------------------------------

INLINE = """
component:
  type: model
  task: text-generation
  model: gpt2
  text: ${input.prompt as text}
  params:
    max_output_length: 10
    temperature: 0.5
  output: ${result}
"""
SAME = {
    "action": """
component:
  type: model
  task: text-generation
  model: gpt2
  action:
    prompt: ${input.prompt as text}
    max_output_length: 10
    params: {temperature: 0.5}
    output: ${result}
""",
    "actions": """
components:
  - type: model
    task: text-generation
    model: gpt2
    actions:
      - text: ${input.prompt as text}
        params: {max_output_length: 10, temperature: 0.5}
        output: ${result}
""",
    "mixed": """
component:
  type: model
  task: text-generation
  model: gpt2
  temperature: 0.5
  action: {text: "${input.prompt as text}", max_output_length: 10, output: "${result}"}
""",
}


@pytest.mark.parametrize("spelling", SAME)
def test_both_editions_spellings_mean_the_same(spelling: str) -> None:
    expected = mc.read(INLINE).components[0].actions[0].fields
    assert mc.read(SAME[spelling]).components[0].actions[0].fields == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("task: image-upscale\n  architecture: esrgan", "task: image-upscaling\n  family: esrgan"),
        ("task: image-generation\n  params: {num_inference_steps: 5}", "task: image-generation\n  inference_steps: 5"),
        (
            "task: text-generation\n  peft_adapters: [{model: a/b}]",
            "task: text-generation\n  peft_adapter: {model: a/b}",
        ),
        ("task: text-embedding\n  text: hi", "task: text-embedding\n  prompt: hi"),
    ],
)
def test_names_of_either_edition_are_one_field(one: str, other: str) -> None:
    def fields(lines: str) -> tuple[object, object]:
        component = mc.read(f"component:\n  type: model\n  model: x/y\n  {lines}\n").components[0]
        return component.settings.model_dump(exclude={"task"}), component.actions[0].fields.model_dump()

    assert fields(one) == fields(other)


def test_a_job_may_be_inline_under_job_or_under_jobs() -> None:
    component = "component: {type: shell, command: ['true']}\n"
    forms = ("{component: __default__}", "{job: {component: __default__}}", "{jobs: [{component: __default__}]}")
    jobs = [mc.read(f"workflow: {form}\n{component}").workflows[0].jobs[0].fields for form in forms]
    assert jobs[0] == jobs[1] == jobs[2]


def test_action_is_the_older_word_for_a_component_job() -> None:
    text = "workflow: {jobs: [{id: a, type: TYPE}]}\ncomponent: {type: shell, command: ['true']}"
    old, new = (mc.read(text.replace("TYPE", word)).workflows[0].jobs[0] for word in ("action", "component"))
    assert old.fields == new.fields


@pytest.mark.parametrize(
    ("job", "goes_to"),
    [
        ("{id: j, type: if, input: 1, value: 2, if_true: a, if_false: b}", {"a", "b"}),
        (
            "{id: j, type: if, conditions: [{value: 1, if_true: a}, {value: 2, if_true: b}], otherwise: c}",
            {"a", "b", "c"},
        ),
        ("{id: j, type: switch, cases: [{value: 1, then: a}], otherwise: b}", {"a", "b"}),
        ("{id: j, type: switch, value: 1, then: a}", {"a"}),
        ("{id: j, type: random-router, routings: [{to: a}, {target: b}]}", {"a", "b"}),
        ("{id: j, type: delay, duration: 1s}", set()),
    ],
)
def test_a_branching_job_says_where_it_may_go(job: str, goes_to: set[str]) -> None:
    others = ", ".join(f"{{id: {name}, type: delay}}" for name in "abc")
    found = mc.read(f"workflow: {{jobs: [{job}, {others}]}}").workflows[0].jobs[0]
    assert set(found.type.targets(found.fields)) == goes_to
    with pytest.raises(mc.SpecError, match="names a job .*, which there is not") if goes_to else nullcontext():
        mc.read(f"workflow: {{jobs: [{job}]}}")


@pytest.mark.parametrize(
    ("job", "problem"),
    [
        ("type: component, component: {type: shell, comand: [ls]}", "unknown key 'comand'"),
        ("type: for-each, do: {component: {type: shell, comand: [ls]}}", "unknown key 'comand'"),
        ("type: for-each, do: {component: m, action: x}", "has no action 'x'"),
        ("type: accumulate, do: {component: [m]}", "a component is its name or a mapping"),
    ],
)
def test_what_a_job_calls_is_checked(job: str, problem: str) -> None:
    with pytest.raises(mc.SpecError, match=problem) as caught:
        mc.read(f"workflow: {{job: {{{job}}}}}\ncomponent: {{id: m, type: shell, command: [ls]}}")
    assert {p.place.line for p in caught.value.problems if p.place} == {1}


def test_a_route_may_say_target_or_to() -> None:
    text = "workflow: {jobs: [{id: r, type: random-router, routings: [{KEY: a}]}, {id: a}]}\n"
    text += "component: {type: shell, command: ['true']}"
    old, new = (mc.read(text.replace("KEY", word)).workflows[0].jobs[0].fields for word in ("target", "to"))
    assert old == new


def test_waiting_is_inferred_from_expressions() -> None:
    block = next(b for b in BLOCKS if b.stem == "17")
    jobs = mc.read(block.read_text(encoding="utf-8")).workflows[0].jobs
    assert {job.id: set(job.after) for job in jobs} == {"embed-query": set(), "search": {"embed-query"}}


def test_a_component_without_an_action_gets_its_tasks_input() -> None:
    inputs = {}
    for task in ("text-generation", "text-classification", "chat-completion", "image-to-text"):
        action = mc.read(f"component: {{type: model, task: {task}, model: x/y}}").components[0].actions[0]
        inputs[task] = [i.names for i in inputs_of(action.written, type(action.fields))]
    assert inputs == {
        "text-generation": [("prompt", "text")],
        "text-classification": [("text", "prompt")],
        "chat-completion": [("messages",)],
        "image-to-text": [("image",)],
    }


def test_a_missing_task_is_text_generation_and_said() -> None:
    spec = mc.read("component: {type: model, model: gpt2}")
    assert spec.components[0].settings.task == "text-generation"
    assert any("task: text-generation" in remark for remark in spec.notes)


def test_parts_of_a_whole_model_compose_file_are_left_out_with_a_remark() -> None:
    spec = mc.read("controller: {type: http-server, port: 8080}\ncomponent: {type: model, model: gpt2}")
    assert any("controller" in remark for remark in spec.notes)


# --- what is wrong ----------------------------------------------------------------------------------------------------


def problems(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        mc.read(text)
    return [
        f"{p.place.line if p.place else '?'}: {p.message}{' | ' + p.fix if p.fix else ''}"
        for p in caught.value.problems
    ]


def test_all_problems_of_a_cell_are_told_at_once() -> None:
    found = problems("""
component:
  type: model
  task: text-generation
  model: gpt2
  devise: cpu
  precision: fp16
  text: ${inptu.x}
  params:
    temprature: 1
    top_p: 7
    max_output_length: many
  model: other
""")
    assert [f.split(" | ")[0] for f in found] == [
        "6: unknown key 'devise'",
        "7: precision is 'fp16', which is not one of 'auto', 'float32', 'float16' or 'bfloat16'",
        "8: ${inptu.x} names 'inptu', which is not known here",
        "10: unknown key 'temprature'",
        "11: top_p should be at most 1, and is 7",
        "12: max_output_length should be a whole number, and is 'many'",
        "13: the key 'model' was given before, on line 5",
    ]
    hints = [f.partition(" | ")[2] for f in found]
    assert hints[0] == "did you mean 'device'?"
    assert hints[1] == "did you mean 'float16'?"
    assert hints[2] == "did you mean 'input'? ${input.x}"
    assert hints[3] == "did you mean 'temperature'?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("component: {type: model, task: text-clasification}", "no task 'text-clasification'; did you mean"),
        ("component: {type: model, driver: huggingfase}", "no driver 'huggingfase'; did you mean 'huggingface'?"),
        ("component: {type: modle}", "no component type 'modle'; did you mean 'model'?"),
        ("component: {task: text-generation}", "a component needs type:"),
        ("componet: {type: model}", "unknown key 'componet' | did you mean 'component'?"),
        ("component: [1]", "a component is a mapping"),
        ("- 1", "a document is a mapping"),
        ("component: {type: model, text: 5}", "text should be text or a list, and is 5 | write it in quotes"),
        ("component: {type: model, model: {provider: hugingface, repository: x}}", "has no known provider"),
        ("component: {type: model, model: {repositry: x}}", "unknown key 'repositry' | did you mean 'repository'?"),
        ("component: {type: model, device: gpu}", "'gpu' is not a device"),
        ("component: {type: model, prompt: a, text: b}", "text is given twice"),
        ("component: {type: model, params: {temperature: 1}, temperature: 1}", "temperature is given twice"),
        ("component: {type: model, do_sample: false, temperature: 1}", "temperature has no effect"),
        ("component: {type: model, length_penalty: 2}", "only in beam search"),
        ("component: {type: model, streaming: true, num_beams: 2}", "no text to show before its end"),
        ("component: {type: model, num_return_sequences: 3, num_beams: 2}", "gives only num_beams (2)"),
        ("component: {type: model, num_return_sequences: 2, temperature: 0}", "remove temperature: 0"),
        ("component: {type: model, min_output_length: 9, max_output_length: 3}", "9 is more than max_output_length 3"),
        ("component: {type: model, model: '${input.model}'}", "decided before it is called"),
        ("component: {type: model, output: '${reslut.x}'}", "did you mean 'result'?"),
        ("component: {type: model, action: {device: cpu}}", "device belongs to the component"),
        ("component: {type: model, action: {}, actions: []}", "action and actions are both given"),
        ("component: {type: http-client, endpoint: http://x, path: /y}", "both say where"),
        ("component: {type: http-client, path: /y}", "needs base_url"),
        ("workflow: {jobs: [{}, {}]}\ncomponent: {type: model}", "two jobs have the id '__job__'"),
        ("workflow: {jobs: [{id: a, type: compnent}]}", "no job type 'compnent'; did you mean 'component'?"),
        (
            "workflow: {jobs: [{id: a, depends_on: [b]}, {id: b, depends_on: [a]}]}",
            "jobs wait for each other: a → b → a",
        ),
        ("workflow: {jobs: [{id: a, depends_on: [c]}]}", "names a job 'c', which there is not"),
        ("workflow: {jobs: [{id: a, component: m, action: x}]}\ncomponent: {id: m, type: model}", "has no action 'x'"),
        ("component: {type: model, actions: [{id: a},\n {id: a}]}", "2: two actions have the id 'a'"),
        (
            "component: {type: model, task: text-generation, stop_sequences: yes}",
            "stop_sequences should be a list",
        ),
        (
            "component: {type: model, task: text-generation, stop_sequences: 3}",
            "stop_sequences should be a list",
        ),
        ("components: [{id: a, type: model}, {id: a, type: model}]", "1: two components have the id 'a'"),
        ("workflows: [{id: w},\n {id: w}]", "2: two workflows have the id 'w'"),
        ("component: {type: model, text: }", "text should be text"),
        ("", "empty"),
        (
            "type: model\ntask: text-generation",
            "type and task stand at the top: a component's fields are indented under component:",
        ),
        ("component: {type: model, text: 'a ${input.x'}", "begins no expression here"),
        ("component: {type: model, top_k: true}", "top_k should be a number"),
        (
            "component: {type: model, actions: [{id: a, default: true}, {id: b, default: true}]}",
            "2 actions are marked as the default",
        ),
        (
            "workflow: {job: {component: m}}\ncomponent: {id: m, type: model, model: x/y, actions: [{id: a}, {id: b}]}",
            "component 'm' has 2 actions, and none is marked as the default",
        ),
        (
            "workflow: {job: {type: for-each, input: 1, do: {component: m}}}\n"
            "component: {id: m, type: model, model: x/y, actions: [{id: a}, {id: b}]}",
            "component 'm' has 2 actions, and none is marked as the default",
        ),
        ("workflow: {job: {type: []}}", "no job type '[]'"),
        ("component: []", "neither a component nor a workflow"),
        ("component:\n  type: model\n  text: |\n    a\n    ${inptu.x}\n", "5: ${inptu.x} names 'inptu'"),
    ],
)
def test_one_thing_wrong_is_one_line(text: str, expected: str) -> None:
    found = problems(text)
    assert any(expected in line for line in found), found
    assert len(found) == 1


def test_a_problem_shows_its_line_and_a_caret() -> None:
    with pytest.raises(SpecError) as caught:
        mc.read("component:\n  type: model\n  params:\n    temprature: 1\n", first_line=2)
    assert str(caught.value) == (
        "line 5: unknown key 'temprature'\n        temprature: 1\n        ^^^^^^^^^^\n    → did you mean 'temperature'?"
    )


def test_expressions_in_flow_yaml_need_no_quotes() -> None:
    spec = mc.read("component: {type: model, text: ${input.query as text | a, b: {c}}}")
    fields: Any = spec.components[0].actions[0].fields
    assert fields.text == "${input.query as text | a, b: {c}}"


# --- any text ---------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["component", "components", "type", "model", "task", "text-generation", "action", "params", "text", "${input.x}",
     "workflow", "jobs", "id", "output", "[", "]", "{", "}", ":", "-", "\n", "\n  ", "\n    ", " ", "temperature", "1",
     "&a", "*a", "<<", "!!int", "'", '"', "|", ">", "#", "null", "driver", "echo", "${", "...", "?", "messages", "role"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=40).map("".join)))
def test_any_text_is_a_spec_or_a_compose_error(text: str) -> None:
    try:
        assert isinstance(mc.read(text), Spec)
    except ComposeError as error:
        assert str(error)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(WORDS, VALUES, max_size=6))
def test_any_fields_of_a_component_are_a_spec_or_a_compose_error(fields: dict[str, object]) -> None:
    text = yaml.safe_dump({"component": {"type": "model", "driver": "echo", **fields}}, allow_unicode=True)
    try:
        with mc.Session() as session:
            session.plan(text).lines()
    except ComposeError as error:
        assert str(error)


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=80))
def test_any_prompt_reaches_the_model_unchanged(prompt: str) -> None:
    with mc.Session() as session:
        handle = session.load("component: {type: model, task: text-generation, driver: echo}")
        assert handle(prompt) == prompt


# --- the schema -------------------------------------------------------------------------------------------------------


def test_the_schema_is_json_and_describes_every_field_of_a_task_with_its_limits() -> None:
    schema = json.loads(json.dumps(mc.schema()))
    writer = next(c for c in schema["$defs"]["component"]["oneOf"] if c["title"] == "model text-generation")
    temperature = writer["properties"]["temperature"]
    number = temperature["anyOf"][0]
    assert (number["minimum"], number["maximum"]) == (0, 2)
    assert temperature["description"]
    assert all(field.get("description") for name, field in writer["properties"].items()
               if name not in ("id", "type", "task", "action", "actions", "params", "default"))  # fmt: skip


def test_every_seed_block_fits_the_schema() -> None:
    Draft202012Validator.check_schema(mc.schema())
    validator = Draft202012Validator(mc.schema())
    for block in BLOCKS:
        for text in documents(block):
            assert list(validator.iter_errors(mc.parse(text, env={"HUGGINGFACE_TOKEN": "x"}))) == []


def test_of_thousands_of_problems_the_first_hundred_are_told(session: mc.Session) -> None:
    keys = ", ".join(f"k{number}: 1" for number in range(3000))
    with pytest.raises(SpecError) as caught:
        session.plan(f"component: {{type: text-splitter, {keys}}}")
    assert len(caught.value.problems) == 101
    assert str(caught.value).endswith("and 2,900 more")


# --- engines that are not here ----------------------------------------------------------------------------------------

FOREIGN = """component:
  type: TYPE
  driver: ENGINE
  model: {repository: a/b, trust_remote_code: true}
  quantization: awq
  context_length: 4096
  device: NPU:0
  params: {temperature: hot, top_n: 3}
  text: ${input.prompt as text}
"""


@pytest.mark.parametrize("engine", ["llamacpp", "vllm", "unsloth", "custom"])
def test_a_document_of_another_engine_names_the_engine_before_its_fields(engine: str) -> None:
    text = FOREIGN.replace("TYPE", "model").replace("ENGINE", engine)
    with pytest.raises(mc.NotBuilt) as caught:
        mc.Session().load(text)
    assert f"driver: {engine} does not perform" in str(caught.value)
    assert "line 3" in str(caught.value)
    (note,) = (note for note in mc.read(text).notes if "not read" in note)
    for field in ("trust_remote_code", "model"), ("quantization",), ("context_length",), ("device",), ("temperature",):
        assert any(name in note for name in field)


def test_a_store_that_is_not_here_is_named_before_its_fields() -> None:
    text = "component:\n  type: vector-store\n  driver: qdrant\n  collection: x\n  hnsw: {m: 16}\n"
    with pytest.raises(mc.NotBuilt, match="driver: qdrant"):
        mc.Session().load(text)


def test_a_misspelt_engine_is_told_before_its_fields() -> None:
    with pytest.raises(mc.SpecError) as caught:
        mc.read(FOREIGN.replace("TYPE", "model").replace("ENGINE", "lamacpp"))
    assert [p.message for p in caught.value.problems] == ["no driver 'lamacpp'; did you mean 'llamacpp'?"]
