"""driver: custom for face-embedding: insightface's packs of networks, run by onnxruntime."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers import Asked, Driver, Facts, ModelKey, Refusal, TaskCall, performs, refused
from mc_jupyter.drivers._insightface import faces as looking
from mc_jupyter.drivers._insightface import packs
from mc_jupyter.drivers._insightface.onnx import threads
from mc_jupyter.errors import MissingPackage, PlanError, WeightsError
from mc_jupyter.events import Advance, Run
from mc_jupyter.faults import said_as
from mc_jupyter.tasks import Task
from mc_jupyter.tasks.face_embedding import FaceEmbedding
from mc_jupyter.values import Faces

if TYPE_CHECKING:
    from mc_jupyter.weights import Checkpoint

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_IGNORED = {"face-embedding": {"batch_size": "pictures are looked at one by one"}}
_ROLES = ("detection", "recognition", "landmark_2d_106", "landmark_3d_68", "genderage")


class InsightFace(Driver):
    """Finds faces, cuts them out upright by their eyes, nose and mouth, and turns each into a vector.

    The numbers are the library's own. Of a pack's networks those run that a call asks for: the detector and the
    embedder always, the others for `return_landmarks` and `return_gender_age`.
    """

    words = ("custom",)
    package, extra = "insightface", "face"
    formats = ("onnx",)
    heads = (FaceEmbedding.head,)
    ignores = _IGNORED

    def __init__(self, models: Mapping[str, Any], notes: tuple[str, ...] = ()):
        self.models = dict(models)
        self.notes = notes
        self.networks = packs.networks(Path(model.model_file) for model in self.models.values())

    # --- loading ------------------------------------------------------------------------------------------------------

    @classmethod
    def source(cls, task: type[Task], settings: Any) -> Any:
        return packs.source_of(settings.model)

    @classmethod
    def refuses(cls, asked: Asked) -> Iterator[Refusal]:
        yield from super().refuses(asked)
        if asked.device is not None and (lack := _lack(asked.device)):
            yield Refusal(lack, "device")
        if asked.settings is not None:
            yield from _of_settings(asked.settings)
        if (pack := asked.checkpoint) is None:
            return
        files = packs.onnx_files(pack.folder)  # all of them: the library opens each
        yield from (wrong := refused(packs.check, pack.folder, files))
        if not wrong and asked.calls:
            yield from _of_calls(asked, packs.networks(files))

    @classmethod
    def wake(cls, key: ModelKey) -> None:
        import warnings

        try:
            import insightface.app  # noqa: F401
        except ImportError as error:
            reason = str(error).splitlines()[0]
            raise MissingPackage(f"insightface does not start: {reason}", fix=_mend(reason)) from None
        # insightface 2.1 calls what scikit-image 0.26 is about to rename, which is no reader's business.
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"insightface\.")

    @classmethod
    def load(cls, key: ModelKey, checkpoint: Checkpoint | None, run: Run) -> InsightFace:
        assert checkpoint is not None
        made = cls(_sessions(checkpoint.folder, key), _licence(checkpoint.folder))
        for line in made.notes:
            run.note(line)
        return made

    def facts(self) -> Facts:
        """Bytes and parameters are those of the weights in the files that were loaded; the device is the sessions'."""
        numbers: Counter[str] = Counter()
        for network in self.networks.values():
            numbers.update(network.numbers)
        return Facts(
            device=_device(self.models["recognition"].session),
            dtype=numbers.most_common(1)[0][0] if numbers else "float32",
            bytes=sum(network.bytes for network in self.networks.values()),
            parameters=sum(numbers.values()),
            architecture=f"insightface: {', '.join(role for role in _ROLES if role in self.models)}",
            notes=self.notes,
        )

    def close(self) -> None:
        self.models.clear()

    # --- looking ------------------------------------------------------------------------------------------------------

    @performs(FaceEmbedding)
    def embed(self, call: TaskCall) -> list[Faces | None]:
        """The faces of each picture; None for those that a stop came before."""
        self._refuse(call)
        results: list[Faces | None] = []
        totals: list[int] = []
        for i, item in enumerate(call.items):
            if call.run.stopped:
                break
            faces, total = self._faces(item, call)
            results.append(faces)
            totals.append(total)
            call.run.emit(Advance(i + 1, len(call.items), "items"))
        for line in () if call.run.stopped else looking.said(results, totals, call.action):
            call.run.note(line)
        return results + [None] * (len(call.items) - len(results))

    def _refuse(self, call: TaskCall) -> None:
        """Raise for what this pack cannot do, before the first picture."""
        if call.action.return_gender_age and "genderage" not in self.models:
            raise _no_gender_age()
        try:
            looking.size_asked(self.models["detection"].static_input_size, call.action.detection_size)
        except ValueError as error:
            raise _other_size(error) from None

    def _faces(self, item: Any, call: TaskCall) -> tuple[Faces | None, int]:
        """One picture's faces, and how many there were. A stop leaves those that were done."""
        from mc_jupyter.values.pictures import rgb

        action = call.action
        picture = rgb(item)
        pixels = looking.pixels_of(picture)
        detector = self.models["detection"]
        size = looking.size_asked(detector.static_input_size, action.detection_size)
        found = looking.find(detector, pixels, action.detection_threshold, size, action.min_face_size)
        entries: list[dict[str, Any]] = []
        for face in found[: action.max_num_faces]:
            if call.run.stopped:
                break
            entries.append(looking.entry(self.models, pixels, face, action))
        if call.run.stopped and found and not entries:
            return None, len(found)
        faces = Faces(faces=entries, width=picture.width, height=picture.height, image=looking.small(picture))
        return faces, len(found)


