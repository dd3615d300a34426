"""Chat templates and patterns in a process apart: the text that transformers makes, and an end in any case."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from mc_jupyter import interrupts
from mc_jupyter.errors import Interrupted
from mc_jupyter.events import Run
from mc_jupyter.trust import apart
from mc_jupyter.trust.apart import Failed, Overrun, Stopped

MESSAGES = [
    {"role": "system", "content": "  You are kind.\n"},
    {"role": "user", "content": "Grüß <b>Gott</b>, what is 2 & 3? 🙂"},
    {
        "role": "assistant",
        "content": "<think>add</think>\n\n5",
        "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 2, "b": 3.5, "c": None}}}],
    },
    {"role": "tool", "name": "add", "content": "5.5"},
    {"role": "user", "content": "Thanks"},
]
TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object", "x": [True, "ü<"]}}}]
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}

# The turns of phrase of the templates that models come with: ChatML, Llama 3, Mistral, Gemma, Qwen, DeepSeek, Phi,
# Zephyr, Command R, and what transformers adds to Jinja.
TEMPLATES = {
    "chatml": """{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + (message['content'] or '') + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}""",
    "llama": """{{- bos_token }}
{%- if strftime_now is defined %}{%- set date_string = strftime_now("%d %b %Y") %}{%- else %}{%- set date_string = "26 Jul 2024" %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content']|trim %}{%- set messages = messages[1:] %}{%- else %}{%- set system_message = "" %}{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\nToday: " + date_string + system_message }}
{%- if tools is not none %}{%- for t in tools %}{{- t | tojson(indent=4) }}{{- "\\n\\n" }}{%- endfor %}{%- endif %}
{%- for message in messages %}
    {%- if 'tool_calls' in message %}{%- set tool_call = message.tool_calls[0].function %}{{- '{"name": "' + tool_call.name + '", "parameters": ' }}{{- tool_call.arguments | tojson }}{{- "}" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}{%- if message.content is mapping or message.content is iterable %}{{- message.content | tojson }}{%- else %}{{- message.content }}{%- endif %}
    {%- else %}{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}{%- endif %}
{%- endfor %}""",
    "mistral": """{%- set ns = namespace(index=0, system="") %}{%- for message in messages %}{%- if message.role == "system" %}{%- set ns.system = ns.system ~ message.content %}{%- endif %}{%- if not (message.get("tool_calls") or message.role == "tool") %}{%- set ns.index = ns.index + 1 %}{%- endif %}{%- endfor %}{{ bos_token }}{% for message in messages|rejectattr("role", "equalto", "system") %}{% if loop.last %}[INST] {{ ns.system }}{{ message.content }} [/INST]{% else %}{{ loop.index0 }}{{ message['content'] }}{{ eos_token }}{% endif %}{% endfor %}{{ ns.index }}""",
    "qwen": """{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>')) %}
        {%- set ns.multi_step_tool = false %}{%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if '</think>' in message.content %}{{- message.content.split('</think>')[-1].lstrip('\\n') }}{%- else %}{{- message.content }}{%- endif %}
    {%- if loop.first or not loop.last %}{{- loop.index0 ~ ns.last_query_index }}{%- endif %}
{%- endfor %}
{%- for tool in tools or [] %}{{- "\\n" }}{{- tool | tojson }}{%- endfor %}""",
    "macros": """{%- macro show(value, depth=0) -%}{%- if value is mapping -%}{ {%- for k, v in value|dictsort -%}{{ k }}:{{ show(v, depth + 1) }}{{ ", " if not loop.last }}{%- endfor -%} }{%- elif value is sequence and value is not string -%}[{{ value|map('string')|join('|') }}]{%- else -%}{{ value|upper }}{%- endif -%}{%- endmacro -%}{% for t in tools or [] %}{{ show(t.function) }}{% endfor %}{{ {'a': 1, 'b': [1, 2]}|tojson(indent=2, sort_keys=true, separators=(',', ' : ')) }}""",
    "generation": """{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}{% else %}{{ m.content|replace('\\n', ' ')|indent(2) }}
{% endif %}{% if loop.index > 3 %}{% break %}{% endif %}{% continue %}x{% endfor %}""",
    "words": """{{ dict(a=1, b=2)|length }}{{ dict.fromkeys(['x'], 0) }}{{ '%s-%05.2f'|format('a', 3.14159) }}{{ range(4)|list }}{{ [3, 1, 2]|sort|first }}{{ none }}{{ missing }}{{ missing|default('d') }}{{ 7 // 2 }}{{ 2 ** 10 }}{{ messages|map(attribute='role')|unique|join(',') }}{{ messages|selectattr('role', 'in', ['user'])|list|length }}{{ 'tags & <b>' | e }}{{ documents is none }}{{ cycler('a', 'b').next() }}   {# a comment #}
  {% if true %}
  kept
  {% endif %}
end
""",
}


@pytest.fixture(autouse=True)
def none_left() -> Iterator[None]:
    yield
    apart.forget()
    assert [
        p for p in psutil.Process().children() if p.status() != psutil.STATUS_ZOMBIE and "_apart" in str(p.cmdline())
    ] == []


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("tools", [None, TOOLS])
def test_a_template_gives_the_text_that_transformers_gives(name: str, tools: Any) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    said = {"tools": tools, "documents": None, "add_generation_prompt": True, **SPECIAL}
    [theirs], _ = render_jinja_template([MESSAGES], chat_template=TEMPLATES[name], **said)
    assert apart.rendered(TEMPLATES[name], {"messages": MESSAGES, **said}) == theirs
    assert len(theirs) > 40


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}", "{{ messages.append(1) }}", "{{ namespace(_x=1) }}", "{{ range(10**9) }}",
        "{{ messages.__class__ }}{{ 1 + 'a' }}", "{{ raise_exception('no') }}", "{% for %}", "{{ x.y.z }}",
        "{% set ns = namespace() %}{% set ns.__class__ = 1 %}",
        "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}", "{{ strftime_now('%') ~ strftime_now(1) }}",
    ],
)  # fmt: skip
def test_what_transformers_refuses_is_refused(template: str) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    with pytest.raises(Exception) as theirs:  # noqa: PT011  (each its own)
        render_jinja_template([MESSAGES], chat_template=template)
    with pytest.raises(Failed) as ours:
        apart.rendered(template, {"messages": MESSAGES})
    assert ours.value.kind == type(theirs.value).__name__


LOOPING = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
# One printed, one compared: both are one call of C code, which looks at no signal.
DOUBLED = "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}"


@pytest.mark.parametrize("template", [LOOPING, DOUBLED])
def test_a_template_that_does_not_end_is_ended(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "TEMPLATE_SECONDS", 0.3)
    with pytest.raises(Overrun, match=r"did not end within 0.3 s"):
        apart.rendered(template, {"messages": []})


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'a' * 10**10 }}",
        "{% set ns = namespace(x='a') %}{% for i in range(60) %}{% set ns.x = ns.x * 2 %}{% endfor %}{{ ns.x }}",
        "{{ 'a'|center(10**10) }}",
        "{{ [1]|batch(10**10, 2)|list }}",
        "{{ '%01000000000000d'|format(1) }}",
        "{{ messages|tojson(indent=10**10) }}",
    ],
)
def test_a_template_that_builds_gigabytes_is_ended_and_told_as_that(template: str) -> None:
    with pytest.raises(Overrun, match="took more than 512 MB of memory"):
        apart.rendered(template, {"messages": MESSAGES})


def test_a_template_writes_no_more_than_a_few_million_letters() -> None:
    with pytest.raises(Overrun, match="writes more than 4,000,000 letters"):
        apart.rendered("{% for i in range(99999) %}{{ 'a' * 100 }}{% endfor %}", {})


def test_a_conversation_that_is_longer_than_that_is_written() -> None:
    said = "a" * 5_000_000
    assert apart.rendered("{{ said }}!", {"said": said}) == said + "!"


def test_a_template_is_ended_by_whoever_stops_its_run() -> None:
    stopped = threading.Event()
    threading.Timer(0.2, stopped.set).start()
    started = time.monotonic()
    with pytest.raises(Stopped):
        apart.rendered(LOOPING, {}, stopped.is_set)
    assert time.monotonic() - started < 2


def test_one_interrupt_ends_a_template() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            apart.rendered(LOOPING, {})
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - started < 2


def test_one_interrupt_ends_a_match_that_a_notebook_waits_for() -> None:
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    with interrupts.stop_on_interrupt(Run()), pytest.raises(Interrupted):
        apart.matches(r"(a+)+b", "a" * 50, 30.0)
    assert time.monotonic() - started < 2


def test_after_one_that_was_ended_the_next_is_done() -> None:
    with pytest.raises(Stopped):
        apart.rendered(LOOPING, {}, lambda: True)
    assert apart.rendered("{{ a }}", {"a": 1}) == "1"


def test_a_process_is_used_again() -> None:
    apart.rendered("a", {})
    [process] = apart._idle
    apart.rendered("b", {})
    assert apart._idle == [process]


def test_several_threads_ask_at_once() -> None:
    found: dict[int, str] = {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: apart.rendered("{{ n }}", {"n": n})})) for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: str(n) for n in range(6)}
    assert len(apart._idle) <= 2


def test_the_process_apart_knows_no_variable_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    apart.rendered("a", {})
    [process] = apart._idle
    assert "HF_TOKEN" not in psutil.Process(process._process.pid).environ()


def test_it_ends_with_the_process_that_started_it() -> None:
    code = (
        "import os; from mc_jupyter.trust import apart; apart.rendered('a', {});"
        "print(apart._idle[0]._process.pid, flush=True); os._exit(0)"
    )
    pid = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.05)
    raise AssertionError(f"{pid} is still there")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such timer here")
@pytest.mark.parametrize(
    "work",
    [f"apart.rendered({LOOPING!r}, {{}})", "apart.matches('(a+)+b', 'a' * 50, 30.0)"],
    ids=["template", "pattern"],
)
def test_it_ends_within_a_moment_of_the_process_that_started_it_also_in_the_midst_of_work(work: str) -> None:
    code = (
        "import threading; from mc_jupyter.trust import apart; apart.rendered('a', {});"
        f"print(apart._idle[0]._process.pid, flush=True); {work}"
    )
    asker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert asker.stdout is not None
    pid = int(asker.stdout.readline())
    time.sleep(0.3)
    asker.kill()
    asker.wait()
    ended = time.monotonic()
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() - ended < 2, f"{pid} is still there"
        time.sleep(0.02)


def test_what_is_no_data_is_shown_as_its_types_name() -> None:
    assert apart.rendered("{{ x }}", {"x": {"image": object(), "n": (1, True, None, 2.5)}}) == str(
        {"image": "<object>", "n": (1, True, None, 2.5)}
    )


def test_a_pattern_matches_as_re_does() -> None:
    for pattern, text in ((r"(a|b)+c", "abac"), (r"(?P<x>\w)(?P=x)", "ab"), (r"\s*\x1c", "\x1c"), (r"\w+\Z", "ſ")):
        assert apart.matches(pattern, text, 1.0) is (re.match(pattern, text) is not None)
    assert apart.matches(rb"(a+)+", b"aa", 1.0)
    assert not apart.matches(r"(?:foo){e<=1}", "fo", 1.0)


def test_a_pattern_that_does_not_end_is_ended() -> None:
    with pytest.raises(Overrun, match=r"did not end within 0.2 s"):
        apart.matches(r"(a+)+b", "a" * 50, 0.2)
