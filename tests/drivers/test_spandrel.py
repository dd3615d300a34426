"""driver: custom for image-upscale: spandrel's networks, tile by tile."""

from __future__ import annotations

import gc
import itertools
import re
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

import mc_jupyter as mc
from mc_jupyter.drivers._upscaling import enlarging, tiles
from mc_jupyter.drivers._upscaling.bleeding import bled
from mc_jupyter.errors import (
    DoesNotFit,
    InputError,
    Interrupted,
    PlanError,
    RunError,
    SpecError,
    UnsafeWeights,
    WeightsError,
)
from mc_jupyter.events import Advance, Note, Run
from mc_jupyter.values.pictures import origin
from tests import upscalers
from tests.conftest import cell
from tests.upscalers import picture, psnr
from tests.weights.hub_stand_in import HubStandIn

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("upscalers")


@pytest.fixture(scope="module")
def files(folder: Path) -> dict[str, Path]:
    """One file of each architecture, in each of the ways that files of it are written."""
    return {
        "compact": upscalers.compact(folder / "compact.safetensors"),
        "compact_pth": upscalers.compact(folder / "compact.pth"),
        "grey": upscalers.compact(folder / "grey.safetensors", colours=1, scale=2),
        "rrdb": upscalers.rrdb(folder / "rrdb.pth"),
        "shuffled": upscalers.rrdb(folder / "shuffled.safetensors", scale=4, shuffle=2),
        "real_esrgan": upscalers.real_esrgan(folder / "real_esrgan.pth"),
        "swinir": upscalers.swinir(folder / "swinir.safetensors"),
    }


@pytest.fixture(scope="module")
def shared() -> Any:
    with mc.Session() as made:
        yield made


@pytest.fixture
def load(shared: mc.Session, files: dict[str, Path]) -> Any:
    """Load one of the files with further lines of the cell."""

    def loaded(name: str, *lines: str, run: Run | None = None) -> Any:
        model = files.get(name, name)
        return shared.load(cell("image-upscale", model, "device: cpu", "allow_pickle: true", *lines), "u", run=run)

    return loaded


def directly(file: Path, image: Any) -> Any:
    """What spandrel gives for a whole RGB picture, called as its documentation says."""
    import spandrel

    model = spandrel.ModelLoader(device="cpu").load_from_file(file).eval()
    given = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
    made = model(given)[0].permute(1, 2, 0)
    return Image.fromarray((made * 255).round().to(torch.uint8).numpy())


ALL = ("compact", "compact_pth", "rrdb", "shuffled", "real_esrgan", "swinir")


@pytest.mark.parametrize("name", ALL)
def test_a_whole_picture_is_pixel_for_pixel_what_spandrel_gives(load: Any, files: dict[str, Path], name: str) -> None:
    image = picture(37, 26)
    assert psnr(load(name, "tile_size: 0")(image), directly(files[name], image)) == float("inf")


@pytest.mark.parametrize("name", ALL)
def test_tiles_show_no_seam(load: Any, files: dict[str, Path], name: str) -> None:
    image = picture(112, 72)
    events: list[Any] = []
    tiled = load(name, "tile_size: 40")(image, run=Run(events.append))
    assert [e.total for e in events if isinstance(e, Advance)][-1] == 6
    whole = directly(files[name], image)
    assert tiled.size == whole.size
    assert psnr(tiled, whole) > 45
    # Along the cuts, too, where a seam would be.
    scale = whole.width // image.width
    edges = [slice(scale * at - 8, scale * at + 8) for at in (40, 80)]
    assert min(psnr(np.asarray(tiled)[:, e], np.asarray(whole)[:, e]) for e in edges) > 45


def test_the_starter_shows_no_seam_and_beats_lanczos(load: Any) -> None:
    from mc_jupyter import starters
    from mc_jupyter.starters.upscale import corpus

    large = corpus.Painter(3, side=320).picture("blobs")
    small = corpus.shrunk(large)
    whole, tiled = (load("starter:upscale", f"tile_size: {side}")(small) for side in (0, 24))
    assert psnr(tiled, whole) > 60
    assert psnr(whole, directly(starters.folder("upscale") / "model.safetensors", small)) == float("inf")
    assert psnr(whole, large) > psnr(small.resize(large.size, Image.Resampling.LANCZOS), large) + 1


