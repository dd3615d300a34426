"""A picture that is re-encoded looks as it did: upright, over white, of every mode, with its profile and its recipe."""

from __future__ import annotations

import base64
import io
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from IPython import display
from PIL import Image, ImageCms, ImageOps

import mc_jupyter as mc
from mc_jupyter.errors import ExpressionError
from mc_jupyter.values import look_up
from mc_jupyter.values.conversions import convert
from mc_jupyter.values.media import load_image
from mc_jupyter.values.pictures import marked, origin, rgb

FORMATS = ("png", "jpeg", "webp", "gif", "bmp", "tiff")
EXACT = ("png", "bmp", "tiff")


def smooth(seed: int, channels: int) -> Any:
    """Soft shades, which a JPEG keeps."""
    rough = np.random.default_rng(seed).integers(0, 255, (4, 5, channels), np.uint8)
    made = Image.fromarray(rough if channels > 1 else rough[:, :, 0])
    return made.resize((40, 24), Image.Resampling.BICUBIC)


def clear() -> Any:
    """Colours with transparency of every level, also none and all."""
    image = smooth(0, 3)
    alpha = np.asarray(smooth(1, 1)).copy()
    alpha[:8], alpha[-8:] = 0, 255
    image.putalpha(Image.fromarray(alpha))
    return image


def of_mode(mode: str) -> Any:
    """A picture of PIL's mode; after a colon, the range of its numbers, or what is clear in it."""
    name, _, more = mode.partition(":")
    grey = np.asarray(smooth(0, 1))
    if more == "16":
        return Image.fromarray(
            (grey.astype(np.float64) * 257).astype({"F": np.float32, "I": np.int32, "I;16": np.uint16}[name])
        )
    if more:
        palette = clear().quantize(16) if more == "clear" else smooth(0, 3).convert("P")
        image = {"P": palette, "L": smooth(0, 1), "RGB": smooth(0, 3), "I;16": of_mode("I;16:16")}[name]
        if more == "level":
            image.info["transparency"] = image.getpixel((3, 3))
        return image
    if name in ("F", "I"):
        return Image.fromarray((grey / 255).astype(np.float32) if name == "F" else grey.astype(np.int32))
    return (clear() if name[-1] in "Aa" else smooth(0, 3)).convert(name.replace("a", "A")).convert(name)


MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB", "F", "F:16", "I", "I:16",
         "I;16:16", "P:clear", "P:level", "L:level", "RGB:level", "I;16:level")  # fmt: skip


def seen(image: Any) -> Any:
    return np.asarray(rgb(image)).astype(int)


def in_base64(image: Any) -> Any:
    return Image.open(io.BytesIO(base64.b64decode(convert(image, "base64"))))


