"""What images are told of the model that made them: so that a picture alone says how to make it again."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from mc_jupyter.drivers import Driver
from mc_jupyter.plan import ComponentPlan
from mc_jupyter.residents import Loaded
from mc_jupyter.values import is_image
from mc_jupyter.values.pictures import marked


def sign(results: Iterable[Any], component: ComponentPlan, model: Driver, loaded: Loaded | None) -> None:
    """Write model, revision, number types, adapters and versions into every image of the results, in place."""
    images = list(_images(results))
    if not images:
        return
    facts = model.facts()
    known: dict[str, Any] = {
        "model": component.subject,
        "revision": component.checkpoint.revision if component.checkpoint else None,
        "task": component.task.name if component.task else None,
        "driver": component.driver.name if component.driver else None,
        "device": facts.device,
        "precision": facts.dtype,
        "quantization": facts.quantization if facts.quantization != "none" else None,
        "adapters": {plan.name: weight for plan, weight in loaded.adapters} if loaded and loaded.adapters else None,
        "versions": _versions(model),
    }
    for image in images:
        marked(image, **known)


def _images(results: Iterable[Any]) -> Iterable[Any]:
    for result in results:
        if is_image(result):
            yield result
        elif isinstance(result, list):
            yield from _images(result)


def _versions(driver: Driver) -> dict[str, str]:
    """The versions of what decides pixels besides the weights: the driver's library, and torch where it is loaded."""
    from mc_jupyter import __version__

    names = [driver.package, *driver.beside, "torch"] if driver.package else []
    loaded = {name: getattr(sys.modules.get(name), "__version__", None) for name in names}
    return {"mc_jupyter": __version__, **{name: str(version) for name, version in loaded.items() if version}}