def test_too_little_overlap_is_worse_than_the_default(load: Any) -> None:
    image = picture(120, 90)
    whole = load("compact", "tile_size: 0")(image)
    assert psnr(load("compact", "tile_size: 32", "tile_pad_size: 0")(image), whole) < psnr(
        load("compact", "tile_size: 32")(image), whole
    )


def notes_of(handle: Any, image: Any) -> list[str]:
    events: list[Any] = []
    handle(image, run=Run(events.append))
    return [e.text for e in events if isinstance(e, Note)]


def test_a_tile_pad_that_is_less_than_the_network_looks_is_told(load: Any) -> None:
    image = picture(60, 40)
    (said,) = notes_of(load("compact", "tile_size: 40", "tile_pad_size: 2"), image)
    assert said.startswith("tile_pad_size: 2 is less than the 6 that this network looks")
    for line in ("tile_pad_size: 6", "tile_pad_size: 9", "scale: 4"):
        assert notes_of(load("compact", "tile_size: 40", line), image) == []


def test_a_tile_pad_is_nothing_to_tell_of_where_nothing_is_cut(load: Any) -> None:
    assert notes_of(load("compact", "tile_size: 64", "tile_pad_size: 2"), picture(60, 40)) == []


def test_tiles_that_compute_the_picture_many_times_are_told(load: Any) -> None:
    (said,) = notes_of(load("compact", "tile_size: 4"), picture(60, 40))
    assert re.match(r"tiles that see 6 pixels on each side compute 1\d\.\d times the picture", said)


def test_no_pixel_beyond_its_reach_matters_to_a_chain_of_convolutions(load: Any, shared: mc.Session) -> None:
    handle = load("compact", "tile_size: 0")
    reach = shared.resident_of(handle).thing.driver.network.reach
    image = picture(60, 20)
    other = image.copy()
    other.paste((255, 0, 0), (40, 0, 60, 20))
    one, two = (np.asarray(handle(each)) for each in (image, other))
    assert np.array_equal(one[:, : 4 * (40 - reach)], two[:, : 4 * (40 - reach)])
    assert not np.array_equal(one[:, : 4 * 40], two[:, : 4 * 40])


@pytest.mark.parametrize(("blocks", "shuffle", "reach"), [(1, None, 21), (6, None, 64), (6, 2, 128)])
def test_a_deep_network_looks_further_than_a_shallow_one(
    session: mc.Session, tmp_path: Path, blocks: int, shuffle: int | None, reach: int
) -> None:
    file = upscalers.rrdb(tmp_path / "deep.safetensors", filters=2, blocks=blocks, shuffle=shuffle)
    handle = session.load(cell("image-upscale", file))
    assert session.resident_of(handle).thing.driver.network.reach == reach


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2), (17, 5), (64, 1), (33, 47)])
@pytest.mark.parametrize("name", ["compact", "shuffled", "real_esrgan", "swinir"])
def test_any_size_is_enlarged(load: Any, name: str, size: tuple[int, int]) -> None:
    handle = load(name, "tile_size: 16", "tile_pad_size: 8")
    scale = handle(picture(8, 8)).width // 8
    assert handle(picture(*size)).size == (size[0] * scale, size[1] * scale)


@pytest.mark.parametrize(
    ("mode", "becomes"),
    [("RGB", "RGB"), ("L", "L"), ("1", "L"), ("P", "RGB"), ("RGBA", "RGBA"), ("LA", "LA"), ("CMYK", "RGB"),
     ("YCbCr", "RGB"), ("RGBa", "RGBA"), ("F", "L"), ("I;16", "I;16"), ("I", "L"), ("HSV", "RGB")],
)  # fmt: skip
def test_every_mode_stays_the_picture_it_was(load: Any, mode: str, becomes: str) -> None:
    base = picture(40, 30)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(base.convert("L")).astype(np.uint16) * 257)
    else:
        image = base.convert("RGBA").convert(mode) if mode == "RGBa" else base.convert(mode)
    result = load("starter:upscale")(image)
    assert (result.mode, result.size) == (becomes, (160, 120))
    small = np.asarray(result.resize((40, 30), Image.Resampling.BOX) if mode != "I;16" else result)
    if mode == "I;16":
        assert int(small.max()) > 255 * 100
        small = np.asarray(Image.fromarray((small / 257).astype(np.uint8)).resize((40, 30), Image.Resampling.BOX))
    expected = base.convert("1").convert("L") if mode == "1" else base.convert(becomes.replace("I;16", "L"))
    assert psnr(small, expected) > {"1": 12, "P": 20}.get(mode, 24)