class TestModes:
    @pytest.mark.parametrize("format", EXACT)
    @pytest.mark.parametrize("mode", MODES)
    def test_a_format_without_loss_looks_exactly_as_before(self, mode: str, format: str) -> None:
        image = of_mode(mode)
        assert np.array_equal(seen(convert(image, "image", format)), seen(image))

    @pytest.mark.parametrize("format", ["jpeg", "webp", "gif"])
    @pytest.mark.parametrize("mode", MODES)
    def test_any_other_looks_as_pil_makes_it_of_what_is_seen(self, mode: str, format: str) -> None:
        image = of_mode(mode)
        buffer = io.BytesIO()
        rgb(image).save(buffer, format, **({} if format == "gif" else {"quality": 95}))
        allowed = np.abs(np.asarray(Image.open(buffer).convert("RGB")).astype(int) - seen(image)).mean()
        quality = {} if format == "gif" else {"quality": 95}
        assert np.abs(seen(convert(image, "image", format, quality)) - seen(image)).mean() <= max(3, 1.5 * allowed)

    @pytest.mark.parametrize("mode", MODES)
    def test_base64_is_a_png_that_looks_exactly_as_before(self, mode: str) -> None:
        image = of_mode(mode)
        again = in_base64(image)
        assert again.format == "PNG"
        assert np.array_equal(seen(again), seen(image))

    def test_what_pil_can_store_is_stored_as_it_is(self) -> None:
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16:16"):
            image = of_mode(mode)
            again = in_base64(image)
            assert (again.mode, again.tobytes()) == (image.mode, image.tobytes())

    @pytest.mark.parametrize("mode", ["F:16", "I:16", "I;16:16"])
    def test_shades_of_16_bits_stay_where_the_format_has_them(self, mode: str) -> None:
        image = of_mode(mode)
        for format in ("png", "tiff"):
            assert np.array_equal(np.asarray(convert(image, "image", format)), np.asarray(image))

    @pytest.mark.parametrize("largest", [1, np.nextafter(np.float32(1), np.float32(2)), 255, 65535])
    def test_the_largest_float_says_what_white_is(self, largest: float) -> None:
        image = Image.fromarray(np.linspace(0, largest, 256, dtype=np.float32)[None])
        for format in ("png", "bmp", "tiff"):
            found = seen(convert(image, "image", format))[0, :, 0]
            assert np.abs(found - np.arange(256)).max() <= 1

    def test_greys_stay_grey_where_the_format_has_greys(self) -> None:
        for mode in ("LA", "L:level", "F", "I:16", "I;16:level"):
            assert convert(of_mode(mode), "image", "jpeg").mode == "L"


class TestTransparency:
    @pytest.mark.parametrize("mode", ["LA", "La", "RGBA", "RGBa", "PA", "P:clear", "P:level", "L:level", "RGB:level"])
    @pytest.mark.parametrize("format", ["jpeg", "bmp"])
    def test_what_a_format_cannot_leave_clear_is_white(self, mode: str, format: str) -> None:
        image = of_mode(mode)
        hole = np.asarray(image.convert({"La": "LA"}.get(mode, image.mode)).convert("RGBA"))[..., 3] == 0
        assert hole.any()
        found = np.asarray(convert(image, "image", format, {"quality": 100} if format == "jpeg" else {}).convert("RGB"))
        assert np.median(found[hole]) >= 254

    @pytest.mark.parametrize("format", ["png", "webp", "tiff"])
    def test_where_it_can_the_levels_stay(self, format: str) -> None:
        found = convert(clear(), "image", format)
        assert np.array_equal(np.asarray(found)[..., 3], np.asarray(clear())[..., 3])

    def test_half_clear_pixels_of_a_gif_are_what_they_look_like_over_white(self) -> None:
        found = np.asarray(convert(clear(), "image", "gif").convert("RGBA"))
        assert set(np.unique(found[..., 3])) == {0, 255}
        assert np.array_equal(found[..., 3] == 0, np.asarray(clear())[..., 3] == 0)

    @pytest.mark.parametrize("colours", [8, 256])
    def test_a_palette_that_somebody_looked_at_keeps_its_colours(self, colours: int) -> None:
        """PIL's conversion leaves in a palette what is clear, and its GIF takes that for colours."""
        image = smooth(0, 3).quantize(colours)
        image.info["transparency"] = 3
        want = np.asarray(image.copy().convert("RGBA"))
        rgb(image)
        buffer = io.BytesIO()
        image.save(buffer, "GIF")  # PIL's own: the picture is as it was
        assert np.array_equal(np.asarray(Image.open(buffer).convert("RGBA"))[want[..., 3] > 0], want[want[..., 3] > 0])
        image.convert("RGBA")
        for format in ("gif", "png", "tiff"):
            found = np.asarray(convert(image, "image", format).convert("RGBA"))
            assert np.array_equal(found[..., 3], want[..., 3])
            assert np.array_equal(found[want[..., 3] > 0], want[want[..., 3] > 0])

    def test_what_is_no_profile_is_left_out(self) -> None:
        image = smooth(0, 3)
        image.info["icc_profile"] = "sRGB"
        for format in FORMATS:
            assert convert(image, "image", format).info.get("icc_profile") is None


