"""Templates: `${…}` and its conversions, conditions with patterns, and chat templates in Jinja."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import mc_jupyter as mc
from mc_jupyter.language import expressions
from mc_jupyter.values import Stream
from tests import models
from tests.fuzz import mutation
from tests.fuzz.findings import ROOT
from tests.fuzz.kind import Kind
from tests.language.test_cases import decoded

_TYPES = (
    "text", "string", "markdown", "integer", "number", "boolean", "list", "object", "json", "base64", "image", "audio", "video", "file",
    "select/a,b", "slider/0,1,0.1", "slider/1e400,-1,0", "object/a.b,c", "stream", "stream/json", "event-stream", "text[]", "image[]",
    "image/png[quality=${input.n}]", "image/jpeg[quality=9999]", "text;base64", "text;path", "file;url", "image;data-uri", "nonsense", "list[][]",
)  # fmt: skip
_OPERATORS = (*expressions.OPERATORS, "matches", "", 3)
_PATTERNS = (
    "(a+)+$", "(a|a)*b", "(a|aa)+$", "([a-zA-Z]+)*$", "(.*a){25}", "(x+x+)+y", r"^(\w+\s?)*$", "((((((((((a*)*)*)*)*)*)*)*)*)*)b", "[",
    "(?P<a>", r"\1", "(?=a)*", "a{99999}", "a{1,99999}{1,99999}", r"(?i:\p{L})", "(?<=a+)b", "(?s:.)*" * 20, ".*" * 40 + "b", "(" * 300, "hello", "h.*o$",
)  # fmt: skip
_JINJA = (
    models.CHAT_TEMPLATE, "{% for m in messages %}{{ m.content }}{% endfor %}", "{{ messages[0]['content'] * 10**9 }}",
    "{% for i in range(10**9) %}x{% endfor %}", "{% for i in range(10**4) %}{% for j in range(10**5) %}{% endfor %}{% endfor %}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ cycler.__init__.__globals__.os.popen('touch /tmp/x').read() }}",
    "{{ messages.__class__ }}", "{{ lipsum.__globals__ }}", "{{ self._TemplateReference__context }}", "{% include '/etc/passwd' %}",
    "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}", "{{ 'x'.format.__self__ }}", "{{ '{0.__class__}'.format(1) }}", "{{ raise_exception('no') }}",
    "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}", "{{ strftime_now('%Y') }}",
    "{{ [1] | map('attr', '__class__') | list }}", "{{ 9**9**9 }}", "{{ 'x' | center(10**10) }}", "{{ 'a' | replace('a', 'b' * 10**9) }}",
    "{{ range(10**8) | list | length }}", "{{ 10**4000 }}", "{% generation %}x{% endgeneration %}", "{{ tools }}{{ documents }}", "", " ", "{{ 1 / 0 }}",
    "{{ messages[7].content }}", "{{ none.x.y }}", "{{ messages | tojson(indent=10**9) }}", "{{ 'x' | indent(10**9) }}", "{{ '%1000000000d' % 1 }}",
    "{{ '{:>1000000000}'.format(1) }}", "{{ messages | random }}", "{{ '\\ud800' }}", "{% for m in messages recursive %}{{ loop(messages) }}{% endfor %}",
)  # fmt: skip


class Templates(Kind):
    """A text with expressions over odd inputs; a condition; a chat template, as a chat model is given it."""

    seconds = 12.0

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.model = folder / "llama"
        if not (self.model / "tokenizer.json").is_file():
            models.llama(
                self.model,
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=1,
                num_attention_heads=1,
                num_key_value_heads=1,
            )
        self.session = mc.Session()
        self.session.load(self._chat(models.CHAT_TEMPLATE), "kept")("hello")  # what every case shares stays loaded
        self.session.pin("kept")

    def _chat(self, template: str) -> str:
        return json.dumps({
            "component": {
                "type": "model", "task": "chat-completion", "model": str(self.model), "chat_template": expressions.escape(template),
                "messages": [{"role": "user", "content": "${input.text}"}], "max_output_length": 1, "do_sample": False,
            }
        })  # fmt: skip

    @cached_property
    def cases(self) -> list[tuple[Any, Any]]:
        """Templates of the language's cases, each with its sources."""
        lines = (ROOT / "tests/language/cases.jsonl").read_text("utf-8").splitlines()
        found = [json.loads(line) for line in lines]
        return [(case["template"], case.get("sources", {})) for case in found if case["kind"] == "render"]

    @cached_property
    def texts(self) -> list[str]:
        return [template for template, _ in self.cases if isinstance(template, str)]

    def make(self, dice: Random) -> tuple[str, Any, Any]:
        way = dice.randrange(10)
        if way < 5:
            template, sources = dice.choice(self.cases)
            changed = (
                mutation.mutated_text(dice, template, self.texts, _TYPES)
                if isinstance(template, str)
                else mutation.mutated_tree(dice, template, self.texts)
            )
            if dice.random() < 0.3:
                sources = {name: mutation.mutated_tree(dice, source) for name, source in sources.items()}
            return "render", changed, sources
        if way == 5:
            written = f"${{input.a as {dice.choice(_TYPES)} | {mutation.odd(dice, 3)}}}"
            changed = mutation.mutated_text(dice, written, self.texts, _TYPES) if dice.random() < 0.5 else written
            return "render", changed, {"input": {"a": _value(dice), "n": mutation.odd(dice)}}
        if way == 6:
            words = dice.choice(("a" * 40 + "!", "x" * 3000, "hello", mutation.odd(dice)))
            pattern = dice.choice(_PATTERNS)
            pattern = mutation.mutated_text(dice, pattern, _PATTERNS) if dice.random() < 0.3 else pattern
            plain = {"input": words, "operator": dice.choice(("match", "match", *_OPERATORS)), "value": pattern}
            return "where", mutation.mutated_tree(dice, plain) if dice.random() < 0.3 else plain, {}
        if way == 7:
            return "env", mutation.mutated_text(dice, dice.choice(_ENV), self.texts, _ENV), {}
        template = dice.choice(_JINJA)
        changed = mutation.mutated_text(dice, template, _JINJA, _JINJA) if dice.random() < 0.6 else template
        return "chat", changed, {"text": mutation.odd(dice, 3) if dice.random() < 0.3 else "hello"}

    def attempt(self, case: tuple[str, Any, Any]) -> str:
        way, template, sources = case
        if way == "render":
            found = list(expressions.references(template))
            value = expressions.render(template, _decoded(sources), elementwise=True)
            return repr((found, value if not isinstance(value, Stream) else value.collect()))
        if way == "where":
            return repr(expressions.matches(template, sources))
        if way == "env":
            return repr(
                self.session.plan(
                    json.dumps(
                        {"component": {"type": "model", "task": "text-generation", "driver": "echo", "text": template}}
                    )
                ).lines()
            )
        handle = self.session.load(self._chat(template), "fuzzed")
        return repr(handle(**sources))

    def close(self) -> None:
        self.session.close()