def test_a_palette_with_transparency_and_a_grey_with_a_transparent_level_keep_it(load: Any) -> None:
    clear = picture(24, 24, "RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 12, 24))
    grey = picture(24, 24, "L")
    grey.info["transparency"] = grey.getpixel((0, 0))
    handle = load("starter:upscale")
    for image, mode in ((clear.quantize(16), "RGBA"), (grey, "LA")):
        alpha = handle(image).getchannel("A")
        assert handle(image).mode == mode
        assert alpha.getextrema()[0] < 30
        assert alpha.getextrema()[1] > 225


def test_transparency_goes_through_the_network_and_a_flat_one_need_not(load: Any) -> None:
    image = picture(40, 30, "RGBA")
    half = Image.linear_gradient("L").resize((40, 30))
    image.putalpha(half)
    events: list[Any] = []
    result = load("compact", "tile_size: 0")(image, run=Run(events.append))
    alone = load("compact", "tile_size: 0")(half)
    assert np.array_equal(np.asarray(result.getchannel("A")), np.asarray(alone))
    assert [(e.done, e.total) for e in events if isinstance(e, Advance)] == [(1, 2), (2, 2)]
    image.putalpha(77)
    assert load("compact")(image).getchannel("A").getextrema() == (77, 77)


def sprite(mode: str, hidden: int) -> Any:
    """A soft disc of one colour; `hidden` is what is stored where it is entirely transparent."""
    big = Image.new("L", (384, 384), 0)
    ImageDraw.Draw(big).ellipse((96, 96, 288, 288), fill=255)
    alpha = np.asarray(big.resize((48, 48), Image.Resampling.BOX))
    pixels = np.full((48, 48, 4), (230, 230, 230, 0), np.uint8)
    pixels[alpha == 0, :3] = hidden
    pixels[..., 3] = alpha
    return Image.fromarray(pixels).convert(mode.replace("a", "A")).convert(mode)


@pytest.mark.parametrize("lines", [(), ("scale: 3",), ("tile_size: 16",)])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_hidden_under_transparency_never_shows(load: Any, mode: str, lines: tuple[str, ...]) -> None:
    handle = load("starter:upscale", *lines)
    dark, light = (handle(sprite(mode, hidden)) for hidden in (0, 255))
    assert np.array_equal(np.asarray(dark), np.asarray(light))
    over = np.asarray(Image.alpha_composite(Image.new("RGBA", dark.size, (230, 230, 230)), dark.convert("RGBA")))
    assert np.abs(over[..., :3].astype(int) - 230).max() <= 12  # a grey disc on the same grey: nothing to see


def test_colours_that_are_seen_at_all_stay_what_they_are() -> None:
    colour, alpha = picture(23, 17), Image.fromarray(np.random.default_rng(0).integers(0, 2, (17, 23), np.uint8))
    seen = np.asarray(alpha) > 0
    found = np.asarray(bled(colour, alpha))
    assert np.array_equal(found[seen], np.asarray(colour)[seen])
    around = np.asarray(colour)[seen]
    assert (found >= around.min(0)).all()
    assert (found <= around.max(0)).all()


@pytest.mark.parametrize("side", [(1, 1), (1, 9), (64, 3), (33, 31)])
def test_one_pixel_that_is_seen_is_all_there_is_to_look_at(side: tuple[int, int]) -> None:
    alpha = Image.new("L", side, 0)
    alpha.putpixel((side[0] - 1, 0), 1)
    colour = picture(*side)
    colour.putpixel((side[0] - 1, 0), (10, 200, 30))
    assert np.unique(np.asarray(bled(colour, alpha)).reshape(-1, 3), axis=0).tolist() == [[10, 200, 30]]


def test_where_nothing_is_seen_or_nothing_is_hidden_nothing_changes() -> None:
    colour = picture(9, 7)
    for level in (0, 255):
        assert bled(colour, Image.new("L", (9, 7), level)) is colour


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "PA", "L", "LA", "1", "I;16", "I", "F"])
def test_a_profile_stays_with_what_it_is_for(load: Any, mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.asarray(picture(12, 9, "L")).astype(np.uint16) * 257)
    else:
        image = picture(12, 9, "RGBA").convert(mode)
    image.info["icc_profile"] = b"any profile"
    assert load("starter:upscale")(image).info["icc_profile"] == b"any profile"


