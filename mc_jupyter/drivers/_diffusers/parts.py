"""The parts of a pipeline and the few classes that each may be: a stranger's index can name any class, and any module.

diffusers before 0.42.1 imports whatever module an index names, wherever it lies, and every version takes a Python file
of a part's folder before it takes its own library. So nothing is left to it: what is not on these lists is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mc_jupyter.errors import PlanError, WeightsError
from mc_jupyter.weights.checkpoint import parts
from mc_jupyter.weights.reading import shown

if TYPE_CHECKING:
    from mc_jupyter.weights import Checkpoint

Classes = tuple[tuple[str, str], ...]
"""The classes that a part may be: the library's name in an index, and the class."""


def of_diffusers(name: str) -> tuple[str, str]:
    return "diffusers", name


def of_transformers(name: str) -> tuple[str, str]:
    return "transformers", name


def tokenizers(kind: str) -> Classes:
    """The tokenizers of a kind, and those of no kind that transformers 5 saves."""
    names = (f"{kind}Tokenizer", f"{kind}TokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend")
    return tuple(map(of_transformers, names))


VAES = tuple(map(of_diffusers, ("AutoencoderKL", "AutoencoderTiny", "ConsistencyDecoderVAE")))
CLIP_VISION = of_transformers("CLIPVisionModelWithProjection")
CLIP_IMAGES = tuple(map(of_transformers, ("CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPFeatureExtractor")))
SCHEDULERS = tuple(
    of_diffusers(f"{name}Scheduler")
    for name in (
        "CMStochasticIterative", "DDIM", "DDIMInverse", "DDIMParallel", "DDPM", "DDPMParallel", "DEISMultistep",
        "DPMSolverMultistep", "DPMSolverMultistepInverse", "DPMSolverSDE", "DPMSolverSinglestep",
        "EDMDPMSolverMultistep", "EDMEuler", "EulerAncestralDiscrete", "EulerDiscrete", "FlowMatchEulerDiscrete",
        "FlowMatchHeunDiscrete", "FlowMatchLCM", "HeunDiscrete", "IPNDM", "KDPM2AncestralDiscrete", "KDPM2Discrete",
        "LCM", "LMSDiscrete", "PNDM", "SASolver", "TCD", "UniPCMultistep",
    )
)  # fmt: skip


def check_parts(checkpoint: Checkpoint, known: Mapping[str, Classes]) -> None:
    """PlanError for a part that such a pipeline does not have, or of a class that it cannot be; WeightsError for a
    part whose folder is not there.
    """
    for name, (library, made_as) in parts(checkpoint.config).items():
        if (library, made_as) not in known.get(name, ()):
            classes = [each for _, each in known.get(name, ())]
            raise PlanError(
                f"{name} of this model is {shown(made_as)} of {shown(library)}, which no {shown(checkpoint.pipeline)} "
                "has; this version never runs a repository's code",
                fix=f"it may be {classes[0]}" if classes else f"remove {shown(name)} from model_index.json",
            )
        if not any((checkpoint.folder / name).glob("*")):
            raise WeightsError(f"{checkpoint.folder} is not whole: it has no {name}", fix="fetch it again")
