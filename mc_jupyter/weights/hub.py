"""The talk with the Hugging Face hub: what a repository holds, where it is on this disk, and why it cannot be had.

The cache is the one every Hugging Face library shares (`models--OWNER--NAME/{blobs,refs,snapshots}`, see
https://huggingface.co/docs/huggingface_hub/guides/manage-cache). Beside it, `mc_jupyter/COMMIT.json` keeps what the hub
said a commit holds: with that, whether everything is here is known without asking again.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote

from mc_jupyter.errors import AccessDenied, BadToken, NeedsToken, NoSuchModel, Offline, WeightsError
from mc_jupyter.language.fields import HubSource
from mc_jupyter.trust import names as naming
from mc_jupyter.trust.environment import HUB_TOKENS, Keeper
from mc_jupyter.trust.secrets import Secret, hidden
from mc_jupyter.weights import answers
from mc_jupyter.weights.reading import INDEX, Config, read_config, read_text, shown
from mc_jupyter.words import did_you_mean

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.hf_api import RepoSibling

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHORT_COMMIT = re.compile(r"[0-9a-f]{7,39}")
_LONGEST_REF = 1000  # bytes
_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_TOKEN = re.compile(r"[!-~]+")
_NAMED = re.compile(r"//[^/]*@")


# ── the cache ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a repository: its size, and its hash (of large files their SHA-256, of small ones git's SHA-1)."""

    name: str
    size: int
    sha256: str | None = None
    sha1: str | None = None

    @property
    def etag(self) -> str | None:
        """The name of its blob in the cache."""
        return self.sha256 or self.sha1


@dataclass(frozen=True, slots=True)
class Listing:
    """All files of one commit of a repository."""

    commit: str
    entries: tuple[Entry, ...]

    @property
    def names(self) -> list[str]:
        return [entry.name for entry in self.entries]

    def some(self, names: Sequence[str]) -> list[Entry]:
        wanted = set(names)
        return [entry for entry in self.entries if entry.name in wanted]


def cache_root() -> Path:
    """Where the hub's models are kept on this disk. Follows its variables as they are now, not as at its import."""
    home = os.environ.get("HF_HOME") or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or os.path.join(home, "hub")
    return Path(os.path.expandvars(named)).expanduser()


def cache_folder(source: HubSource) -> Path:
    """Where the repository is kept on this disk."""
    root = cache_root() if source.cache_dir is None else Path(source.cache_dir).expanduser()
    return root / "--".join(["models", *source.repository.split("/")])


def commit_here(source: HubSource) -> str | None:
    """The commit that the source's revision is on this disk. Asks nobody."""
    revision = source.revision or "main"
    if _COMMIT.fullmatch(revision):
        return revision
    ref = ref_file(source)
    if ref.is_file():
        commit = read_text(ref, _LONGEST_REF).strip()
        return commit if _COMMIT.fullmatch(commit) else None
    if _SHORT_COMMIT.fullmatch(revision):
        known = [folder.name for folder in snapshots(source) if folder.name.startswith(revision)]
        return known[0] if len(known) == 1 else None
    return None


def ref_file(source: HubSource) -> Path:
    """Where the commit of the source's branch or tag is written on this disk. NoSuchModel for what can be no branch."""
    revision = source.revision or "main"
    if why := naming.fault(revision):
        raise NoSuchModel(f"`revision: {shown(revision)}` {why}", fix="a branch, a tag or a commit, such as main")
    return cache_folder(source) / "refs" / revision


def snapshots(source: HubSource) -> list[Path]:
    """The folders of the commits that are here, whole or not."""
    folder = cache_folder(source) / "snapshots"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _listing_file(source: HubSource, commit: str) -> Path:
    return cache_folder(source) / "mc_jupyter" / f"{commit}.json"