@pytest.mark.parametrize("mode", ["CMYK", "LAB"])
def test_a_profile_for_other_numbers_goes_with_them(load: Any, mode: str) -> None:
    image = picture(12, 9).convert(mode)
    image.info["icc_profile"] = b"any profile"
    assert "icc_profile" not in load("starter:upscale")(image).info


def test_floats_and_integers_of_16_bits_keep_their_shades(load: Any) -> None:
    grey = np.asarray(picture(20, 16, "L")).astype(np.uint16) * 257
    handle = load("starter:upscale")
    want = np.asarray(handle(Image.fromarray(grey)))
    for kind in (np.float32, np.int32):
        found = handle(Image.fromarray(grey.astype(kind)))
        assert found.mode == "I;16"
        assert np.array_equal(np.asarray(found), want)


def test_a_transparent_level_of_a_16_bit_grey_stays_and_the_lost_bits_are_told(load: Any) -> None:
    image = Image.fromarray(np.asarray(picture(20, 16, "L")).astype(np.uint16) * 257)
    image.paste(0, (0, 0, 8, 16))
    image.info["transparency"] = 0
    events: list[Any] = []
    result = load("starter:upscale")(image, run=Run(events.append))
    assert result.mode == "LA"
    assert result.getchannel("A").crop((0, 0, 24, 64)).getextrema()[1] < 30
    assert any("8 bits" in event.text for event in events if isinstance(event, Note))


def test_a_sideways_photo_comes_out_upright(load: Any) -> None:
    image = picture(40, 20)
    image.getexif()[0x0112] = 6  # turn by a quarter
    result = load("compact")(image)
    assert result.size == (80, 160)
    assert np.array_equal(np.asarray(result), np.asarray(load("compact")(image.transpose(Image.Transpose.ROTATE_270))))
    assert origin(result).before.size == (20, 40)


def test_a_network_for_greys_takes_colours_one_by_one(load: Any) -> None:
    image = picture(20, 16)
    result = load("grey")(image)
    assert (result.mode, result.size) == ("RGB", (40, 32))
    red = load("grey")(image.getchannel("R"))
    assert red.mode == "L"
    assert np.array_equal(np.asarray(result.getchannel("R")), np.asarray(red))


def test_bgr_swaps_the_colours_before_and_after(load: Any) -> None:
    image = picture(20, 16)
    swapped = Image.merge("RGB", image.split()[::-1])
    assert np.array_equal(
        np.asarray(load("compact", "color_format: bgr")(image))[..., ::-1], np.asarray(load("compact")(swapped))
    )


@pytest.mark.parametrize(("scale", "size"), [(2, (46, 34)), (1.5, (34, 26)), (6, (138, 102)), (1, (23, 17))])
def test_another_scale_is_resampled_and_that_is_said(load: Any, scale: float, size: tuple[int, int]) -> None:
    image = picture(23, 17)
    events: list[Any] = []
    result = load("compact", f"scale: {scale}")(image, run=Run(events.append))
    assert result.size == size
    assert [e.text for e in events if isinstance(e, Note)] == [
        f"the model enlarges 4×: its results are resampled to {scale:g}× (Lanczos)"
    ]
    expected = load("compact")(image).resize(size, Image.Resampling.LANCZOS)
    assert np.array_equal(np.asarray(result), np.asarray(expected))


