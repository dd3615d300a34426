"""Where a model's files come from (the hub, a path, a starter, a name), and what they will take, before they are read.

    find(source)            what is on this disk already; opens no socket
    fetch(source, run)      the same, downloaded first where it must be
    check_again(checkpoint, subject)          before it is loaded: nothing foreign came to its folder since
    estimate(checkpoint, dtype)               memory it will take; a driver's own `estimate` knows better
    check_fits(need, memory, residents, …)    DoesNotFit when there is not that much

The files are chosen in `selection` and looked at in `checkpoint`, over `headers` and `reading`; `foreign` and `unsafe`
say what is refused. The hub is asked in `hub`, bytes come in `download`. Files that have a name and an address of their
own are in `known`, sizes in `memory`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from mc_jupyter.errors import NoSuchModel, Offline, WeightsError
from mc_jupyter.events import Phase, Run
from mc_jupyter.language.fields import Format, HubSource, LocalSource, StarterSource
from mc_jupyter.trust.names import path_fault
from mc_jupyter.weights import hub, known
from mc_jupyter.weights.checkpoint import Checkpoint, index_reader, missing_parts, read
from mc_jupyter.weights.download import Download
from mc_jupyter.weights.foreign import refuse_foreign
from mc_jupyter.weights.formats import ENDINGS, FORMATS, format_of, loadable
from mc_jupyter.weights.memory import Estimate, check_fits, estimate
from mc_jupyter.weights.programs import told
from mc_jupyter.weights.reading import Config, NotWhole, read_json, shown
from mc_jupyter.weights.selection import Chosen, Kind, choose, folders_with_weights
from mc_jupyter.weights.single import KnownFile
from mc_jupyter.weights.unsafe import check_pickle, refuse_pickles
from mc_jupyter.words import did_you_mean, listing

__all__ = ["Checkpoint", "Estimate", "check_again", "check_fits", "check_pickle", "estimate", "fetch", "find"]

Source = HubSource | LocalSource | StarterSource | KnownFile


def find(
    source: Source,
    *,
    allow_pickle: bool = False,
    kind: Kind = "model",
    formats: Sequence[Format] = FORMATS,
    one_file: bool = False,
) -> Checkpoint | None:
    """The model's files, where all of them are on this disk; None when they must be downloaded. Opens no socket.

    `formats` are those the caller can load, the best first. With `one_file` it reads nothing beside a file of weights:
    where one is named, what lies beside it is not looked at.
    """
    try:
        match source:
            case HubSource():
                return _find_in_cache(source, allow_pickle, kind, formats, one_file)
            case LocalSource():
                return _find_local(source.path, source.format, allow_pickle, kind, formats, one_file)
            case StarterSource():
                return _find_local(_starter(source.name, kind), None, allow_pickle, kind, formats, one_file)
            case KnownFile():
                return known.find(source, allow_pickle)
    except (OSError, RuntimeError) as error:  # of the second kind, a home that nobody has (`~nobody/models`)
        why = getattr(error, "strerror", None) or error
        raise WeightsError(f"{_subject(source)} cannot be read: {why}", fix="give a folder that you may read") from None


def fetch(
    source: Source,
    run: Run,
    *,
    allow_pickle: bool = False,
    kind: Kind = "model",
    formats: Sequence[Format] = FORMATS,
    one_file: bool = False,
    before_download: Callable[[int], None] | None = None,
) -> Checkpoint:
    """The model's files, downloaded first where they must be.

    `before_download` is told how many bytes of weights there are before the first of them is fetched, and may raise.
    """
    run.emit(Phase("find", _subject(source)))
    if isinstance(source, KnownFile):
        return known.fetch(source, run, allow_pickle, before_download)
    found = find(source, allow_pickle=allow_pickle, kind=kind, formats=formats, one_file=one_file)
    if not isinstance(source, HubSource):
        assert found is not None, "find answers or raises for what is not on the hub"
        if isinstance(source, LocalSource) and source.format not in (None, found.format):
            run.note(f"`format: {source.format}`: {source.path} holds {found.format} files, which are used")
        return found
    listing = _what_the_hub_has(source, found, kind, formats)
    if listing is None:
        assert found is not None, "what is not here is asked for, or raises"
        run.note(f"{source.repository}: commit {(found.revision or '')[:7]}, on this disk")
        return found
    return _download(source, listing, run, allow_pickle, kind, formats, one_file, before_download)


def check_again(checkpoint: Checkpoint, subject: str, kind: Kind = "model") -> None:
    """As when it was found: nothing foreign is in its folder. Files can come between a plan and a load."""
    if not checkpoint.alone:
        refuse_foreign(checkpoint.folder, subject, kind)


def _looked_at(
    folder: Path, chosen: Chosen, subject: str, kind: Kind, revision: str | None = None, *, alone: bool
) -> Checkpoint:
    """The chosen files, and what their headers say, once it is known that nothing foreign lies beside them."""
    if not alone:
        refuse_foreign(folder, subject, kind)
    return read(folder, chosen, revision, alone=alone)


def _subject(source: Source) -> str:
    match source:
        case HubSource():
            return source.repository
        case LocalSource():
            return source.path
        case StarterSource():
            return f"starter:{source.name}"
        case KnownFile():
            return source.name


# ── the hub ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _find_in_cache(
    source: HubSource, allow_pickle: bool, kind: Kind, formats: Sequence[Format], one_file: bool
) -> Checkpoint | None:
    commit = hub.commit_here(source)
    folder = hub.cache_folder(source) / "snapshots" / (commit or "")
    if commit is None or not folder.is_dir():
        return None
    known = hub.listing_here(source, commit)
    names = known.names if known else _names_in(folder)
    try:
        chosen = choose(names, kind=kind, formats=formats, filename=source.filename, read=index_reader(folder))
    except NotWhole:
        return None
    if chosen is None:
        return None
    refuse_pickles(chosen, allow_pickle, source.repository, names)
    if known and hub.missing(folder, known.some((*chosen.weights, *chosen.companions))):
        return None
    try:
        return _looked_at(folder, chosen, source.repository, kind, commit, alone=one_file and bool(source.filename))
    except NotWhole:
        return None


def _what_the_hub_has(
    source: HubSource, found: Checkpoint | None, kind: Kind, formats: Sequence[Format]
) -> hub.Listing | None:
    """What to download from; None when what was found will do.

    A cache that another library filled does not say whether it is whole (a tokenizer may be missing): the hub is asked
    once, for the commit that is here, and what is here is used where it cannot be asked.
    """
    offline = hub.offline_because(source)
    if found is None:
        if offline:
            raise _not_here(source, offline, kind, formats)
        return hub.ask(source)
    if offline or found.revision is None or hub.listing_here(source, found.revision):
        return None
    try:
        return hub.ask(source, revision=found.revision)
    except WeightsError:
        return None


def _not_here(source: HubSource, because: str, kind: Kind, formats: Sequence[Format]) -> Offline:
    where = hub.cache_folder(source)
    commit = hub.commit_here(source) or next((each.name for each in hub.snapshots(source)[-1:]), None)
    folder = where / "snapshots" / (commit or "")
    known = hub.listing_here(source, commit) if commit else None
    names = known.names if known else _names_in(folder) if commit else []
    chosen = choose(names, kind=kind, formats=formats, filename=source.filename, read=index_reader(folder))
    if commit is None:
        lacks = f"nothing of it is in {where.parent}"
    elif chosen is None:
        lacks = f"{source.filename or 'its weights'} are not in {folder}"
    else:
        wanted = known.some((*chosen.weights, *chosen.companions)) if known else []
        lacks = _damage(folder, chosen, hub.missing(folder, wanted))
    return Offline(
        f"`{source.repository}` is not on this disk as a whole, and {because} forbids asking the hub: {lacks}",
        fix=_starter_meant(source.repository)
        or hub.folder_meant(source)
        or f"{hub.to_go_online(source)}\n      or copy the files and give their folder: model: ./FOLDER",
    )


def _damage(folder: Path, chosen: Chosen, missing: Sequence[str]) -> str:
    """What keeps files that are here from being a whole model."""
    try:
        names = missing or missing_parts(folder, chosen)
        if not names:
            read(folder, chosen)
    except NotWhole as error:
        return error.problems[0].message
    return f"{listing(names[:5], 'and')}{' …' if len(names) > 5 else ''} is missing in {folder}"


def _starter_meant(name: str) -> str | None:
    """The starter of that name, where `starter:` was left out."""
    from mc_jupyter import starters

    return f"model: starter:{name}" if name in (*starters.names(), *starters.adapters()) else None


def _download(
    source: HubSource,
    listing_: hub.Listing,
    run: Run,
    allow_pickle: bool,
    kind: Kind,
    formats: Sequence[Format],
    one_file: bool,
    before_download: Callable[[int], None] | None,
) -> Checkpoint:
    alone = one_file and bool(source.filename)
    chosen = choose(listing_.names, kind=kind, formats=formats, filename=source.filename)
    if chosen is None:
        raise _no_weights_listed(source, listing_, formats)
    refuse_pickles(chosen, allow_pickle, source.repository, listing_.names)
    weights, companions = listing_.some(chosen.weights), listing_.some(chosen.companions)
    download = Download(source, listing_, [*companions, *weights], run)
    if not download.complete:
        run.emit(Phase("download", source.repository))
        download.begin()
        download.get(companions)
        if not alone:
            refuse_foreign(download.folder, source.repository, kind)
        if before_download:
            before_download(sum(entry.size for entry in weights))
        download.get(weights)
    indexes = index_reader(download.folder)  # now they are here, and say which of the files belong together
    chosen = choose(listing_.names, kind=kind, formats=formats, filename=source.filename, read=indexes) or chosen
    checkpoint = _looked_at(download.folder, chosen, source.repository, kind, listing_.commit, alone=alone)
    download.publish()
    return checkpoint


def _no_weights_listed(source: HubSource, there: hub.Listing, formats: Sequence[Format]) -> NoSuchModel:
    if source.filename:
        hint = did_you_mean(source.filename, [name for name in there.names if format_of(name)])
        fix = hint or f"it has {listing([name for name in there.names if format_of(name)][:6], 'and') or 'no weights'}"
        return NoSuchModel(f"`{source.repository}` has no file `{source.filename}`", fix=fix)
    wanted = listing(list(formats))
    folders = folders_with_weights(there.names, formats)
    inside = f"weights are in its folders {listing(folders[:4], 'and')}: say which with `filename:`"
    other = _for_another_program(there.names)
    return NoSuchModel(
        f"`{source.repository}` has no weights in {wanted}{other}",
        fix=inside if folders else _ORIGIN if other else None,
    )


_ORIGIN = "use the repository that it was made from: its card names it as base model"


def _for_another_program(names: Sequence[str]) -> str:
    """What else is there, for the end of a sentence; empty where nothing is known of it."""
    program = told(names)
    return f": {program}" if program else ""


# ── this disk ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _find_local(
    written: str, format: Format | None, allow_pickle: bool, kind: Kind, formats: Sequence[Format], one_file: bool
) -> Checkpoint:
    if why := path_fault(written):
        raise NoSuchModel(f"`path: {shown(written)}` {why}", fix="the path of a folder or a file of weights")
    path = Path(os.path.expanduser(written))
    if not path.exists():
        raise _no_such_path(written, path)
    if not (path.is_file() or path.is_dir()):
        raise NotWhole(f"{written} is no file and no folder: a pipe or a device", fix="give the model's folder")
    folder = path.parent if path.is_file() else path
    names = _names_in(folder)
    if path.is_file():
        chosen = choose(names, kind=kind, formats=formats, filename=path.name, read=index_reader(folder))
    else:
        chosen = choose(names, kind=kind, formats=_formats_asked(format, formats), read=index_reader(folder))
    if chosen is None:
        raise _no_weights_here(written, folder, names, _formats_asked(format, formats))
    refuse_pickles(chosen, allow_pickle, written, names)
    return _looked_at(folder, chosen, written, kind, alone=one_file and path.is_file())


def _formats_asked(format: Format | None, formats: Sequence[Format]) -> Sequence[Format]:
    if format is None:
        return formats
    loadable(format, formats, f"`format: {format}`")
    # `format: pytorch` says which library; where that library's safe format is all there is, that is meant.
    return ("pytorch", "safetensors") if format == "pytorch" else (format,)


def _names_in(folder: Path) -> list[str]:
    """Files of the folder and of the folders in it, as relative names with `/`."""
    found = [file for pattern in ("*", "*/*") for file in folder.glob(pattern) if file.is_file()]
    names = (file.relative_to(folder).as_posix() for file in found)
    return [name for name in names if path_fault(name) is None]


def _no_such_path(written: str, path: Path) -> NoSuchModel:
    there = next(parent for parent in path.absolute().parents if parent.is_dir())
    siblings = sorted(entry.name for entry in there.iterdir() if not entry.name.startswith("."))
    lost = path.absolute().relative_to(there).parts[0]
    hint = did_you_mean(lost, siblings)
    fix = hint or (f"{there} has {listing(siblings[:6], 'and')}" if siblings else f"{there} is empty")
    return NoSuchModel(f"there is no {written}: {there} has no `{lost}`", fix=fix)


def _no_weights_here(written: str, folder: Path, names: Sequence[str], formats: Sequence[Format]) -> NoSuchModel:
    if "modules.json" in names and (first := _first_module(folder / "modules.json")):
        return NoSuchModel(
            f"{written} begins with a sentence-transformers module {first}, which is no model of transformers",
            fix="use another model, or sentence_transformers.SentenceTransformer in Python",
        )
    inside = folders_with_weights(names, formats)
    if len(inside) == 1:
        return NoSuchModel(
            f"{written} holds no weights itself, its folder `{inside[0]}` does", fix=f"path: {folder / inside[0]}"
        )
    if inside and not any(format_of(name) for name in names if "/" not in name):
        folders = listing([f"`{folder}`" for folder in inside[:6]], "and")
        return NoSuchModel(
            f"{written} holds no weights itself, its folders {folders} do", fix=f"path: {folder / inside[0]}"
        )
    other = _for_another_program(names)
    fix = f"take what it was made from, in {listing(formats, 'or')}" if other else None
    found = sorted({format for name in names if (format := format_of(name))})
    fix = fix or (f"it holds {listing(found, 'and')}" if found else f"weights end in {ENDINGS}, beside a config.json")
    return NoSuchModel(f"{written} has no weights in {listing(formats)}{other}", fix=fix)


def _first_module(file: Path) -> str | None:
    """The class of a sentence-transformers model's first module, unless it is one of transformers' models."""
    modules = Config(file, {"modules": read_json(file)}).each_in("modules")
    kind = (modules[0].text("type") or "").rpartition(".")[2] if modules else ""
    return None if kind in ("", "Transformer") else shown(kind)


def _starter(name: str, kind: Kind) -> str:
    from mc_jupyter import starters

    models, adapters = list(starters.names()), list(starters.adapters())
    known, others = (adapters, models) if kind == "adapter" else (models, adapters)
    if name in known:
        return str(starters.folder(name))
    there_are = f"the starter {kind}s are {listing(known, 'and')}"
    if name in others and kind == "model":
        base = starters.folder(name).parent.name
        fix = f"model: starter:{base}, and this one under `peft_adapters:`"
        raise NoSuchModel(f"`starter:{name}` is an adapter, not a model", fix=fix)
    if name in others:
        raise NoSuchModel(f"`starter:{name}` is a model, not an adapter", fix=there_are)
    raise NoSuchModel(f"there is no starter {kind} `{name}`", fix=did_you_mean(name, known) or there_are)
