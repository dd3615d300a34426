"""Faces as a value: a mapping that counts faces, answers for the first, and is held against others."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from PIL import Image

from mc_jupyter.errors import InputError
from mc_jupyter.values import Embedding, Faces, describe, look_up
from mc_jupyter.values.conversions import as_text
from mc_jupyter.values.faces import cosine


def of(*vectors: list[float]) -> Faces:
    entries = [{"embedding": Embedding(v), "bounding_box": [0.0, 0.0, 9.0, 9.0], "score": 0.9} for v in vectors]
    return Faces(faces=entries, width=40, height=30, image=Image.new("RGB", (40, 30)))


def test_len_counts_faces_and_repr_is_one_short_line() -> None:
    assert [len(of()), len(of([1.0])), len(of([1.0], [2.0]))] == [0, 1, 2]
    assert repr(of([0.1] * 512, [0.2] * 512)) == "<2 faces in 40×30 pixels, 512 numbers each>"
    assert repr(of()) == "<no face in 40×30 pixels>"
    assert describe(of([1.0])) == "a picture with 1 face"


def test_json_and_text_are_whole_and_without_the_picture() -> None:
    for value in (of(), of([1.0, 0.5])):
        for text in (json.dumps(value), json.dumps(value, indent=2), as_text(value)):
            assert json.loads(text) == dict(value)
            assert set(json.loads(text)) == {"faces", "width", "height"}


def test_copies_know_their_picture() -> None:
    value = of([1.0])
    for copied in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert copied == value
        assert copied.image.size == (40, 30)


def test_names_reach_the_first_face_and_all_of_them() -> None:
    value = of([1.0, 0.0], [0.0, 1.0])
    assert look_up(value, "embedding") == value.embedding == [1.0, 0.0]
    assert look_up(value, "embeddings") == [[1.0, 0.0], [0.0, 1.0]]
    with pytest.raises(KeyError):
        look_up(value, "image")


def test_similarity_takes_faces_a_face_or_a_vector() -> None:
    a, b = of([3.0, 4.0], [0.0, 2.0]), of([4.0, 3.0])
    assert a.similarity(b) == pytest.approx(24 / 25)
    assert a.similarity(b, face=1) == b.similarity(a, other_face=-1) == pytest.approx(3 / 5)
    assert a.similarity(b["faces"][0]) == a.similarity(b.embedding) == a.similarity([4, 3]) == a.similarity(b)
    assert a.similarity(a) == 1.0
    assert a.similarity(of([-3.0, -4.0])) == -1.0


def test_similarity_to_what_is_no_face_says_why() -> None:
    for other, why in (
        (of(), "no face in the picture of 40×30 pixels"),
        (None, "not like nothing"),
        ("someone", "not like a str"),
        ([1.0, 0.0, 0.0], "vectors of 2 and of 3 numbers"),
    ):
        with pytest.raises(InputError, match=why):
            of([1.0, 0.0]).similarity(other)
    with pytest.raises(InputError, match="there are 2 faces in the picture of 40×30 pixels, and face 2 was asked for"):
        of([1.0], [1.0]).similarity(of([1.0]), face=2)
    with pytest.raises(InputError, match="there is no face"):
        of().similarity(of([1.0]))


def test_a_vector_without_length_is_like_nobody() -> None:
    assert cosine([0.0, 0.0], [1.0, 2.0]) == 0.0