def test_the_models_own_scale_needs_no_word(load: Any) -> None:
    events: list[Any] = []
    load("compact", "scale: 4")(picture(8, 8), run=Run(events.append))
    assert not [e for e in events if isinstance(e, Note)]


@pytest.mark.parametrize("lines", [("scale: 2", "tile_size: 32"), ("params: {scale: 2, tile_size: 32}",),
                                   ("action: {scale: 2, tile_size: 32}",),
                                   ("action: {image: '${input.image as image}', params: {scale: 2, tile_size: 32}}",)])  # fmt: skip
def test_fields_stand_where_either_edition_puts_them(load: Any, lines: tuple[str, ...]) -> None:
    events: list[Any] = []
    assert load("compact", *lines)(picture(48, 40), run=Run(events.append)).size == (96, 80)
    assert [e.total for e in events if isinstance(e, Advance)][-1] == 4


def test_a_list_gives_a_list_and_progress_counts_all_tiles(load: Any) -> None:
    images = [picture(40, 40, seed=1), picture(70, 20, seed=2), picture(10, 10, seed=3)]
    handle = load("compact", "tile_size: 32")
    events: list[Any] = []
    results = handle(images, run=Run(events.append))
    assert [np.array_equal(np.asarray(a), np.asarray(handle(b))) for a, b in zip(results, images, strict=True)] == [
        True
    ] * 3
    steps = [(e.done, e.total) for e in events if isinstance(e, Advance)]
    assert steps == [(i, 8) for i in range(1, 9)]


def test_an_image_knows_how_it_came_to_be(load: Any, files: dict[str, Path]) -> None:
    image = picture(8, 8)
    result = load("compact", "output: {image: '${result}', width: '${result.width}', how: '${result.method}'}")(image)
    assert (result["width"], result["how"]) == (32, "Compact")
    assert origin(image).facts == {}
    told = origin(result["image"])
    assert told.before is image
    assert told.facts["scale"] == 4
    assert told.facts["model"] == str(files["compact"])
    assert "spandrel" in told.facts["versions"]


def test_an_image_without_pixels_is_refused(load: Any) -> None:
    with pytest.raises(InputError, match="an image of 0×5 has no pixels"):
        load("compact")(Image.new("RGB", (0, 5)))


# --- what stops it ----------------------------------------------------------------------------------------------------


def test_an_interrupt_at_a_tile_keeps_what_is_whole(load: Any) -> None:
    handle = load("compact", "tile_size: 16")
    run = Run()
    counted = itertools.count(1)
    run.listener = lambda e: run.stop() if isinstance(e, Advance) and next(counted) == 5 else None
    images = [picture(32, 32), picture(32, 32), picture(32, 32)]
    with pytest.raises(Interrupted, match="after 1 of 3") as caught:
        handle(images, run=run)
    first, second, third = caught.value.partial
    assert np.array_equal(np.asarray(first), np.asarray(handle(images[0])))
    assert (second, third) == (None, None)


def test_out_of_memory_halves_the_tiles_and_says_so(shared: mc.Session, load: Any) -> None:
    image = picture(120, 100)
    handle = load("compact")
    whole = handle(image)
    network = shared.resident_of(handle).thing.driver.network.model.model
    seen: list[int] = []

    def small_card(module: Any, given: Any) -> None:
        area = given[0].shape[-1] * given[0].shape[-2]
        if area > 4000:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        seen.append(area)

    hook = network.register_forward_pre_hook(small_card)
    events: list[Any] = []
    try:
        result = handle(image, run=Run(events.append))
    finally:
        hook.remove()
    notes = [e.text for e in events if isinstance(e, Note)]
    assert notes[0].startswith("out of memory with 1 tiles: going on with")
    assert max(seen) <= 4000
    assert psnr(result, whole) > 45
    last = [e for e in events if isinstance(e, Advance)][-1]
    assert last.done == last.total


