"""The door for whoever writes a part: `from mc_jupyter.parts import Driver, Facts, Text, performs`.

Everything that the contracts of parts name, in one place. Each contract is the docstring of its folder, and begins with
an example that runs as it stands there:

    mc_jupyter/tasks/         Task, TaskAction, performs; fields that take inputs: Texts, Images
    mc_jupyter/drivers/       Driver; what it is asked (Asked, ModelKey …) and what it gives back (Facts, Refusal …)
    mc_jupyter/stores/        Store; Entry, Match, Wanted
    mc_jupyter/components/    ComponentType, Envelope, Planned, Effect; Open, for what stays open between calls
    mc_jupyter/jobs/          JobType, JobFields, Called
    language/kinds.py         Kind and Takes, for a kind of input that the language does not have

Fields are made of Closed, Bound, Spelled, Secret and pydantic's Field. A part says how far it is by the events of a
Run, gives results (Text, Label, Embedding, Faces, Batch, Stream; images are PIL's, `marked` with what made them), and
raises errors. Here are those that contracts speak of; the whole tree is in `mc_jupyter`.

A view, which says how a result looks, is written with `mc_jupyter.notebook.views.View`. It is not here, since what is
here knows nothing of notebooks. Importing this module imports pydantic and no other library.
"""

from __future__ import annotations

from pydantic import Field

from mc_jupyter.components import (
    Call,
    Component,
    ComponentType,
    Effect,
    Envelope,
    Need,
    Open,
    Planned,
    Resident,
    Room,
    Shape,
)
from mc_jupyter.drivers import (
    AdapterFacts,
    AdapterKey,
    Asked,
    Driver,
    Facts,
    Layers,
    ModelKey,
    Refusal,
    TaskCall,
    performs,
    refused,
)
from mc_jupyter.errors import (
    DoesNotFit,
    ExpressionError,
    InputError,
    MissingPackage,
    PlanError,
    Problem,
    RunError,
    WeightsError,
)
from mc_jupyter.events import Advance, Note, Phase, Piece, Preview, Run
from mc_jupyter.jobs import Called, JobFields, JobType
from mc_jupyter.language.fields import Bound, Closed, Spelled
from mc_jupyter.language.kinds import IMAGE, MESSAGES, TEXT, Kind, Takes
from mc_jupyter.stores import Entry, Match, Store, Wanted
from mc_jupyter.tasks import Images, Task, TaskAction, Texts
from mc_jupyter.trust.environment import Keeper
from mc_jupyter.trust.permissions import Permissions
from mc_jupyter.trust.secrets import Secret
from mc_jupyter.values import Batch, Embedding, Faces, Label, Stream, Text
from mc_jupyter.values.pictures import marked
from mc_jupyter.weights import Checkpoint, Estimate

__all__ = [
    "IMAGE", "MESSAGES", "TEXT", "AdapterFacts", "AdapterKey", "Advance", "Asked", "Batch", "Bound", "Call", "Called",
    "Checkpoint", "Closed", "Component", "ComponentType", "DoesNotFit", "Driver", "Effect", "Embedding", "Entry",
    "Envelope", "Estimate", "ExpressionError", "Faces", "Facts", "Field", "Images", "InputError", "JobFields",
    "JobType", "Keeper", "Kind", "Label", "Layers", "Match", "MissingPackage", "ModelKey", "Need", "Note", "Open",
    "Permissions", "Phase", "Piece", "PlanError", "Planned", "Preview", "Problem", "Refusal", "Resident", "Room",
    "Run", "RunError", "Secret", "Shape", "Spelled", "Store", "Stream", "Takes", "Task", "TaskAction", "TaskCall",
    "Text", "Texts", "Wanted", "WeightsError", "marked", "performs", "refused",
]  # fmt: skip
