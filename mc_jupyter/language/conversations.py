"""Conversations as calls give them: lists of turns, by whichever program, or what to write in place of what is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mc_jupyter.errors import ExpressionError
from mc_jupyter.errors import quoted as brief
from mc_jupyter.trust.permissions import Permissions
from mc_jupyter.values import describe

_TURN = '{"role": "user", "content": …}'


def read(found: Any, permissions: Permissions) -> Any:
    """One conversation or a list of them; objects of other libraries (pydantic's) as the mappings that they are.

    ExpressionError for a text, a turn alone, and what is a conversation in another program's form.
    """
    if isinstance(found, str):
        said = brief(found) if found and "\n" not in found and found.lstrip()[:1] not in "[{" else "…"
        json = ", or json.loads(…) of it" if found.lstrip()[:1] in ("[", "{") else ""
        fix = f'[{{"role": "user", "content": "{said}"}}]{json}'
        raise ExpressionError(f"a conversation is a list of turns, and this is {describe(found)}", fix=fix)
    if isinstance(found, Mapping):
        inside = next((key for key in ("messages", "conversations") if key in found), None)
        fix = f"give row[{inside!r}]" if inside else f"put it in a list: [{_TURN}]"
        raise ExpressionError(f"a conversation is a list of turns, and this is {describe(found)}", fix=fix)
    if not isinstance(found, list | tuple):
        return found
    return [_turns(item, i) for i, item in enumerate(found)]


def _turns(item: Any, place: int) -> Any:
    """A turn, or the turns of a conversation in a list of them."""
    if isinstance(item, list | tuple) and not (item and isinstance(item[0], str)):
        return [_turn(each, f"[{place}][{i}]") for i, each in enumerate(item)]
    return _turn(item, f"[{place}]")


def _turn(item: Any, place: str) -> Any:
    if not isinstance(item, Mapping):
        if callable(dump := getattr(item, "model_dump", None)):
            return _turn(dump(exclude_none=True), place)
        fix = f'write {{"role": "user", "content": {"…" if not isinstance(item, str) else repr(brief(item))}}}'
        raise ExpressionError(f"{place} is {describe(item)}, and no turn of a conversation", fix=fix)
    if "role" not in item:
        _refuse_other_forms(item, place)
    elif isinstance(item.get("content"), list):
        raise ExpressionError(
            f"{place}.content is a list of parts, and this model reads one text",
            fix='"\\n".join(part["text"] for part in content)',
        )
    return item


def _refuse_other_forms(item: Mapping[Any, Any], place: str) -> None:
    if "from" in item and "value" in item:
        raise ExpressionError(
            f"{place} is a turn as ShareGPT writes it: from and value",
            fix='{"role": {"human": "user", "gpt": "assistant"}.get(t["from"], t["from"]), "content": t["value"]}',
        )
    if inside := next((key for key in ("messages", "conversations") if key in item), None):
        raise ExpressionError(
            f"{place} is a record with a conversation in it",
            fix=f"give the conversations: [row[{inside!r}] for row in …]",
        )