@pytest.mark.parametrize("name", ["compact", "rrdb", "swinir"])
@pytest.mark.parametrize("lines", [(), ("tile_pad_size: 100",)])
def test_out_of_memory_to_the_last_tile_is_an_error_and_the_model_stays(
    shared: mc.Session, load: Any, name: str, lines: tuple[str, ...]
) -> None:
    handle = load(name, *lines)
    handle(picture(8, 8))  # what a pixel takes is measured now
    network = shared.resident_of(handle).thing.driver.network.model.model
    tries = itertools.count(1)

    def no_card(module: Any, given: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory") if next(tries) < 30 else AssertionError("tried for ever")

    hook = network.register_forward_pre_hook(no_card)
    with pytest.raises(RunError, match="out of memory"):
        handle(picture(120, 100))
    hook.remove()
    assert handle(picture(8, 8)).size == (32, 32)


def test_little_free_memory_makes_small_tiles(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mc_jupyter import devices

    handle = load("compact")
    whole = handle(picture(120, 100))
    own = devices.free_memory
    monkeypatch.setattr(
        devices, "free_memory", lambda device: devices.Memory(2_000_000, own("cpu").total, "a limit of this test")
    )
    events: list[Any] = []
    result = handle(picture(120, 100), run=Run(events.append))
    assert len([e for e in events if isinstance(e, Advance)]) > 1
    assert psnr(result, whole) > 45
    with pytest.raises(DoesNotFit, match="an image of 4800×4000 takes"):
        handle(picture(1200, 1000))
    far = load("rrdb")
    assert any(text.startswith("memory is short: tiles see ") for text in notes_of(far, picture(120, 100)))


def test_the_memory_measured_is_what_a_network_takes(load: Any, shared: mc.Session) -> None:
    handle = load("real_esrgan")
    network = shared.resident_of(handle).thing.driver.network
    # At the end two planes of 8 features at 4 × 4 the size are there at once, each number of 4 bytes.
    assert network.bytes_per_pixel() >= 2 * 8 * 16 * 4
    assert network.bytes_per_pixel() < 4 * 2 * 8 * 16 * 4


def test_not_a_number_is_an_error_and_no_black_picture(load: Any, shared: mc.Session) -> None:
    handle = load("compact")
    weight = next(shared.resident_of(handle).thing.driver.network.model.model.parameters())
    kept = weight.detach().clone()
    with torch.no_grad():
        weight.fill_(float("nan"))
    with pytest.raises(RunError, match=r"\(float32\) gives numbers that are none"):
        handle(picture(8, 8))
    with torch.no_grad():
        weight.copy_(kept)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "name", "says"),
    [("swinir", "compact", "is no swinir: its tensors are Compact's"),
     ("esrgan", "swinir", "is no esrgan: its tensors are SwinIR's"),
     ("esrgan", "compact_pth", "is no esrgan: its tensors are Compact's"),
     ("swinir", "real_esrgan", "is no swinir: its tensors are ESRGAN's")],
)  # fmt: skip
def test_a_file_of_another_architecture_is_refused_before_it_is_read(
    session: mc.Session, files: dict[str, Path], family: str, name: str, says: str
) -> None:
    text = cell("image-upscale", files[name], f"architecture: {family}", "allow_pickle: true")
    obstacles = session.plan(text).problems
    assert [says in str(o) for o in obstacles] == [True]
    assert "line 4" in str(obstacles[0])
    with pytest.raises(PlanError, match=says):
        session.load(text)


@pytest.mark.parametrize(("family", "name"), [("real-esrgan", "compact"), ("real-esrgan", "real_esrgan"),
                                              ("esrgan", "rrdb"), ("swinir", "swinir")])  # fmt: skip
def test_a_file_of_the_named_architecture_is_taken(load: Any, family: str, name: str) -> None:
    assert load(name, f"family: {family}")(picture(8, 8)).size == (32, 32)


def test_ldsr_and_spandrel_send_each_others_files_on(
    session: mc.Session, files: dict[str, Path], tmp_path: Path
) -> None:
    folder = upscalers.ldsr(tmp_path / "ldsr")
    with pytest.raises(PlanError, match=r"is a pipeline of diffusers[\s\S]*→ architecture: ldsr"):
        session.load(cell("image-upscale", folder))
    with pytest.raises(PlanError, match=r"is no pipeline[\s\S]*→ architecture: auto"):
        session.load(cell("image-upscale", files["compact"], "architecture: ldsr"))