class TestUpright:
    @pytest.mark.parametrize("way", range(1, 9))
    def test_a_photo_is_turned_as_its_exif_says(self, way: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = way
        buffer = io.BytesIO()
        smooth(0, 3).save(buffer, "JPEG", exif=exif, quality=95)
        photo = Image.open(buffer)
        want = np.asarray(ImageOps.exif_transpose(photo)).astype(int)
        for format in FORMATS:
            found = convert(buffer.getvalue(), "image", format)
            assert found.size == (want.shape[1], want.shape[0])
            assert found.getexif().get(0x0112, 1) == 1
            if format in EXACT:
                assert np.array_equal(seen(found), want)
        assert np.array_equal(seen(in_base64(photo)), want)

    def test_where_it_was_taken_is_left_out(self) -> None:
        exif = Image.Exif()
        exif[0x010E] = "at home"
        buffer = io.BytesIO()
        smooth(0, 3).save(buffer, "JPEG", exif=exif, comment=b"at home")
        assert b"at home" not in base64.b64decode(convert(load_image(buffer.getvalue()), "base64"))

    @pytest.mark.parametrize("format", ["JPEG", "TIFF", "GIF", "PNG"])
    def test_comments_and_tags_are_left_out(self, format: str) -> None:
        tags = {270: "at home"} if format == "TIFF" else None
        buffer = io.BytesIO()
        smooth(0, 3).save(buffer, format, comment=b"at home", tiffinfo=tags)
        assert b"at home" in buffer.getvalue() or format == "PNG"
        for written in FORMATS:
            found = convert(buffer.getvalue(), "image", written)
            assert "at home" not in repr((found.info, dict(found.getexif())))

    def test_a_tiff_that_was_squeezed_is_not_squeezed_again(self) -> None:
        buffer = io.BytesIO()
        smooth(0, 3).save(buffer, "TIFF", compression="jpeg")
        assert np.array_equal(seen(convert(buffer.getvalue(), "image", "tiff")), seen(load_image(buffer)))

    def test_one_that_breaks_off_is_one_error(self) -> None:
        buffer = io.BytesIO()
        Image.effect_noise((90, 90), 50).save(buffer, "TIFF")
        for type, subtype in (("image", "png"), ("base64", None)):
            with pytest.raises(ExpressionError, match="cannot be read|cannot write"):
                convert(Image.open(io.BytesIO(buffer.getvalue()[:4000])), type, subtype)

    def test_that_an_animation_was_cut_is_still_known(self) -> None:
        buffer = io.BytesIO()
        smooth(0, 3).save(buffer, "GIF", save_all=True, append_images=[smooth(1, 3)])
        assert convert(buffer.getvalue(), "image", "png").info["frames"] == "first of several"


@cache  # a new one says when it was made
def profile(space: str) -> bytes:
    """A profile that says which numbers it is for; of colours, a real one."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return made[:16] + space.encode() + made[20:]


class TestProfiles:
    @pytest.mark.parametrize("format", ["png", "jpeg", "webp", "tiff", "bmp", "gif"])
    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "P:level", "HSV"])
    def test_of_colours_stays_with_colours(self, mode: str, format: str) -> None:
        image = of_mode(mode)
        image.info["icc_profile"] = profile("RGB ")
        found = convert(image, "image", format)
        assert found.info["icc_profile"] == profile("RGB ")
        assert in_base64(found).info["icc_profile"] == profile("RGB ")

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "F", "I;16:16"])
    def test_of_greys_stays_with_greys_and_goes_with_them(self, mode: str) -> None:
        image = of_mode(mode)
        image.info["icc_profile"] = profile("GRAY")
        for format in ("png", "jpeg", "tiff"):
            assert convert(image, "image", format).info["icc_profile"] == profile("GRAY")
        assert "icc_profile" not in convert(image, "image", "webp").info  # which has only colours

    def test_of_inks_goes_with_them(self) -> None:
        image = of_mode("CMYK")
        image.info["icc_profile"] = profile("CMYK")
        for format, stays in (("jpeg", True), ("tiff", True), ("png", False), ("webp", False)):
            assert ("icc_profile" in convert(image, "image", format).info) is stays
        assert "icc_profile" not in in_base64(image).info


class TestRecipes:
    @pytest.mark.parametrize("format", FORMATS)
    def test_what_is_known_of_a_picture_stays_known(self, format: str) -> None:
        before = smooth(1, 3)
        image = marked(smooth(0, 3), prompt="모자", seed=7, before=before)
        found = convert(image, "image", format)
        assert (look_up(found, "prompt"), look_up(found, "seed"), found.format.lower()) == ("모자", 7, format)
        assert origin(found).before is before

    def test_base64_holds_it(self) -> None:
        again = in_base64(marked(smooth(0, 3), prompt="모자", seed=7))
        assert origin(again).facts == {"prompt": "모자", "seed": 7}
        assert again.text["parameters"] == "모자\nSeed: 7"

    def test_an_output_in_another_format_has_it(self, session: mc.Session) -> None:
        text = "component: {type: model, task: image-generation, driver: echo, width: 8, height: 8, output: '${result as image/jpeg}'}"
        image = session.load(text)("a hat", seed=5)
        assert (image.format, image.prompt, image.seed) == ("JPEG", "a hat", 5)


class TestLists:
    def test_pictures_of_a_list_are_converted_one_by_one(self, session: mc.Session) -> None:
        text = "component: {type: model, task: image-generation, driver: echo, width: 8, height: 8, num_images: 2, output: '${result as %s}'}"
        for prompts in ("a hat", ["a hat", "a cat"]):
            alone = session.load(text % "image")(prompts, seed=5)
            for type, subtype in (("image", "jpeg"), ("base64", None)):
                found = session.load(text % f"{type}{'/' + subtype if subtype else ''}")(prompts, seed=5)
                pairs = zip(found, alone, strict=True) if prompts == "a hat" else zip(found[1], alone[1], strict=True)
                assert all(one == convert(other, type, subtype) for one, other in pairs)

    def test_one_that_is_no_picture_is_named_by_its_place(self) -> None:
        with pytest.raises(ExpressionError, match=r"\[1\]: `image` needs an image, not 5"):
            convert([smooth(0, 3), 5], "image", "png")


class TestFilesInBase64:
    """What holds a picture is given as that picture, however it is held."""

    def test_arrays_and_buffers_are_pngs(self) -> None:
        pixels: Any = np.asarray(smooth(0, 3))
        for value in (pixels, pixels / 255, memoryview(pixels.copy())):
            assert np.array_equal(np.asarray(in_base64(value)), pixels)

    def test_files_are_what_they_hold(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(data := convert(smooth(0, 3), "file"))
        shown = display.Image(data)
        upload = {"name": "a.png", "content": memoryview(data)}
        for value in (tmp_path / "a.png", io.BytesIO(data), upload, shown, bytearray(data)):
            assert base64.b64decode(convert(value, "base64")) == data
            assert convert(value, "file") == data


class TestQuality:
    @pytest.mark.parametrize("format", ["png", "bmp", "gif", "tiff"])
    def test_where_it_has_no_effect_it_is_refused(self, format: str) -> None:
        with pytest.raises(ExpressionError, match="it has no quality"):
            convert(smooth(0, 3), "image", format, {"quality": 50})

    @pytest.mark.parametrize("quality", [0, -1, 101, 10**30])
    def test_one_that_there_is_not_is_refused(self, quality: int) -> None:
        with pytest.raises(ExpressionError, match="from 1 to 100"):
            convert(smooth(0, 3), "image", "webp", {"quality": quality})

    @pytest.mark.parametrize(("subtype", "said"), [(None, "quality"), ("jpeg", "width")])
    def test_what_changes_nothing_is_refused(self, subtype: str | None, said: str) -> None:
        with pytest.raises(ExpressionError, match=f"\\[{said}=…\\] has no effect"):
            convert(smooth(0, 3), "image", subtype, {said: 50})
