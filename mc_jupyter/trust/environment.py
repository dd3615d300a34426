"""Which environment variables data may read, and by whose word.

A document is data, and may come from anybody; the environment of a kernel holds what nobody else should read. So
`${env.X}` gives a variable only

* that is known to be harmless, and whose value is no secret by its look;
* that its keeper gave anyway: the hub's token as a token to the hub;
* that configuration names: `Session(env=…)`, `%config ComposeMagics.env`, `MC_JUPYTER_ENV`; or a `pyproject.toml` above
  the working folder, once the user has said that its list counts (it may have come with the notebook);
* for which the user has given his word, to this use of it.

Code that somebody runs may give any mapping instead: that is his word. A value that is a secret comes as a `Secret`
whoever allowed it, and goes only where a component keeps it to itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from mc_jupyter.errors import InputError, NeedsWord, PlanError, Problem
from mc_jupyter.trust import project, ways
from mc_jupyter.trust.consent import Consent, Wish, here
from mc_jupyter.trust.secrets import Secret, looks_like_a_secret, names_a_secret

READERS = "whoever reads the notebook"
"""Where the value of a field comes to that is no secret's place."""

HUB_TOKENS = frozenset({"HF_TOKEN", "HUGGINGFACE_TOKEN", "HUGGING_FACE_HUB_TOKEN"})
"""What the hub's own libraries read, and the spelling of model-compose: theirs is the hub, and nobody else."""

# Whose machine this is, how it speaks, where its folders are, how its libraries compute: a notebook's own paths and
# outputs say as much. Left out: HOSTNAME and addresses of proxies, mirrors and services, which describe a network.
HARMLESS = frozenset(
    {
        "HOME", "USER", "LOGNAME", "USERNAME", "USERPROFILE", "SHELL", "PATH", "PWD", "OLDPWD", "TERM", "COLORTERM",
        "NO_COLOR", "COLUMNS", "LINES", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP", "CI", "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HF_HOME", "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "TRANSFORMERS_CACHE", "TORCH_HOME",
        "MC_JUPYTER_CACHE", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_HOME", "HIP_VISIBLE_DEVICES",
        "PYTORCH_ENABLE_MPS_FALLBACK", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
        "NUMEXPR_NUM_THREADS", "TOKENIZERS_PARALLELISM", "PYTHONHASHSEED", "PYTHONUNBUFFERED", "VIRTUAL_ENV",
        "CONDA_PREFIX", "CONDA_DEFAULT_ENV"
    }
)  # fmt: skip
_LOCALE = "LC_*"
_NAME = re.compile(r"[\w*?\[\]!-]+")


@dataclass(frozen=True, slots=True)
class Keeper:
    """Who is sent what stands in a field, and nobody else; `own` are variables that are meant for him anyway."""

    who: str
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Use:
    """One place where a document names a variable: the question it asks, and who keeps what it is given."""

    wish: Wish
    keeper: Keeper | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """Whose word lets data read which variables.

    names       variables and patterns (`DB_*`) that a session's user has named
    everything  nobody is asked
    consent     what the user has been asked, and has said
    """

    names: tuple[str, ...] = ()
    everything: bool = False
    consent: Consent = field(default_factory=Consent)

    def also(self, names: Iterable[str] | str) -> Allowed:
        """With these names in the place of the old ones."""
        return replace(self, names=names_in(names))

    def admits(self, name: str, value: str) -> bool:
        """Whether every document may read this variable."""
        if self.everything or _matches(name, (*self.names, *names_in(os.environ.get("MC_JUPYTER_ENV", "")))):
            return True
        return (name in HARMLESS or fnmatchcase(name, _LOCALE)) and not looks_like_a_secret(value)

    def grants(self, use: Use) -> bool:
        """Whether this one use of a variable needs no question any more."""
        if use.keeper is not None and use.wish.name in use.keeper.own:
            return True
        return self.consent.holds(use.wish) or self._projects(use.wish.name) is True

    def _projects(self, name: str) -> Wish | bool:
        """Whether this folder's project names a variable and counts; where it does not count yet, the question."""
        found = project.nearest()
        if found is None or not _matches(name, found.names):
            return False
        return self.consent.holds(found.wish) or found.wish

    def asking(self, wishes: Sequence[Wish]) -> NeedsWord:
        """The error that shows what is wanted, and how to allow it.

        One that has no place in the document, as the key of a mapping, can be allowed for every cell only.
        """
        names = list(dict.fromkeys(wish.name for wish in wishes))
        projects = {found for name in names if isinstance(found := self._projects(name), Wish)}
        listed = next((found.name for found in projects), None)
        answerable = all(wish.written for wish in wishes)
        fix = ways.to_variables(names, self.consent.where(), answerable=answerable, project=listed)
        told = [Problem(_wanting(wish), wish.place) for wish in wishes]
        error = NeedsWord([*told[:-1], replace(told[-1], fix=fix)])
        error.wishes = (*(wish for wish in wishes if wish.written), *projects)
        return error