def listing_here(source: HubSource, commit: str) -> Listing | None:
    """What the hub said this commit holds when it was last asked; None when nobody asked it.

    A file of another version, or of somebody else's making, counts as none: the hub is asked again.
    """
    file = _listing_file(source, commit)
    if not file.exists():
        return None
    try:
        kept = read_config(file, INDEX)
        return Listing(commit, tuple(_kept(each) for each in kept.each_in("files")))
    except WeightsError:
        return None


def _kept(entry: Config) -> Entry:
    """One file of a kept listing. WeightsError where it is not as `_keep` writes it."""
    name, size = entry.text("name"), entry.number("size")
    if entry.keys() != {"name", "size", "sha256", "sha1"} or name is None or size is None:
        raise WeightsError(f"{entry.file} was kept by another version")
    return _entry(name, size, entry.text("sha256"), entry.text("sha1"))


def _keep(source: HubSource, listing: Listing) -> None:
    file = _listing_file(source, listing.commit)
    draft = file.with_suffix(f".{os.getpid()}.draft")
    # A cache that others filled may be read-only: then the hub is asked again the next time.
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps({"files": [asdict(entry) for entry in listing.entries]}), encoding="utf-8")
        draft.replace(file)


def missing(folder: Path, entries: Sequence[Entry]) -> list[str]:
    """Which of the files are not in the folder with the size they must have."""
    return [entry.name for entry in entries if not has_size(folder / entry.name, entry.size)]


def has_size(file: Path, size: int) -> bool:
    return file.is_file() and file.stat().st_size == size


# ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def offline_because(source: HubSource) -> str | None:
    """What forbids asking the hub, in words; None when it may be asked."""
    if source.local_files_only:
        return "`local_files_only: true`"
    return offline()


def offline() -> str | None:
    """What keeps this kernel from asking the hub, whatever a cell says; None when nothing does."""
    if variable := offline_variable():
        return variable
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is not None and constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE when this kernel imported huggingface_hub (restart it to go online)"
    return None


def offline_variable() -> str | None:
    """The environment variable that says to stay offline, as `HF_HUB_OFFLINE=1`; None when none does.

    Read as huggingface_hub reads it (2.4, `constants.py`): 1, on, yes and true in any case, and nothing else;
    `TRANSFORMERS_OFFLINE` counts only where `HF_HUB_OFFLINE` is not set, or empty.
    """
    name = "HF_HUB_OFFLINE" if os.environ.get("HF_HUB_OFFLINE") else "TRANSFORMERS_OFFLINE"
    value = os.environ.get(name, "")
    return f"{name}={value}" if value.upper() in ("1", "ON", "YES", "TRUE") else None


def to_go_online(source: HubSource) -> str:
    """How its user lets the hub be asked for this once; what has come then stays on this disk."""
    if source.local_files_only:
        return "to allow it once, run the cell without local_files_only: true"
    name = "HF_HUB_OFFLINE" if os.environ.get("HF_HUB_OFFLINE") or not offline_variable() else "TRANSFORMERS_OFFLINE"
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is not None and constants.HF_HUB_OFFLINE:  # read at its import, and never again
        return f"to allow it once, restart the kernel, and before this cell run: %env {name}=0"
    return f"to allow it once, before this cell run: %env {name}=0"


def folder_meant(source: HubSource) -> str | None:
    """The line of the cell where a folder or file on this disk has the name that is taken for the hub's."""
    name = source.repository
    try:
        there = naming.fault(name) is None and os.path.exists(name)
    except (OSError, ValueError):
        return None
    return f"{name} is also here on this disk, as model: ./{name}" if there else None


def endpoint() -> str:
    """The hub's address: `HF_ENDPOINT`, or the public hub."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def address() -> str:
    """The hub's address as it may be shown: one of a mirror may hold a name and a password."""
    return _NAMED.sub("//", endpoint())


def keeper() -> Keeper:
    """Who is sent a model's token."""
    return Keeper(address(), HUB_TOKENS)


