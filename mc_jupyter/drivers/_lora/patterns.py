"""The patterns of an adapter's config: which of a model's modules they mean, found within a stated time.

PEFT matches each against the path of every module by `re`, and a stranger's may backtrack for ever. Here names are
looked up, what is more than a name is matched in a process apart, and PEFT is given the paths that are meant.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mc_jupyter.errors import PlanError
from mc_jupyter.trust import apart

SECONDS = 5.0
_LONGEST = 1000  # letters; unsloth's have 400
_NAME = re.compile(r"(\^?)([\w.-]+)(\$?)")
_FLAGS = re.compile(r"(\(\?[aimsux]+\))?(.*)", re.DOTALL)


class Exact(dict[str, Any]):
    """Ranks or alphas by path. PEFT asks for its keys to match them all; there are none, and it looks the path up."""

    def keys(self) -> Any:
        return ()

    def __iter__(self) -> Iterator[str]:
        return iter(())


class Patterns:
    """The patterns of one adapter, which together may take `SECONDS`."""

    def __init__(self, name: str):
        self.name = name
        self.until = time.monotonic() + SECONDS

    def settled(self, config: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
        """The config with paths in the place of patterns, for a model with modules of these paths."""
        paths, made = list(paths), dict(config)
        for key in ("target_modules", "exclude_modules"):
            said = made.get(key)
            # PEFT has a word for all, and refuses a pattern beside numbers of layers by itself.
            if isinstance(said, str) and said.lower() != "all-linear" and not made.get("layers_to_transform"):
                made[key] = [path for path in paths if self._matches(key, said, path)]
        for key in ("rank_pattern", "alpha_pattern"):
            if isinstance(said := made.get(key), Mapping) and not isinstance(said, Exact):
                found = {path: self.meant(key, said, path) for path in paths}
                made[key] = Exact({path: said[each] for path, each in found.items() if each is not None})
        layers = made.get("layers_pattern") or ()
        for each in [layers] if isinstance(layers, str) else layers:
            if not isinstance(each, str) or not _NAME.fullmatch(each):
                raise self._refused("layers_pattern", each, "is more than a name")
        return made

    def meant(self, key: str, patterns: Mapping[str, Any], path: str) -> str | None:
        """The first of the keys of `rank_pattern` or `alpha_pattern` that means a module; None where none does."""
        names = set(_names_of(path)) & patterns.keys()
        for each in patterns:
            if each in names:
                return each
            if not _NAME.fullmatch(each) and self._matches(key, rf"(.*\.)?({each})", path):
                return each
        return None

    def _matches(self, key: str, pattern: str, path: str) -> bool:
        """Whether all of a path is as a pattern says."""
        if len(pattern) > _LONGEST:
            raise self._refused(key, pattern, f"is longer than {_LONGEST} letters")
        left = self.until - time.monotonic()
        flags, rest = _FLAGS.fullmatch(pattern).groups("")  # type: ignore[union-attr]  # it matches everything
        try:
            if left > 0:
                return apart.matches(rf"{flags}(?:{rest})\Z", path, left)
        except apart.Overrun:
            pass
        except apart.Failed as error:
            raise self._refused(key, pattern, f"is no regular expression: {error}") from None
        raise self._refused(key, pattern, f"takes more than {SECONDS:g} s to be matched")

    def _refused(self, key: str, pattern: Any, why: str) -> PlanError:
        said = str(pattern) if len(str(pattern)) < 60 else f"{str(pattern)[:59]}…"
        return PlanError(
            f"adapter {self.name}: {key} {said!r} {why}",
            fix=f"list the modules by name in {key} of adapter_config.json",
        )


def _names_of(path: str) -> Iterator[str]:
    """What a module may be called: its path, and the ends of it; `^` and `$` may say where it begins and ends."""
    words = path.split(".")
    for i in range(len(words)):
        name = ".".join(words[i:])
        yield from (name, f"{name}$")
    yield from (f"^{path}", f"^{path}$")
