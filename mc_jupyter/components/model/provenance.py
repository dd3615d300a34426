"""What images are told of the model that made them: so that a picture alone says how to make it again."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import metadata
from typing import Any

from mc_jupyter.components.model.choices import ModelPlan
from mc_jupyter.components.model.loading import LoadedModel
from mc_jupyter.drivers import Driver
from mc_jupyter.values import is_image
from mc_jupyter.values.pictures import marked


def sign(results: Iterable[Any], planned: ModelPlan, model: LoadedModel) -> None:
    """Write model, revision, number types, adapters and versions into every image of the results, in place."""
    images = list(_images(results))
    if not images:
        return
    known = planned.provenance(model)
    known["precision"] = known.pop("dtype")
    if known["quantization"] == "none":
        known["quantization"] = None
    for image in images:
        marked(image, **known, versions=_versions(model.driver))


def _images(results: Iterable[Any]) -> Iterable[Any]:
    for result in results:
        if result is None:
            continue  # one of a million that an interrupt came before
        if is_image(result):
            yield result
        elif isinstance(result, list):
            yield from _images(result)


def _versions(driver: Driver) -> dict[str, str]:
    """The versions of what decides pixels besides the weights: the driver's library, and torch where it is loaded."""
    names = [driver.package, *driver.beside, "torch"] if driver.package else []
    loaded = {name: getattr(sys.modules.get(name), "__version__", None) for name in names}
    return {"mc_jupyter": _own_version(), **{name: str(version) for name, version in loaded.items() if version}}


def _own_version() -> str:
    try:
        return metadata.version("mc-jupyter")
    except metadata.PackageNotFoundError:  # run from its source, never installed
        return "unknown"