def _wanting(wish: Wish) -> str:
    use = f"its field {wish.use}" if wish.written else wish.use
    goes = f"shown to {wish.goes} in this folder" if wish.folder else f"sent to {wish.goes}"
    return f"this cell wants the environment variable {wish.name} for {use}, {goes}"


def names_in(written: Iterable[str] | str) -> tuple[str, ...]:
    """The names and patterns of a list, or of a text with commas. InputError for what can be none."""
    names = re.split(r"[\s,]+", written.strip()) if isinstance(written, str) else list(written)
    for name in names:
        if not isinstance(name, str) or (name and not _NAME.fullmatch(name)):
            raise InputError(f"{name!r} names no environment variable", fix='env=["DB_HOST", "MY_*"]')
    return tuple(name for name in names if name)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


class Environment(Mapping[str, Any]):
    """Environment variables as a document sees them: what it may not read needs the user's word, secrets stay hidden.

    `variables` are all there are, `uses` the places of the document that name some. Looking one up raises NeedsWord,
    with everything that the document wants and may not have, or PlanError for a secret where readers would see it.
    Going over it gives only what may be read.
    """

    def __init__(self, variables: Mapping[str, str], allowed: Allowed | None = None, uses: Sequence[Use] = ()):
        self._variables = variables
        self._allowed = allowed or Allowed()
        self._uses = uses

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Environment:
        """A mapping as an environment: one that code gave may be read, all of it."""
        return given if isinstance(given, Environment) else cls(given, Allowed(everything=True))

    def for_(self, uses: Sequence[Use]) -> Environment:
        """The same for a document, or a part of it, that names variables in these places."""
        return Environment(self._variables, self._allowed, uses)

    def check(self, names: Iterable[str]) -> None:
        """Raise what looking up one of these would, of those that are set."""
        for name in names:
            if name in self:
                self[name]

    def shown(self, name: str) -> str | None:
        """A variable's value where readers may see it, else None."""
        try:
            value = self.get(name)
        except PlanError:
            return None
        return value if isinstance(value, str) else None

    def __getitem__(self, name: str) -> str | Secret:
        value = str(self._variables[name])
        found = Secret(value) if _is_secret(name, value) else value
        uses = [use for use in self._uses if use.wish.name == name]
        if isinstance(found, Secret) and (seen := next((use for use in uses if use.keeper is None), None)):
            raise _seen(seen.wish)
        if not self._readable(name, value):
            raise self._allowed.asking(self._withheld() or [Wish(name, "a text", "", READERS, here())])
        return found

    def _readable(self, name: str, value: str) -> bool:
        if self._allowed.admits(name, value):
            return True
        uses = [use for use in self._uses if use.wish.name == name]
        return bool(uses) and all(map(self._allowed.grants, uses))

    def _withheld(self) -> list[Wish]:
        """Everything that the document names and may not read, each question once."""
        found = [use.wish for use in self._uses if use.wish.name in self and not self._granted(use)]
        return list(dict.fromkeys(found))

    def _granted(self, use: Use) -> bool:
        return self._allowed.admits(use.wish.name, str(self._variables[use.wish.name])) or self._allowed.grants(use)

    def __contains__(self, name: object) -> bool:
        return name in self._variables

    def __iter__(self) -> Iterator[str]:
        return (name for name, value in self._variables.items() if self._readable(name, str(value)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Environment of {len(self._variables)} variables"


def _is_secret(name: str, value: str) -> bool:
    return (names_a_secret(name) and name not in HARMLESS) or looks_like_a_secret(value)


def _seen(wish: Wish) -> PlanError:
    return PlanError(
        f"{wish.name} is a secret by its name or its look, and {wish.use} is shown to every reader",
        place=wish.place,
        fix="write it in a field that keeps secrets, such as token; or, if it is none, give the variable another name",
    )