def test_a_pickle_needs_a_word_and_runs_nothing(session: mc.Session, files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UnsafeWeights, match="allow_pickle"):
        session.load(cell("image-upscale", files["compact_pth"]))

    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"params": {"body.0.weight": Evil()}}, tmp_path / "evil.pth")
    with pytest.raises(UnsafeWeights, match="wants to call"):
        session.load(cell("image-upscale", tmp_path / "evil.pth", "allow_pickle: true"))
    torch.jit.script(torch.nn.Conv2d(3, 3, 3)).save(tmp_path / "program.pt")
    with pytest.raises(UnsafeWeights):
        session.load(cell("image-upscale", tmp_path / "program.pt", "allow_pickle: true"))
    assert not (tmp_path / "ran").exists()


def test_files_that_are_no_upscaler_are_one_error(session: mc.Session, tmp_path: Path) -> None:
    upscalers.save({"a.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(PlanError, match="of no architecture that spandrel knows"):
        session.load(cell("image-upscale", tmp_path / "other.safetensors"))
    whole = upscalers.swinir(tmp_path / "cut.safetensors")
    from safetensors.torch import load_file

    state = load_file(whole)
    upscalers.save({k: v for k, v in state.items() if "conv_last" not in k}, whole)
    with pytest.raises(WeightsError, match="spandrel cannot load .*Missing key"):
        session.load(cell("image-upscale", whole))
    (tmp_path / "short.pth").write_bytes(b"no weights")
    with pytest.raises((UnsafeWeights, WeightsError), match="short.pth"):
        session.load(cell("image-upscale", tmp_path / "short.pth", "allow_pickle: true"))


@pytest.mark.parametrize(
    ("line", "says"),
    [("steps: 20", "num_inference_steps has no effect here: only ldsr goes by steps"),
     ("eta: 0.5", "eta has no effect here"), ("seed: 3", "seed has no effect here"),
     ("batch_size: 2", "batch_size has no effect here"),
     ("params: {tile_size: 0, tile_pad_size: 8}", "tile_pad_size has no effect here: tile_size: 0 cuts nothing"), ("tile_siz: 2", "did you mean 'tile_size'"),
     ("scale: 40", "scale should be at most 16"), ("scale: 0", "scale should be at least 1"),
     ("color_format: rbg", "color_format"), ("params: {denoise_strength: 0.5}", "unknown key 'denoise_strength'")],
)  # fmt: skip
def test_what_would_have_no_effect_is_refused_where_it_stands(
    session: mc.Session, files: dict[str, Path], line: str, says: str
) -> None:
    with pytest.raises(SpecError, match=says):
        session.plan(cell("image-upscale", files["compact"], line))


def test_a_seed_given_beside_the_cell_is_refused_too(load: Any) -> None:
    with pytest.raises(InputError, match="seed has no effect here"):
        load("compact")(picture(8, 8), seed=4)


@pytest.mark.parametrize(
    ("line", "says"),
    [("quantization: int8", "upscalers are convolutions"), ("device_mode: auto", "spreads no upscaler"),
     ("peft_adapters: {model: ./nowhere}", "lays no adapters")],
)  # fmt: skip
def test_what_no_upscaler_does_is_an_obstacle(
    session: mc.Session, files: dict[str, Path], line: str, says: str
) -> None:
    assert any(says in str(o) for o in session.plan(cell("image-upscale", files["compact"], line)).problems)


def test_half_precision_where_the_architecture_does_it(load: Any, session: mc.Session, files: dict[str, Path]) -> None:
    image = picture(40, 32)
    whole = load("compact")(image)
    handle = load("compact", "precision: bfloat16")
    assert handle.facts().dtype == "bfloat16"
    assert psnr(handle(image), whole) > 35
    for half in ("float16", "bfloat16"):
        with pytest.raises(PlanError, match=f"SwinIR does not compute in {half}"):
            session.load(cell("image-upscale", files["swinir"], f"precision: {half}"))


def test_what_spandrel_says_of_half_precision_is_tried_out(files: dict[str, Path]) -> None:
    import spandrel

    from mc_jupyter.drivers.spandrel import _computes

    model = spandrel.ModelLoader(device="cpu").load_from_file(files["swinir"]).eval()
    assert model.supports_bfloat16
    assert not _computes(model, torch.bfloat16)


def test_facts_are_read_from_the_tensors(load: Any) -> None:
    facts = load("compact").facts()
    assert (facts.architecture, facts.device, facts.dtype) == ("Compact", "cpu", "float32")
    assert facts.bytes == 4 * facts.parameters
    assert facts.notes == ("enlarges 4×",)


def test_unloading_lets_the_network_go(session: mc.Session, files: dict[str, Path]) -> None:
    handle = session.load(cell("image-upscale", files["compact"]), "u")
    handle(picture(8, 8))
    gone = weakref.ref(session.resident_of(handle).thing.driver.network.model.model)
    session.unload("u")
    gc.collect()
    assert gone() is None
    assert handle(picture(8, 8)).size == (32, 32)


def test_tile_fields_and_scale_reload_nothing(session: mc.Session, files: dict[str, Path]) -> None:
    for line in ("scale: 2", "tile_size: 32", "architecture: real-esrgan"):
        session.load(cell("image-upscale", files["compact"], line), "u")
    assert session.loads == 1


# --- the grid ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (500, 333), (4000, 3000)])
@pytest.mark.parametrize(("area", "pad", "multiple"), [(1024, 4, 1), (20000, 16, 8), (147456, 32, 8)])
def test_a_grid_covers_the_picture_once_within_its_area(
    size: tuple[int, int], area: int, pad: int, multiple: int
) -> None:
    grid = tiles.by_area(size, area, pad, multiple)
    starts = list(itertools.product(grid.rows, grid.columns))
    assert len(starts) == len(grid) == len(list(grid))
    assert all(row % multiple == 0 and column % multiple == 0 for row, column in starts)
    if area > (2 * pad + 3 * multiple) ** 2 * 2:
        assert grid.area <= area
    covered = np.zeros(size[::-1], bool)
    for tile in grid:
        left, top, right, bottom = tile.kept
        covered[top:bottom, left:right] = True
        assert tile.seen[0] <= left < right <= tile.seen[2]
    assert covered.all()


def test_a_large_photo_is_cut_so_that_little_is_done_twice(load: Any, shared: mc.Session) -> None:
    handle = load("compact")
    grid = enlarging.Tiling(shared.resident_of(handle).thing.driver.network, Run()).grid((4000, 3000))
    assert grid.area <= enlarging._AREA
    seen = sum((t.seen[2] - t.seen[0]) * (t.seen[3] - t.seen[1]) for t in grid)
    assert seen < 1.1 * 4000 * 3000


def test_a_narrow_picture_is_cut_into_strips_across() -> None:
    grid = tiles.by_area((100, 2000), 20_000, 16)
    assert len(grid.columns) == 1


# --- where files come from, and what computes ---------------------------------------------------------------------------


def test_one_file_of_the_hub_is_named_by_repository_and_filename(
    session: mc.Session, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with HubStandIn() as hub:
        hub.add("owner/upscalers", {file.name: file.read_bytes() for file in files.values()})
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        monkeypatch.delenv("HF_HUB_OFFLINE")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        model = "{repository: owner/upscalers, filename: compact.safetensors}"
        handle = session.load(cell("image-upscale", model, "architecture: real-esrgan"))
    assert handle(picture(9, 7)).size == (36, 28)


def test_a_folder_with_one_file_is_that_file(session: mc.Session, tmp_path: Path) -> None:
    upscalers.compact(tmp_path / "anything.safetensors")
    assert session.load(cell("image-upscale", tmp_path))(picture(9, 7)).size == (36, 28)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ["starter:upscale", "rrdb", "swinir"])
def test_a_gpu_gives_what_the_cpu_gives(session: mc.Session, files: dict[str, Path], name: str) -> None:
    image = picture(150, 130)
    model = files.get(name, name)
    results = [
        session.load(cell("image-upscale", model, "allow_pickle: true", f"device: {device}", "tile_size: 64"))(image)
        for device in ("cpu", "cuda")
    ]
    assert psnr(*results) > 35