def token_of(source: HubSource) -> tuple[Secret | None, str]:
    """(the token to send, where it is from). BadToken for what is none: a library's error would quote it."""
    from huggingface_hub import get_token

    where = "the cell's `token:`" if source.token is not None else "the stored login"
    if source.token is None and os.environ.get("HF_TOKEN"):
        where = "HF_TOKEN"
    token = source.token or (Secret(stored) if (stored := get_token()) else None)
    if token is not None and not _TOKEN.fullmatch(token.reveal()):
        raise BadToken(
            f"the token from {where} holds what no token does: a blank, a line's end or an odd letter",
            fix="set it again, without them",
        )
    return token, where


def sent(source: HubSource) -> str | bool:
    """The token as huggingface_hub takes it; False says that none is sent, a stored one neither."""
    token, _ = token_of(source)
    return token.reveal() if token else False


def ask(source: HubSource, *, revision: str | None = None) -> Listing:
    """What the repository holds at its revision (or at another). One request; the answer is kept beside the cache."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    from huggingface_hub.hf_api import ModelInfo
    from huggingface_hub.utils import hf_raise_for_status, validate_repo_id  # type: ignore[attr-defined]

    wanted = f"/revision/{quote(revision or source.revision or '', safe='')}" if revision or source.revision else ""
    try:
        validate_repo_id(source.repository)
        url = f"{endpoint()}/api/models/{source.repository}{wanted}"
        answer = answers.whole(answers.asked(url, sent(source), blobs="true"), address())
        hf_raise_for_status(answer)
        info = ModelInfo(**answer.json())  # type: ignore[no-untyped-call]
    except HFValidationError:
        raise NoSuchModel(
            f"`{source.repository}` is not the name of a repository: that is OWNER/NAME or NAME",
            fix="a folder on this disk starts with /, ./, ../ or ~",
        ) from None
    except HfHubHTTPError as error:
        explain(error, source)
    except broken_connection() as error:
        no_connection(error, source)
    except _OTHER_SHAPES:
        raise WeightsError(f"{address()} does not say what `{source.repository}` holds", fix=_MIRROR) from None
    if not isinstance(info.sha, str) or not _COMMIT.fullmatch(info.sha):
        raise WeightsError(f"{address()} does not say which commit of `{source.repository}` it has", fix=_MIRROR)
    listing = Listing(info.sha, tuple(_listed(file) for file in info.siblings or ()))
    _keep(source, listing)
    return listing


_MIRROR = "ask the hub itself: unset HF_ENDPOINT"
# What huggingface_hub (2.4) raises at an answer that is no JSON, nests without end, or is of another shape.
_OTHER_SHAPES = (TypeError, LookupError, ValueError, AttributeError, RecursionError)


def _listed(file: RepoSibling) -> Entry:
    """One file as the hub (or whoever answers in its name) lists it: nothing of it is taken for granted."""
    sha256, sha1 = (file.lfs.sha256, None) if file.lfs else (None, file.blob_id)
    size = file.size or 0
    if not isinstance(size, int) or not 0 <= size < 2**60:
        raise WeightsError(f"{address()} lists {shown(file.rfilename)} with a size that no file has", fix=_MIRROR)
    return _entry(file.rfilename, size, sha256, sha1)


def _entry(name: str, size: int, sha256: object, sha1: object) -> Entry:
    """An entry of a listing. WeightsError for a name that would be a file outside the repository's folder.

    The hashes become file names in the cache, so what is not one is not taken.
    """
    if why := naming.fault(name):
        raise WeightsError(f"{address()} lists a file {shown(name)}, which {why}", fix=_MIRROR)
    return Entry(name, size, _hash(sha256), _hash(sha1))


def _hash(said: object) -> str | None:
    return said if isinstance(said, str) and _HASH.fullmatch(said) else None


# ── why not ──────────────────────────────────────────────────────────────────────────────────────────────────────────


_GIVE_TOKEN = "write `token: ${env.HF_TOKEN}` in the model, or log in with `hf auth login`"


def explain(error: HfHubHTTPError, source: HubSource, filename: str | None = None) -> NoReturn:
    """Raise what the hub's refusal means. The five kinds are told apart by status, X-Error-Code and the token sent.

    Nothing of the answer's own text is shown but the reason: it may quote what was sent.
    """
    status = error.response.status_code
    code = error.response.headers.get("X-Error-Code", "")
    said = error.response.headers.get("X-Error-Message", "")
    token, whose = token_of(source)
    name, page = f"`{source.repository}`", f"{address()}/{source.repository}"
    if code == "RevisionNotFound":
        raise NoSuchModel(
            f"{name} has no revision `{source.revision}`", fix=f"its branches and tags: {page}/tree/main"
        ) from None
    if code == "EntryNotFound":
        raise NoSuchModel(
            f"{name} has no file `{filename or source.filename}`", fix=f"its files: {page}/tree/main"
        ) from None
    if status == 401 and token and (said.startswith("Invalid credentials") or not _is_known(token)):
        raise BadToken(
            f"the hub does not know the token from {whose}", fix=f"make a new one at {address()}/settings/tokens"
        ) from None
    if code == "GatedRepo":
        if token is None:
            raise NeedsToken(
                f"{name} is gated: its owner lets in who has accepted its terms, and no token was given",
                fix=f"accept them at {page}, then {_GIVE_TOKEN}",
            ) from None
        raise AccessDenied(
            f"{name} is gated, and the owner of the token from {whose} has not been let in",
            fix=f"ask for access at {page}",
        ) from None
    if status == 401 and token is None:
        raise NeedsToken(
            f"{name} is not public: it is private, or there is no such repository (the hub says the same of both)",
            fix=f"{_starter_like(source)}{_folder_like(source)}check the name; if it is right, {_GIVE_TOKEN}",
        ) from None
    if status == 403:
        raise AccessDenied(
            f"the token from {whose} may not read {name}",
            fix=f"give it the right to read at {address()}/settings/tokens",
        ) from None
    if status in (401, 404) or "disabled" in said:
        raise NoSuchModel(f"the hub has no repository {name}", fix=_look_at_name(source, token)) from None
    raise WeightsError(f"the hub answered {status} when asked for {name}", fix="try again in a minute") from None


def _starter_like(source: HubSource) -> str:
    from mc_jupyter import starters

    hint = did_you_mean(source.repository, starters.names())
    return hint.replace("'", "'starter:", 1) + " or " if hint else ""


def _look_at_name(source: HubSource, token: Secret | None) -> str:
    private = "; or it is private and the token's owner may not see it" if token else ""
    page = f"{address()}/models?search={source.repository.rpartition('/')[2]}"
    return f"{_starter_like(source)}{_folder_like(source)}check the name at {page}{private}"


def _folder_like(source: HubSource) -> str:
    meant = folder_meant(source)
    return f"{meant}; or " if meant else ""


def _is_known(token: Secret) -> bool:
    """Whether the hub knows the token: a 401 alone does not say if the token or the name is wrong."""
    try:
        answer = answers.whole(answers.asked(f"{endpoint()}/api/whoami-v2", token.reveal()), address())
    except (broken_connection(), WeightsError):
        return True
    return bool(answer.status_code != 401)


def broken_connection() -> type[Exception]:
    """What huggingface_hub's HTTP library (httpx or httpx2, by its version) raises when a request gets no answer."""
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]

    error: type[Exception] = httpx.RequestError
    return error


def no_connection(error: BaseException, source: HubSource) -> NoReturn:
    reason = hidden(str(error)).strip().partition("\n")[0] or type(error).__name__
    raise Offline(
        f"`{source.repository}` is not on this disk as a whole, and {address()} cannot be reached: {reason}",
        fix=_folder_like(source)
        + "connect to the network (or set HF_ENDPOINT to a mirror), or give a folder on this disk",
    ) from None
