"""A tokenizer that is not the model's: refused before weights are read, and honest differences are not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import WeightsError
from tests import models, pipelines
from tests.conftest import cell

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "vocab.json")


def without_tokenizer(made: Path, folder: Path) -> Path:
    shutil.copytree(made, folder, ignore=shutil.ignore_patterns(*TOKENIZER))
    return folder


def resized(folder: Path, rows: int) -> Path:
    """The encoder of the folder, its embedding of another size."""
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder)
    model.resize_token_embeddings(rows)
    model.save_pretrained(folder)
    return folder


class TestMissing:
    @pytest.mark.parametrize("task", ["text-embedding", "text-classification"])
    def test_an_encoder_without_its_vocabulary_is_refused(
        self, session: mc.Session, classifier: Path, tmp_path: Path, task: str
    ) -> None:
        folder = without_tokenizer(classifier, tmp_path / "bare")
        with pytest.raises(WeightsError, match=r"5 words, all of them special(.|\n)*tokenizer.json or vocab.txt"):
            session.load(cell(task, folder))
        assert session.loads == 0

    @pytest.mark.parametrize("make", [models.gpt2, models.t5])
    def test_a_model_that_writes_is_refused_as_well(self, session: mc.Session, tmp_path: Path, make: Any) -> None:
        folder = without_tokenizer(make(tmp_path / "whole"), tmp_path / "bare")
        with pytest.raises(WeightsError, match="its vocabulary is not among the files"):
            session.load(cell("text-generation", folder))

    def test_a_vocabulary_that_was_saved_empty_is_refused(
        self, session: mc.Session, encoder: Path, tmp_path: Path
    ) -> None:
        from transformers import AutoTokenizer

        folder = without_tokenizer(encoder, tmp_path / "bare")
        AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
        assert (folder / "tokenizer.json").exists()
        with pytest.raises(WeightsError, match="5 words, all of them special"):
            session.load(cell("text-embedding", folder))

    def test_a_pipeline_that_draws_is_refused_as_well(self, session: mc.Session, tmp_path: Path) -> None:
        folder = pipelines.sdxl(tmp_path)
        (folder / "tokenizer_2" / "tokenizer.json").unlink()
        with pytest.raises(WeightsError, match=r"vocabulary is not among the files(.|\n)*into tokenizer_2/"):
            session.load(cell("image-generation", folder, "architecture: sdxl"))

    def test_a_tokenizer_that_reads_bytes_needs_no_vocabulary(self, session: mc.Session, tmp_path: Path) -> None:
        folder = models.t5(tmp_path, vocab_size=384)
        for name in TOKENIZER:
            (folder / name).unlink(missing_ok=True)
        (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "ByT5Tokenizer"}))
        assert session.load(cell("text-embedding", folder))("any letters")


class TestAnothers:
    def test_a_tokenizer_of_a_larger_model_is_refused(
        self, session: mc.Session, encoder: Path, llama: Path, tmp_path: Path
    ) -> None:
        folder = without_tokenizer(encoder, tmp_path / "mixed")
        models.byte_tokenizer().save_pretrained(folder)
        with pytest.raises(WeightsError, match="they do not belong together"):
            session.load(cell("text-embedding", folder))
        assert session.loads == 0

    def test_a_tokenizer_of_a_smaller_model_is_refused(self, session: mc.Session, llama: Path, tmp_path: Path) -> None:
        folder = without_tokenizer(llama, tmp_path / "mixed")
        models.word_tokenizer().save_pretrained(folder)
        with pytest.raises(WeightsError, match="they do not belong together"):
            session.load(cell("text-generation", folder))

    def test_the_way_out_works(self, session: mc.Session, tmp_path: Path) -> None:
        folder = models.encoder(tmp_path, vocab_size=1000)
        with pytest.raises(WeightsError, match="resize_token_embeddings"):
            session.load(cell("text-embedding", folder))
        resized(folder, len(models.word_tokenizer()))
        assert session.load(cell("text-embedding", folder))("a lovely day")


class TestHonest:
    @pytest.mark.parametrize("multiple", [8, 64, 128])
    def test_rows_are_rounded_up(self, session: mc.Session, tmp_path: Path, multiple: int) -> None:
        words = len(models.word_tokenizer())
        folder = models.encoder(tmp_path, vocab_size=-(-words // multiple) * multiple)
        assert session.load(cell("text-embedding", folder))("a lovely day")

    def test_a_tokenizer_has_a_token_more_than_the_model(self, session: mc.Session, tmp_path: Path) -> None:
        from transformers import AutoTokenizer

        folder = models.encoder(tmp_path)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokenizer.add_tokens([f"<extra{i}>" for i in range(20)])
        tokenizer.save_pretrained(folder)
        assert session.load(cell("text-embedding", folder))("a lovely day")

    @pytest.mark.parametrize(
        ("words", "rows"),
        [
            (50295, 51200),
            (100015, 102400),
            (151665, 152064),
            (32100, 32128),
            (262145, 262144),
            (30000, 30522),
            (12, 16),
        ],
    )
    def test_sizes_of_published_models_belong_together(self, words: int, rows: int) -> None:
        from types import SimpleNamespace

        from mc_jupyter.drivers._belonging import check_rows

        class Sized(SimpleNamespace):
            def __len__(self) -> int:
                return words

        check_rows(Sized(vocab_files_names={"tokenizer_file": "tokenizer.json"}, vocab_size=words), rows, "the model")
