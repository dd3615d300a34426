"""What paths lead to, and what leads nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from mc_jupyter.language.expressions import render
from tests.language.expressions.sources import S


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${input.list[-1]}", 3),
        ("${input.list[-4]}", None),
        ("${input.list[3]}", None),
        ("${input.list[1:]}", [2, 3]),
        ("${input.list[:-1]}", [1, 2]),
        ("${input.list[:]}", [1, 2, 3]),
        ("${input.list[5:]}", []),
        ("${input.objs[*].id}", [1, 2]),
        ("${input.objs[*].nope}", [None, None]),
        ("${input.matrix[*][0]}", [1, 3]),
        ("${input.matrix[*][*]}", [[1, 2], [3, 4]]),
        ("${input.s[0]}", None),
        ("${input.list.x}", None),
        ('${input["k h"]}', "odd"),
        ("${input['user'].name}", "Ann"),
        ("${input.user/name}", "Ann"),
        ("${result[0][1]}", 2),
        ("${result[*][0]}", [1, 3]),
        ("${result[-1]}", [3, 4]),
        ("${ input.n }", 3),
        ("${ input . n }", 3),
        ("${input .user . name}", "Ann"),
        ("${input. n as text }", "3"),
        ("${ input . list [ 1 : ] }", [2, 3]),
        ("${ input [ 'user' ] . name }", "Ann"),
        ("${ result [] [0] }", [1, 3]),
        ("${input\n.n}", "${input\n.n}"),
        ("${result[][0]}", [1, 3]),
        ("${input[].n}", None),
    ],
)
def test_paths(text: str, result: Any) -> None:
    assert render(text, S) == result