def _lack(device: str) -> PlanError | None:
    """Why onnxruntime, as it is installed, cannot use a device."""
    kind = device.partition(":")[0]
    if kind == "cpu" or importlib.util.find_spec("onnxruntime") is None:
        return None
    import onnxruntime

    if _PROVIDERS.get(kind) in onnxruntime.get_available_providers():
        return None
    if kind != "cuda":
        return PlanError(f"insightface runs on the CPU or on CUDA here, not on {kind}", fix="device: cpu")
    return PlanError(
        f"onnxruntime {onnxruntime.__version__} as installed has no CUDA",
        fix="%pip uninstall -y onnxruntime, then %pip install onnxruntime-gpu; or device: cpu",
    )


def _of_settings(settings: Any) -> Iterator[Refusal]:
    if settings.quantization.type != "none":
        error = PlanError("a pack's networks run as they are stored: quantization cannot be applied", fix="remove it")
        yield Refusal(error, "quantization")
    if settings.precision not in ("auto", "float32"):
        said = f"a pack's networks run in the numbers they are stored in, not in {settings.precision}"
        yield Refusal(PlanError(said, fix="precision: auto"), "precision")
    if settings.device_mode != "single":
        error = PlanError("device_mode: auto spreads no pack: each fits one device", fix="device_mode: single")
        yield Refusal(error, "device_mode")


def _of_calls(asked: Asked, found: Mapping[str, Any]) -> Iterator[Refusal]:
    """What the networks of a pack cannot do."""
    for number, call in asked.numbered_calls():
        if call.get("return_gender_age") and "genderage" not in found:
            yield Refusal(_no_gender_age(), "return_gender_age", call=number)
        try:
            looking.size_asked(packs.fixed_size(found["detection"]), call.get("detection_size"))
        except ValueError as error:
            yield Refusal(_other_size(error), "detection_size", call=number)


def _no_gender_age() -> PlanError:
    return PlanError(
        "this pack has no network that guesses gender and age",
        fix="return_gender_age: false, or model: buffalo_l, which has one",
    )


def _other_size(error: ValueError) -> PlanError:
    return PlanError(f"{error}", fix="leave detection_size out")


def _mend(reason: str) -> str:
    """What helps where the library is there and cannot be imported."""
    if "lib" in reason:  # machines without a screen have no libGL, which the usual OpenCV asks for
        return "%pip uninstall -y opencv-python, then %pip install opencv-python-headless"
    return '%pip install "mc-jupyter[face]"'


def _sessions(folder: Path, key: ModelKey) -> Mapping[str, Any]:
    """The library's models by their roles, each with its session, all of them on the key's device."""
    import onnxruntime
    from insightface.app import FaceAnalysis

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.log_severity_level = 3  # errors; its warnings are about its own optimizations
    with said_as(WeightsError, f"onnxruntime does not run the pack in {folder}", fix="fetch it again"):
        # A folder, where it is one, is never downloaded. Otherwise each picture size would be a session of its own.
        made = FaceAnalysis(
            name=str(folder),
            allowed_modules=list(_ROLES),
            providers=_providers(key.device),
            sess_options=options,
            static_shape_sessions=False,
        )
    _refuse_another_device(made.models, key.device)
    models: Mapping[str, Any] = made.models
    return models


def _providers(device: str) -> list[Any]:
    kind, _, index = device.partition(":")
    cpu = _PROVIDERS["cpu"]
    return [cpu] if kind == "cpu" else [(_PROVIDERS[kind], {"device_id": int(index or 0)}), cpu]


def _refuse_another_device(models: Mapping[str, Any], device: str) -> None:
    """Raise where a session is elsewhere: where CUDA's own libraries are missing, onnxruntime goes to the CPU."""
    for name, model in models.items():
        if (real := _device(model.session)) != device:
            raise PlanError(
                f"onnxruntime could not put {name} on {device}, and took {real}",
                fix="install CUDA's libraries for onnxruntime-gpu (CUDA and cuDNN), or device: cpu",
            )


def _device(session: Any) -> str:
    """Where a session really runs, as torch calls it."""
    if session.get_providers()[0] != _PROVIDERS["cuda"]:
        return "cpu"
    return f"cuda:{session.get_provider_options()[_PROVIDERS['cuda']].get('device_id', 0)}"


def _licence(folder: Path) -> tuple[str, ...]:
    """What may be done with one of the makers' own packs; of others nothing is known."""
    return (packs.LICENCE.format(name=folder.name),) if folder.name in packs.PACKS else ()