_ENV = (
    "${env.HOME}", "${env.DB_PASS}", "${env.MY_OWN_NAME as text | x}", "${env.GITHUB_PAT as integer}", "a ${env.REDIS_URL} b", "${env.NOT_SET | ${env.JWT}}",
    "${input.a | ${env.PGPASSWORD}}", "${env}", "${env.}", "${env.a.b}", "${env[0]}", "${env[*]}", "${env as json}", "${ env.HF_TOKEN }",
)  # fmt: skip


def _decoded(sources: Any) -> Any:
    """Sources with images and streams in them; as they are where a change made them none."""
    try:
        return decoded(sources)
    except (RecursionError, TypeError, ValueError, OverflowError, MemoryError, AttributeError):
        return sources


def _value(dice: Random) -> Any:
    """What an input may be."""
    way = dice.randrange(6)
    if way == 0:
        return bytes(dice.randrange(256) for _ in range(dice.randrange(40)))
    if way == 1:
        return {"$image": [dice.choice((1, 8)), dice.choice((1, 8))]}
    if way == 2:
        return Path(dice.choice(("missing", "/dev/zero", "..")))
    if way == 3:
        return {"$stream": [mutation.odd(dice), mutation.odd(dice)]}
    if way == 4:
        return {1, 2}
    return mutation.odd(dice)
