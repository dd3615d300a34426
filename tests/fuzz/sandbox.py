"""Where hostile inputs are tried: a folder, an environment with secrets to be betrayed, and a guard that hears it.

The guard is Python's own audit hook (PEP 578): every file opened for writing, removed or renamed, every process started
and every connection made by Python code is told to it before it happens. What reaches beyond the sandbox is written
down and refused. Native code tells it nothing: for that, a folder beside the sandbox is looked at before and after.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CANARY = "xCANARYx"
"""Stands in every secret; nothing that a user sees may hold it."""

_SECRETS = (
    "DB_PASS", "DB_PASSWORD", "GITHUB_PAT", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "HF_TOKEN",
    "HUGGINGFACE_TOKEN", "SLACK_WEBHOOK_URL", "JWT", "PGPASSWORD", "NPM_AUTH", "MY_OWN_NAME",
)  # fmt: skip
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = frozenset({
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
    "os.utime", "shutil.rmtree",
})  # fmt: skip
_STARTS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty"})
_RUNS = frozenset({"os", "posix", "nt", "subprocess", "builtins", "runpy", "webbrowser"})
_HERE = ("127.0.0.1", "::1", "localhost")


class Sandbox:
    """The folder of one process that tries: `inside` is where it may write, `outside` what it must leave alone."""

    def __init__(self, folder: Path):
        self.folder = folder.resolve()
        self.inside, self.outside = self.folder / "inside", self.folder / "outside"

    def make(self) -> None:
        """Make it, with something to betray; what is there already stays."""
        for name in ("home", "tmp", "work", "made"):
            (self.inside / name).mkdir(parents=True, exist_ok=True)
        self.outside.mkdir(exist_ok=True)
        if not (pipe := self.inside / "work" / "fifo").exists():
            os.mkfifo(pipe)  # whoever opens it waits for ever
        (self.outside / "secret.txt").write_text(f"{CANARY} of a file\n")
        (self.outside / "keep.yml").write_text("component: {type: model, task: text-generation, driver: echo}\n")

    def environment(self, root: Path) -> dict[str, str]:
        """The variables of the process that tries; `root` is where this package lies."""
        home = self.inside / "home"
        secrets = {name: f"{CANARY}_{name}_{'0123456789abcdef' * 2}" for name in _SECRETS}
        return {
            **secrets,
            "REDIS_URL": f"redis://user:{CANARY}_redis@127.0.0.1:1/0",
            "PATH": os.environ.get("PATH", ""), "LANG": os.environ.get("LANG", "C.UTF-8"), "PYTHONPATH": str(root),
            "HOME": str(home), "TMPDIR": str(self.inside / "tmp"), "IPYTHONDIR": str(home / "ipython"),
            "XDG_CACHE_HOME": str(home / "cache"), "HF_HOME": str(home / "huggingface"),
            "MC_JUPYTER_CACHE": str(home / "mc_jupyter"), "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
            "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0", "NO_PROXY": "*",
        }  # fmt: skip

    def left_outside(self) -> dict[str, bytes]:
        """Everything beside the sandbox, by name: the same before and after."""
        found = [self.outside, *self.outside.rglob("*")]
        return {str(one.relative_to(self.folder)): one.read_bytes() if one.is_file() else b"" for one in found}

    def temporary(self) -> int:
        """How many temporary files there are."""
        return sum(1 for _ in (self.inside / "tmp").rglob("*"))


class Guard:
    """Hears what this process does, and refuses what reaches beyond the sandbox. An audit hook stays for good.

    `own` is the package's folder; `by` says who is calling.
    """

    def __init__(self, sandbox: Sandbox, own: str, may_write: bool, by: Callable[[], str]):
        self.own = own
        self.inside = str(sandbox.inside) + os.sep
        self.may_write = may_write
        self.armed = False
        self.heard: list[tuple[str, str]] = []
        """What it objected to, and which frame of ours that came from."""
        self.by = by
        sys.addaudithook(self._hear)

    def _hear(self, event: str, given: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        self.armed = False  # what is asked here is heard, too
        try:
            told = self._objection(event, given)
        finally:
            self.armed = True
        if told is not None:
            if told:
                self.heard.append((told, self.by()))
            raise PermissionError(1, f"the fuzzer's sandbox: {event}")

    def _objection(self, event: str, given: tuple[Any, ...]) -> str | None:
        """What is wrong with this, in words; "" for what is refused and no finding; None for what may be."""
        if event == "open":
            path, mode, flags = given
            writes = (flags or 0) & _WRITES or (isinstance(mode, str) and set(mode) & set("wax+"))
            return self._outside("writes", path) if writes else None
        if event in _CHANGES:
            paths = given[1:2] if event == "os.symlink" else given[:2]  # a link's own text may say anything
            return next((told for path in paths if (told := self._outside(event, path)) is not None), None)
        if event in _STARTS and not self._is_apart(given):
            return f"starts a process: {event} {given[:2]!r}"[:300]
        if event == "socket.connect":
            address = given[1]
            far = isinstance(address, tuple) and address[0] not in _HERE
            return f"connects to {address[0]}" if far else None
        if event == "socket.getaddrinfo":
            return None if given[0] in (None, *_HERE) else f"looks up {given[0]!r}"[:300]
        if event == "exec" and str(getattr(given[0], "co_filename", "")).startswith(self.inside):
            return f"runs the Python of {given[0].co_filename}"
        if event == "pickle.find_class" and str(given[0]) in _RUNS:
            return f"unpickles {given[0]}.{given[1]}"
        if event == "ctypes.dlopen" and str(given[0]).startswith(self.inside):
            return f"loads the library {given[0]}"
        return None

    def _is_apart(self, given: tuple[Any, ...]) -> bool:
        """Whether this starts Python with a file of this package: `trust/apart`, where templates and patterns run."""
        words = given[1] if len(given) > 1 and isinstance(given[1], list | tuple) else ()
        return given[0] == sys.executable and any(os.fsdecode(word).startswith(self.own) for word in words)

    def _outside(self, what: str, path: Any) -> str | None:
        if not isinstance(path, str | bytes | os.PathLike):
            return None  # an open file's number, a mode
        try:
            real = os.path.realpath(os.fsdecode(path))
        except ValueError:  # a NUL in it
            return None
        if f"{real}{os.sep}".startswith(self.inside) or real in ("/dev/null", "/proc/self/clear_refs"):
            return None
        return "" if self.may_write else f"{what} outside the sandbox: {real}"[:300]


def betrayed(text: str) -> str | None:
    """The secret that a text holds, by the words around it."""
    at = text.find(CANARY)
    return None if at < 0 else text[max(0, at - 60) : at + 40]
