"""Results are plain values with names, and answer no others."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from PIL import Image

from mc_jupyter.values import Batch, Embedding, Faces, Label, Text, look_up

ANSWER = Text("Hi there", finish_reason="stop", prompt_tokens=3, tokens=2, token_ids=[5, 6], seed=1)


def test_a_text_is_its_plain_text_and_slices_to_plain_text() -> None:
    assert ANSWER == "Hi there"
    assert type(str(ANSWER)) is str
    assert type(ANSWER[:2]) is str


@pytest.mark.parametrize("key", ["text", "generated_text", "content", "caption"])
def test_a_text_answers_its_other_names(key: str) -> None:
    assert look_up(ANSWER, key) == "Hi there"


def test_a_text_answers_as_a_chat_completion() -> None:
    choice = look_up(ANSWER, "choices")[0]
    assert choice["message"]["content"] == choice["content"][0]["text"] == choice["text"] == "Hi there"
    assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize("remake", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_copied_text_keeps_how_it_was_made(remake: Any) -> None:
    made = remake(ANSWER)
    assert (made, made.tokens, made.token_ids, made.finish_reason) == ("Hi there", 2, (5, 6), "stop")


@pytest.mark.parametrize("remake", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_copied_label_keeps_its_scores(remake: Any) -> None:
    made = remake(Label(label="good", score=0.9, label_id=1, scores={"good": 0.9}))
    assert made == {"label": "good", "score": 0.9, "label_id": 1}
    assert look_up(made, "scores") == {"good": 0.9}


def test_a_batch_is_asked_element_by_element() -> None:
    assert look_up(Batch([Label(label="a"), Label(label="b")]), "label") == ["a", "b"]
    assert look_up(Batch([Embedding([1.0]), Embedding([2.0])]), "embedding") == [[1.0], [2.0]]
    with pytest.raises(KeyError):
        look_up(Batch([Label(label="a")]), "nope")


def test_an_entry_comes_before_an_alias() -> None:
    assert look_up(Faces(embedding="entry", faces=[]), "embedding") == "entry"


def test_faces_answer_the_first_face_or_nothing() -> None:
    assert look_up(Faces(faces=[{"embedding": [1.0]}]), "embedding") == [1.0]
    assert look_up(Faces(faces=[]), "embedding") is None


def test_an_image_answers_image_and_images() -> None:
    image = Image.new("RGB", (2, 2))
    assert look_up(image, "image") is image
    assert look_up(image, "images") == [image]


@pytest.mark.parametrize("key", ["__class__", "upper", "__init__", "alias", "finish"])
def test_no_attribute_of_a_value_can_be_reached(key: str) -> None:
    for value in (ANSWER, "text", Label(), Image.new("L", (1, 1)), Embedding()):
        with pytest.raises(KeyError):
            look_up(value, key)
