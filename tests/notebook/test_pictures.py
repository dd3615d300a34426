"""How pictures look: one PNG, grids that need no script, thumbnails that say so, the same facts everywhere."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from mc_jupyter.errors import Interrupted
from mc_jupyter.events import Preview
from mc_jupyter.notebook import display, outcome
from mc_jupyter.notebook.answer import Answer
from mc_jupyter.notebook.showing import Showing, here
from mc_jupyter.notebook.views import _pictures as pictures
from mc_jupyter.notebook.views import of
from mc_jupyter.notebook.views import picture as pictured
from mc_jupyter.notebook.views._pictures import grid, lines
from mc_jupyter.values import Batch
from mc_jupyter.values.pictures import marked
from tests.notebook.test_display import EVIL, checked

DRAW = """%%compose draw {flags}
component:
  type: model
  task: image-generation
  driver: echo
  prompt: ${{input.prompt as text}}
  width: 96
  height: 64
  num_images_per_prompt: ${{input.count as integer | 1}}
"""
UP = """%%compose up {flags}
component:
  type: model
  task: image-upscale
  driver: echo
  image: ${{input.image as image}}
  scale: 4
"""


def picture(seed: int | None = 7, size: tuple[int, int] = (96, 64), **facts: Any) -> Image.Image:
    return marked(Image.new("RGB", size, "red"), seed=seed, **facts)


def bundle(value: Any, showing: Showing | None = None) -> dict[str, Any]:
    found = display.bundle(value, showing or Showing())
    assert found is not None
    return found


def stored(html: str) -> list[Any]:
    """The pictures inside HTML."""
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]


def png_of(shown: dict[str, Any]) -> Any:
    return Image.open(io.BytesIO(shown["image/png"]))


# --- one --------------------------------------------------------------------------------------------------------------


def test_one_picture_is_one_png_with_its_facts_inside_and_words_beside() -> None:
    shown = bundle(picture(prompt="a hat", num_inference_steps=20))
    assert set(shown) == {"text/plain", "image/png"}
    assert shown["text/plain"] == "image of 96×64 pixels · seed 7 · 20 steps"
    assert json.loads(png_of(shown).text["mc_jupyter"]) == {"seed": 7, "prompt": "a hat", "num_inference_steps": 20}


def test_a_picture_larger_than_the_limit_is_a_thumbnail_and_says_where_the_whole_is() -> None:
    image = picture(size=(2000, 1000))
    shown = bundle(image, Showing(400))
    assert png_of(shown).size == (400, 200)
    assert shown["text/plain"].splitlines() == [
        "image of 2,000×1,000 pixels · seed 7",
        "a thumbnail of 400×200; -o VAR keeps it in full, --images FOLDER saves it",
    ]
    kept = lines(image, Showing(400, "pics", {id(image): "pics/a.png"}))
    assert kept[-1] == "a thumbnail of 400×200; in full: pics/a.png"
    assert png_of(bundle(image, Showing(0))).size == (2000, 1000)


def test_a_picture_within_the_limit_is_stored_pixel_for_pixel() -> None:
    image = marked(Image.effect_noise((300, 200), 90).convert("RGB"), seed=1)
    assert png_of(bundle(image, Showing(300))).tobytes() == image.tobytes()


# --- several ----------------------------------------------------------------------------------------------------------


def test_a_list_is_a_grid_whose_captions_are_seeds() -> None:
    html = bundle([picture(seed) for seed in (7, 8, 9)])["text/html"]
    found = checked(html)
    assert found.tags >= {"details", "summary", "img"}
    assert not found.tags & {"script", "input", "a"}
    assert not {name for name in found.attributes if name.startswith("on")}
    assert re.findall(r">(seed \d)<", html) == ["seed 7", "seed 8", "seed 9"]
    assert [image.text["parameters"] for image in stored(html)] == ["Seed: 7", "Seed: 8", "Seed: 9"]


def test_without_styles_the_thumbnails_and_the_facts_are_still_there() -> None:
    html = bundle([picture(seed, size=(600, 300), prompt="a hat") for seed in (7, 8)])["text/html"]
    bare = re.sub(r'<style>.*?</style>| (?:style|class|title)="[^"]*"', "", html)
    assert bare.count('<img width="240" alt="a hat" src="data:image/png') == 2
    assert "seed 8" in bare
    assert "Seed: 8, size: 600×300" in bare


def test_what_a_prompt_says_is_text_and_never_markup() -> None:
    html = bundle([picture(prompt=EVIL), picture(prompt=f"other {EVIL}")])["text/html"]
    found = checked(html)
    assert found.tags <= {"style", "div", "details", "summary", "img", "small"}
    assert not {name for name in found.attributes if name.startswith("on")}
    assert "alert(1)" in found.text


def test_prompts_times_images_are_rows_under_their_prompt() -> None:
    result = Batch([Batch([picture(i, prompt=prompt) for i in (1, 2)]) for prompt in ("a hat", "a cat")])
    html = bundle(result)["text/html"]
    assert re.findall(r">(a hat|a cat|seed \d)</small>", html) == [
        "a hat", "seed 1", "seed 2", "a cat", "seed 1", "seed 2",
    ]  # fmt: skip


def test_pictures_of_several_prompts_say_which() -> None:
    html = bundle([picture(1, prompt="a hat"), picture(2, prompt="a cat")])["text/html"]
    assert ">a hat · seed 1<" in html


def test_a_long_list_shows_twenty_and_says_how_many_more() -> None:
    shown = bundle([picture(seed) for seed in range(33)])
    assert len(stored(shown["text/html"])) == 20
    assert "… 13 more" in shown["text/html"]
    assert shown["text/plain"].count("image of") == 20


def test_a_grid_stores_no_more_pixels_than_four_pictures_have() -> None:
    images = [picture(seed, size=(500, 500)) for seed in range(16)]
    assert {image.size for image in stored(grid(images[:4], Showing(400)))} == {(400, 400)}
    assert {image.size for image in stored(grid(images, Showing(400)))} == {(200, 200)}
    assert "stored with at most 200 pixels on a side; -o VAR keeps them in full" in grid(images, Showing(400))


def test_what_was_not_made_is_left_out() -> None:
    assert pictures.are_pictures([picture(), None, [None, picture()]])
    assert not pictures.are_pictures([None])
    assert not pictures.are_pictures([])
    assert not pictures.are_pictures([picture(), "text"])
    assert len(stored(bundle([picture(), None])["text/html"])) == 1


def test_pictures_of_a_mapping_stand_above_its_text() -> None:
    shown = display.bundle({"drawn": picture(), "words": EVIL, "more": [picture(8), picture(9)]})
    assert shown is not None
    assert len(stored(shown["text/html"])) == 3
    assert ">drawn</small>" in shown["text/html"]
    assert "‹image 96×64›" in shown["text/plain"]
    assert "<script>" not in shown["text/html"]


# --- facts ------------------------------------------------------------------------------------------------------------


def test_metadata_of_several_says_what_they_share_and_in_what_they_differ() -> None:
    found = pictures.facts([picture(7, prompt="a hat"), picture(8, prompt="a hat")])
    assert found == {"prompt": "a hat", "seeds": [7, 8], "images": [{"seed": 7}, {"seed": 8}]}
    assert pictures.facts([Image.new("L", (1, 1))]) == {}


def test_an_input_picture_is_in_no_file_and_in_no_metadata() -> None:
    before = Image.effect_noise((64, 64), 90)
    image = marked(Image.new("RGB", (8, 8)), before=before, seed=1)
    assert len(bundle(image)["image/png"]) < 500
    assert len(json.dumps(pictures.facts(image))) < 100


# --- in a shell -------------------------------------------------------------------------------------------------------


def test_ipython_stores_a_picture_in_one_format_until_we_are_unloaded(shell: InteractiveShell) -> None:
    format_ = shell.display_formatter.format
    own = Image.new("RGB", (2000, 10), "green")
    shell.display_formatter.active_types = [*shell.display_formatter.format_types]
    assert set(format_(own)[0]) == {"text/plain", "image/png"}
    assert png_of(format_(own)[0]).size == (2000, 10)  # no model here made it: shown as it is
    data, metadata = format_(picture(prompt="a hat"))
    assert set(data) == {"text/plain", "image/png"}
    assert metadata["mc_jupyter"] == {"seed": 7, "prompt": "a hat"}
    assert set(format_(Batch([picture(), picture(8)]))[0]) == {"text/plain", "text/html"}
    shell.run_line_magic("unload_ext", "mc_jupyter")
    assert set(format_(own)[0]) == {"text/plain", "image/png", "image/jpeg"}
    shell.run_line_magic("load_ext", "mc_jupyter")


def test_a_result_that_python_shows_smaller_says_so_under_it(shell: InteractiveShell) -> None:
    shell.run_line_magic("config", "ComposeMagics.max_px = 100")
    data, _ = shell.display_formatter.format(picture(size=(400, 200)))
    assert set(data) == {"text/plain", "text/html"}
    assert [image.size for image in stored(data["text/html"])] == [(100, 50)]
    assert "a thumbnail of 100×50" in data["text/html"]


Run = Callable[[str], Any]


def test_a_variable_gets_the_pictures_in_full(run: Run, shell: InteractiveShell) -> None:
    run(DRAW.format(flags="--max-px 32"))
    run("%compose run draw prompt='a hat' --seed 7 -o one")
    run("%compose run draw prompt='a hat' count=3 --seed 7 -o several")
    one, several = shell.user_ns["one"], shell.user_ns["several"]
    assert one.size == (96, 64)
    assert isinstance(several, Batch)
    assert [image.size for image in several] == [(96, 64)] * 3
    assert several[0].tobytes() == one.tobytes()
    again = run("draw('a hat', seed=8)")
    assert again.tobytes() == several[1].tobytes()


def test_the_folder_of_the_cell_gets_every_picture_in_full(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(DRAW.format(flags="--images pics -i prompt='a hat' -i count=2"))
    run("%compose run draw prompt='a cat' -o cat")
    run("%compose run draw prompt='a dog' --images other;")
    sizes = {path.parent.name: Image.open(path).size for path in tmp_path.rglob("*.png")}
    assert sizes == {"pics": (96, 64), "other": (96, 64)}
    assert len(list((tmp_path / "pics").iterdir())) == 3
    assert len(list((tmp_path / "other").iterdir())) == 1


def test_a_folder_or_limit_that_cannot_be_is_said_before_anything_runs(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    error = run(DRAW.format(flags="--images file/pics -i prompt='a hat'"))
    assert "no pictures can be saved in file/pics" in str(error)
    assert "--max-px 3: should be 16 or more" in str(run(DRAW.format(flags="--max-px 3")))
    assert "draw" not in str(run("%compose ls"))
    run(DRAW.format(flags=""))
    assert "should be 16 or more" in str(run("%compose run draw prompt=x --max-px=-5"))


def test_a_flag_of_pictures_beside_a_task_that_makes_none_is_an_error(run: Run) -> None:
    cell = "%%compose say {}\ncomponent: {{type: model, task: text-generation, driver: echo}}\n"
    assert "text-generation makes no pictures: --max-px has no effect" in str(run(cell.format("--max-px 64")))
    run(cell.format(""))
    assert "--images has no effect" in str(run("%compose run say prompt=x --images pics"))


def test_variants_of_a_comparison_stand_side_by_side(run: Run) -> None:
    run(DRAW.format(flags=""))
    comparison = run("%compose compare draw num_inference_steps=2,5 -i prompt='a hat'")
    html = display.bundle(comparison)["text/html"]  # type: ignore[index]
    assert len(stored(html)) == 2
    assert re.findall(r">(num_inference_steps=\d)<", html) == ["num_inference_steps=2", "num_inference_steps=5"]
    assert "image of" not in re.sub(r'alt="[^"]*"', "", html)


def test_plain_words_cost_no_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any, **named: Any) -> bytes:
        raise AssertionError

    monkeypatch.setattr(pictured, "png", fails)
    view = of(picture(), Showing())
    assert view is not None
    assert view.plain() == "image of 96×64 pixels · seed 7"


# --- forms and panels -------------------------------------------------------------------------------------------------


class Output:
    """What an Output widget is to an answer."""

    outputs: tuple[dict[str, Any], ...] = ()


def answered(run: Run, shell: InteractiveShell, cell: str, **values: Any) -> Output:
    run(cell)
    output = Output()
    Answer(output).run(shell.user_ns["draw" if "draw" in cell else "up"], values)
    return output


def test_a_form_answers_with_the_picture_and_its_figures(
    run: Run, shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    output = answered(run, shell, DRAW.format(flags=f"--images {tmp_path}"), prompt="a hat")
    picture, figures = output.outputs
    assert set(picture["data"]) == {"text/plain", "image/png"}
    assert picture["metadata"]["mc_jupyter"]["prompt"] == "a hat"
    assert Image.open(io.BytesIO(base64.b64decode(picture["data"]["image/png"]))).size == (96, 64)
    assert figures["data"]["text/plain"].startswith("96×64 pixels · seed 0 · 4 steps\nsaved as ")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_second_answer_takes_the_place_of_the_first(run: Run, shell: InteractiveShell) -> None:
    run(DRAW.format(flags=""))
    output = Output()
    for count in (1, 3):
        Answer(output).run(shell.user_ns["draw"], {"prompt": "a hat", "count": count})
    (several,) = output.outputs
    assert len(stored(several["data"]["text/html"])) == 3


def test_a_form_shows_before_and_after_with_a_slider_that_goes_with_the_notebook(
    run: Run, shell: InteractiveShell
) -> None:
    output = answered(run, shell, UP.format(flags=""), image=Image.effect_noise((20, 10), 90))
    still, _, moving = output.outputs
    assert set(still["data"]) == {"text/plain", "image/png"}
    assert "application/vnd.jupyter.widget-view+json" in moving["data"]
    live = here(clicked=True).live
    assert [name for name in live or () if name.startswith("slider ")]


def test_a_stopped_form_keeps_the_picture_as_far_as_it_was(run: Run, shell: InteractiveShell) -> None:
    run(DRAW.format(flags=""))
    output = Output()
    seen: list[Any] = []

    def started(run_: Any) -> None:
        listener = run_.listener

        def listen(event: Any) -> None:
            listener(event)
            if isinstance(event, Preview) and not seen:
                seen.append(event)
                run_.stop()

        run_.listener = listen

    Answer(output).run(shell.user_ns["draw"], {"prompt": "a hat"}, started)
    picture, figures = output.outputs
    assert "image/png" in picture["data"]
    assert figures["data"]["text/plain"] == "interrupted at step 1 of 4 · 96×64 pixels · seed 0"
    assert picture["metadata"]["mc_jupyter"]["interrupted"] == "step 1 of 4"


def test_an_interrupt_costs_no_finished_picture_its_file(
    run: Run, shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **how: Any) -> Any:
        error = Interrupted("interrupted after 1 of 3")
        half = marked(Image.new("RGB", (20, 10)), seed=8, interrupted="step 1 of 4")
        error.partial = Batch([marked(Image.new("RGB", (40, 20)), seed=7), half, None])
        raise error

    monkeypatch.chdir(tmp_path)
    run(DRAW.format(flags=""))
    monkeypatch.setattr(outcome, "call", interrupted)
    assert isinstance(run(f"%compose run draw prompt=a --images {tmp_path / 'kept'}"), Interrupted)
    (file,) = (tmp_path / "kept").iterdir()
    assert file.name.endswith("-seed7.png")
