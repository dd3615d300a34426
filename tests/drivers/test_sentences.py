"""Embedders that sentence-transformers saved, compared with what it makes of the same folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import InputError, PlanError, WeightsError
from mc_jupyter.events import Note, Run
from tests import models
from tests.conftest import cell

pytestmark = pytest.mark.slow  # sentence-transformers saves and loads each model, too

TEXTS = ["a lovely day", "the little fox ran over the green hill and saw a ball", "x", "numbers such as 1 2 3"]
MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
WIDTH = 64
PROMPTS = {"query": "search for: ", "document": "a page: "}


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The decoder that is embedded with: on its padding's side and by its last token, most goes wrong."""
    import torch
    from transformers import LlamaConfig, LlamaModel

    folder = tmp_path_factory.mktemp("body")
    torch.manual_seed(0)
    tokenizer = models.byte_tokenizer()
    sizes = {"hidden_size": WIDTH, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4}
    LlamaModel(LlamaConfig(vocab_size=len(tokenizer), pad_token_id=2, initializer_range=0.3, **sizes)).save_pretrained(
        folder
    )
    tokenizer.save_pretrained(folder)
    return folder


Save = Callable[..., Path]


@pytest.fixture
def save(body: Path, tmp_path: Path) -> Save:
    """Have sentence-transformers save the body with these modules after it: save(Pooling(64), prompts={…})."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Transformer

    def saved(*after: Any, encoder: Path = body, options: dict[str, Any] | None = None, **settings: Any) -> Path:
        torch.manual_seed(1)
        parts = [Transformer(str(encoder), **(options or {})), *after]
        SentenceTransformer(modules=parts, device="cpu", **settings).save(
            str(tmp_path / "saved"), create_model_card=False
        )
        return tmp_path / "saved"

    return saved


def theirs(folder: Path, texts: list[str] = TEXTS, **how: Any) -> list[list[float]]:
    from sentence_transformers import SentenceTransformer

    rows: list[list[float]] = SentenceTransformer(str(folder), device="cpu").encode(texts, **how).tolist()
    return rows


def assert_equal(session: mc.Session, folder: Path, *lines: str, **how: Any) -> None:
    """As a list, and one by one, normalized or not: what sentence-transformers gives."""
    for normalize in (True, False):
        params = f"params: {{normalize: {str(normalize).lower()}}}"
        handle = session.load(cell("text-embedding", folder, params, *lines), f"n{normalize}")
        expected = theirs(folder, normalize_embeddings=normalize, **how)
        for ours, alone, row in zip(handle(TEXTS), map(handle, TEXTS), expected, strict=True):
            assert ours == pytest.approx(row, abs=1e-4, rel=1e-4)
            assert alone == pytest.approx(row, abs=1e-4, rel=1e-4)


def rewrite(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


class TestPooling:
    @pytest.mark.parametrize("mode", MODES)
    def test_each_way_is_done_as_the_files_say(self, session: mc.Session, save: Save, mode: str) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        assert_equal(session, save(Pooling(WIDTH, mode)))

    @pytest.mark.parametrize("mode", MODES)
    def test_each_way_may_be_named_in_the_cell(self, session: mc.Session, save: Save, mode: str) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH, "max" if mode == "mean" else "mean"))
        handle = session.load(cell("text-embedding", folder, f"params: {{pooling: {mode}}}"))
        rewrite(folder / "1_Pooling" / "config.json", pooling_mode=mode)
        for ours, row in zip(handle(TEXTS), theirs(folder, normalize_embeddings=True), strict=True):
            assert ours == pytest.approx(row, abs=1e-5)

    def test_several_ways_are_laid_side_by_side(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        assert_equal(session, save(Pooling(WIDTH, ("mean", "lasttoken", "cls"))))

    def test_flags_of_older_files_are_laid_in_their_own_order(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH))
        flags = {"pooling_mode_lasttoken": True, "pooling_mode_mean_tokens": False, "pooling_mode_max_tokens": True}
        (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": WIDTH, **flags}))
        assert_equal(session, folder)

    def test_flags_that_say_no_way_are_the_mean(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH))
        flags = {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": False}
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(flags))
        assert_equal(session, folder)

    def test_a_way_of_another_library_is_refused_by_its_name(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH))
        rewrite(folder / "1_Pooling" / "config.json", pooling_mode="attention")
        with pytest.raises(PlanError, match="pools by attention"):
            session.load(cell("text-embedding", folder))
        assert session.load(cell("text-embedding", folder, "architecture: bert"))("x")

    def test_a_pooling_without_its_file_is_no_guess(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH, "lasttoken"))
        expected = theirs(folder, normalize_embeddings=True)
        shutil.rmtree(folder / "1_Pooling")
        with pytest.raises(PlanError, match=r"1_Pooling has no config.json(.|\n)*pooling: mean"):
            session.load(cell("text-embedding", folder))
        said = session.load(cell("text-embedding", folder, "params: {pooling: lasttoken}"))(TEXTS)
        assert said[1] == pytest.approx(expected[1], abs=1e-5)


class TestModules:
    def test_dense_layer_norm_and_normalize_come_after_the_pooling(self, session: mc.Session, save: Save) -> None:
        import torch
        from sentence_transformers.sentence_transformer.modules import Dense, Dropout, LayerNorm, Normalize, Pooling

        norm = LayerNorm(48)
        torch.nn.init.normal_(norm.norm.weight)
        after = (Dense(WIDTH, 48), norm, Dropout(0.5), Dense(48, 24, bias=False, activation_function=torch.nn.GELU()))
        folder = save(Pooling(WIDTH, "lasttoken"), *after, Normalize())
        assert_equal(session, folder)
        assert len(session.load(cell("text-embedding", folder))("x")) == 24

    def test_a_dense_may_add_what_came_in_and_come_before_the_pooling(self, session: mc.Session, save: Save) -> None:
        import torch
        from sentence_transformers.sentence_transformer.modules import Dense, Pooling

        linear = torch.nn.Identity()
        first = Dense(WIDTH, 40, module_input_name="token_embeddings", activation_function=linear, use_residual=True)
        assert_equal(session, save(first, Pooling(40), Dense(40, 40, use_residual=True)))

    def test_layers_are_weighted_where_the_encoder_gives_all(self, session: mc.Session, save: Save, body: Path) -> None:
        import torch
        from sentence_transformers.sentence_transformer.modules import Pooling, WeightedLayerPooling

        weights = torch.nn.Parameter(torch.tensor([0.5, 1.0, 2.0]))
        layers = WeightedLayerPooling(WIDTH, num_hidden_layers=3, layer_start=1, layer_weights=weights)
        folder = save(layers, Pooling(WIDTH))
        assert_equal(session, folder)
        rewrite(folder / "config.json", output_hidden_states=True)
        assert_equal(session, folder, "keep_alive: 1m")

    def test_modules_named_by_version_0_to_5_are_the_same(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Dense, Pooling

        folder = save(Pooling(WIDTH, "lasttoken"), Dense(WIDTH, 32))
        expected = theirs(folder, normalize_embeddings=True)
        file = folder / "modules.json"
        modules = json.loads(file.read_text())
        for module in modules:
            module["type"] = "sentence_transformers.models." + module["type"].rpartition(".")[2]
        modules[0]["type"] = "sentence_transformers.models.BERT"
        file.write_text(json.dumps(modules))
        assert session.load(cell("text-embedding", folder))(TEXTS)[1] == pytest.approx(expected[1], abs=1e-5)

    def test_a_dense_in_a_pickle_beside_safetensors_is_read_where_that_is_allowed(
        self, session: mc.Session, save: Save
    ) -> None:
        import torch
        from safetensors.torch import load_file
        from sentence_transformers.sentence_transformer.modules import Dense, Pooling

        folder = save(Pooling(WIDTH), Dense(WIDTH, 32))
        torch.save(load_file(folder / "2_Dense" / "model.safetensors"), folder / "2_Dense" / "pytorch_model.bin")
        (folder / "2_Dense" / "model.safetensors").unlink()
        with pytest.raises(mc.ComposeError, match=r"2_Dense/pytorch_model.bin(.|\n)*allow_pickle: true"):
            session.load(cell("text-embedding", folder))
        assert_equal(session, folder, "allow_pickle: true")

    @pytest.mark.parametrize("name", ["dense", "Dense_final", "2_Dense_1024"])
    def test_a_dense_lies_in_a_folder_of_any_such_name(self, session: mc.Session, save: Save, name: str) -> None:
        from sentence_transformers.sentence_transformer.modules import Dense, Pooling

        folder = save(Pooling(WIDTH), Dense(WIDTH, 16))
        (folder / "2_Dense").rename(folder / name)
        modules = json.loads((folder / "modules.json").read_text())
        modules[2]["path"] = name
        (folder / "modules.json").write_text(json.dumps(modules))
        assert_equal(session, folder)

    def test_a_dense_without_weights_is_refused(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Dense, Pooling

        folder = save(Pooling(WIDTH), Dense(WIDTH, 32))
        (folder / "2_Dense" / "model.safetensors").unlink()
        with pytest.raises(WeightsError, match="2_Dense has no weights"):
            session.load(cell("text-embedding", folder))

    def test_a_pooling_of_the_cell_that_a_dense_cannot_take_is_told(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Dense, Pooling

        folder = save(Pooling(WIDTH, ("mean", "max")), Dense(2 * WIDTH, 32))
        with pytest.raises(InputError, match="2_Dense takes vectors of 128 numbers, and pooling gives 64"):
            session.load(cell("text-embedding", folder, "params: {pooling: mean}"))("x")

    def test_what_the_modules_take_in_memory_counts(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Dense, Pooling

        folder = save(Pooling(WIDTH), Dense(WIDTH, 32))
        with_it = session.load(cell("text-embedding", folder)).facts()
        plain = session.load(cell("text-embedding", save(Pooling(WIDTH))), "plain").facts()
        assert with_it.bytes - plain.bytes == 4 * (WIDTH * 32 + 32)

    @pytest.mark.parametrize("kind", ["CNN", "LSTM", "WordWeights", "my_package.Attention"])
    def test_a_module_that_is_not_done_is_named_and_can_be_left_out(
        self, session: mc.Session, save: Save, kind: str
    ) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH))
        file, known = folder / "modules.json", "." not in kind
        name = f"sentence_transformers.models.{kind}" if known else kind
        extra = {"idx": 2, "name": "2", "path": "2_More", "type": name}
        file.write_text(json.dumps([*json.loads(file.read_text()), extra]))
        with pytest.raises(PlanError, match=rf"module {kind} (.|\n)*architecture: bert"):
            session.load(cell("text-embedding", folder))
        assert session.load(cell("text-embedding", folder, "architecture: bert"))("x")

    @pytest.mark.parametrize("kind", ["BoW", "Router"])
    def test_a_model_without_an_encoder_is_named_where_it_has_no_weights_of_its_own(
        self, session: mc.Session, tmp_path: Path, body: Path, kind: str
    ) -> None:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.base.modules import Router
        from sentence_transformers.sentence_transformer.modules import BoW, Pooling, Transformer

        route = [Transformer(str(body)), Pooling(WIDTH)]
        made = BoW(["a", "lovely", "day"]) if kind == "BoW" else Router({"query": route, "document": route})
        SentenceTransformer(modules=[made], device="cpu").save(str(tmp_path), create_model_card=False)
        with pytest.raises(WeightsError, match=rf"module {kind}, (.|\n)*SentenceTransformer in Python"):
            session.load(cell("text-embedding", tmp_path))

    @pytest.mark.parametrize("line", ["architecture: auto", "architecture: bert"])
    def test_a_model_of_words_alone_is_named(self, session: mc.Session, tmp_path: Path, body: Path, line: str) -> None:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import StaticEmbedding

        made = StaticEmbedding(models.byte_tokenizer(), embedding_dim=8)
        SentenceTransformer(modules=[made], device="cpu").save(str(tmp_path), create_model_card=False)
        with pytest.raises(PlanError, match=r"module StaticEmbedding(.|\n)*SentenceTransformer in Python"):
            session.load(cell("text-embedding", tmp_path, line))

    def test_a_model_for_sparse_vectors_is_named_and_can_be_read_as_a_plain_one(
        self, session: mc.Session, save: Save
    ) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH))
        rewrite(folder / "config_sentence_transformers.json", model_type="SparseEncoder")
        with pytest.raises(PlanError, match="is a SparseEncoder"):
            session.load(cell("text-embedding", folder))
        assert session.load(cell("text-embedding", folder, "architecture: bert"))("x")

    def test_an_encoder_in_a_folder_of_its_own_is_refused_with_what_to_move(
        self, session: mc.Session, save: Save
    ) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH, "cls"))
        expected = theirs(folder, normalize_embeddings=True)
        file, inner = folder / "modules.json", folder / "0_BERT"
        inner.mkdir()
        moved = [each for each in folder.iterdir() if each.is_file() and each != file]
        for each in moved:
            each.rename(inner / each.name)
        first, *rest = json.loads(file.read_text())
        file.write_text(json.dumps([{**first, "path": "0_BERT"}, *rest]))
        with pytest.raises(PlanError, match="move the files of 0_BERT beside modules.json"):
            session.load(cell("text-embedding", folder))
        for each in moved:
            (inner / each.name).rename(each)
        file.write_text(json.dumps([{**first, "path": ""}, *rest]))
        assert session.load(cell("text-embedding", folder))(TEXTS)[0] == pytest.approx(expected[0], abs=1e-5)

    def test_files_that_lost_their_list_of_modules_are_told(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH, "cls"))
        (folder / "modules.json").unlink()
        notes = session.load(cell("text-embedding", folder)).facts().notes
        assert any("without modules.json" in note for note in notes)

    def test_a_vector_that_is_scaled_against_the_cells_word_is_told(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

        heard: list[object] = []
        handle = session.load(cell("text-embedding", save(Pooling(WIDTH), Normalize()), "params: {normalize: false}"))
        handle("x", run=Run(listener=heard.append))
        assert any(isinstance(event, Note) and "scales each vector" in event.text for event in heard)

    def test_an_activation_that_is_not_torchs_is_named_and_can_be_left_out(
        self, session: mc.Session, save: Save
    ) -> None:
        from sentence_transformers.sentence_transformer.modules import Dense, Pooling

        folder = save(Pooling(WIDTH), Dense(WIDTH, 32))
        rewrite(folder / "2_Dense" / "config.json", activation_function="os.path.Tanh")
        with pytest.raises(PlanError, match=r"2_Dense \(Dense\) has an activation os.path.Tanh"):
            session.load(cell("text-embedding", folder))
        assert len(session.load(cell("text-embedding", folder, "architecture: bert"))("x")) == WIDTH

    def test_an_encoder_that_is_asked_for_another_output_is_refused(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH))
        rewrite(folder / "sentence_bert_config.json", transformer_task="fill-mask")
        with pytest.raises(PlanError, match="asks for another output"):
            session.load(cell("text-embedding", folder))

    def test_texts_that_go_through_a_chat_template_are_refused(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH))
        ways = json.loads((folder / "sentence_bert_config.json").read_text())["modality_config"]
        rewrite(folder / "sentence_bert_config.json", modality_config={**ways, "message": ways["text"]})
        with pytest.raises(PlanError, match="chat template"):
            session.load(cell("text-embedding", folder))
        assert session.load(cell("text-embedding", folder, "architecture: bert"))("x")


class TestPrompts:
    @pytest.fixture
    def prompted(self, save: Save) -> Path:
        from sentence_transformers.sentence_transformer.modules import Pooling

        return save(Pooling(WIDTH), prompts=PROMPTS, default_prompt_name="query")

    def test_the_default_prompt_goes_before_each_text(self, session: mc.Session, prompted: Path) -> None:
        assert_equal(session, prompted)

    def test_another_prompt_is_named(self, session: mc.Session, prompted: Path) -> None:
        handle = session.load(cell("text-embedding", prompted, "params: {prompt_name: document}"))
        expected = theirs(prompted, prompt_name="document", normalize_embeddings=True)
        assert handle(TEXTS)[0] == pytest.approx(expected[0], abs=1e-5)

    def test_no_prompt_is_named_by_nothing(self, session: mc.Session, prompted: Path) -> None:
        handle = session.load(cell("text-embedding", prompted, 'params: {prompt_name: ""}'))
        expected = theirs(prompted, prompt="", normalize_embeddings=True)
        assert handle(TEXTS)[0] == pytest.approx(expected[0], abs=1e-5)

    def test_architecture_bert_reads_no_prompts(self, session: mc.Session, prompted: Path) -> None:
        handle = session.load(cell("text-embedding", prompted, "architecture: bert"))
        assert handle("x") == pytest.approx(theirs(prompted, ["x"], prompt="", normalize_embeddings=True)[0], abs=1e-5)

    def test_a_prompt_that_is_not_there_is_refused_with_those_that_are(
        self, session: mc.Session, prompted: Path, body: Path
    ) -> None:
        with pytest.raises(PlanError, match=r"line 5(.|\n)*prompts are (document and query|query and document)"):
            session.load(cell("text-embedding", prompted, "params: {prompt_name: passage}"))
        with pytest.raises(PlanError, match="brings no prompts"):
            session.load(cell("text-embedding", body, "params: {prompt_name: query}"))
        given = session.load(cell("text-embedding", prompted, "text: ${input.text as text}",
                                  "params: {prompt_name: '${input.kind as text}'}"))  # fmt: skip
        with pytest.raises(InputError, match="prompt_name: passage"):
            given("x", kind="passage")

    def test_a_default_prompt_that_is_not_there_is_refused(self, session: mc.Session, prompted: Path) -> None:
        rewrite(prompted / "config_sentence_transformers.json", default_prompt_name="question")
        with pytest.raises(PlanError, match="names a default prompt question"):
            session.load(cell("text-embedding", prompted))

    def test_what_the_files_add_is_told(self, session: mc.Session, prompted: Path) -> None:
        rewrite(prompted / "config_sentence_transformers.json", truncate_dim=16, similarity_fn_name="dot")
        heard: list[object] = []
        session.load(cell("text-embedding", prompted), run=Run(listener=heard.append))
        notes = " ".join(event.text for event in heard if isinstance(event, Note))
        assert "the checkpoint's prompt query, 'search for: '" in notes
        assert "first 16 numbers" in notes
        assert "by dot" in notes

    @pytest.mark.parametrize("mode", MODES)
    def test_a_prompt_is_left_out_of_the_pooling_where_the_files_say_so(
        self, session: mc.Session, save: Save, mode: str
    ) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        after = Pooling(WIDTH, mode, include_prompt=False)
        assert_equal(session, save(after, prompts=PROMPTS, default_prompt_name="query"))

    def test_a_prompt_before_words_between_closing_tokens_is_left_out_as_well(
        self, session: mc.Session, save: Save, encoder: Path
    ) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        after = Pooling(WIDTH, "mean", include_prompt=False)
        folder = save(after, encoder=encoder, prompts=PROMPTS, default_prompt_name="query")
        assert_equal(session, folder)


class TestDimensions:
    def test_the_files_say_how_many_numbers_are_kept(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

        folder = save(Pooling(WIDTH), Normalize(), truncate_dim=16)
        assert_equal(session, folder)
        assert len(session.load(cell("text-embedding", folder))("x")) == 16

    def test_the_cell_wins(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH), truncate_dim=16)
        handle = session.load(cell("text-embedding", folder, "params: {truncate_dim: 40}"))
        expected = theirs(folder, truncate_dim=40, normalize_embeddings=True)
        assert handle(TEXTS)[2] == pytest.approx(expected[2], abs=1e-5)

    def test_more_numbers_than_there_are_is_refused(self, session: mc.Session, body: Path) -> None:
        with pytest.raises(InputError, match="truncate_dim: 65, and this model's vectors have 64 numbers"):
            session.load(cell("text-embedding", body, "params: {truncate_dim: 65}"))("x")


class TestReading:
    def test_letters_are_made_small_where_the_files_say_so(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH))
        rewrite(folder / "sentence_bert_config.json", do_lower_case=True)
        handle = session.load(cell("text-embedding", folder))
        assert handle("A Lovely DAY <s>") == pytest.approx(
            theirs(folder, ["A Lovely DAY <s>"], normalize_embeddings=True)[0], abs=1e-5
        )
        assert handle("A Lovely DAY") == handle("a lovely day")

    def test_a_tokenizer_that_reads_small_letters_is_made_once(
        self, session: mc.Session, save: Save, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is a copy of the model's: of a large vocabulary that takes longer than the call."""
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH))
        rewrite(folder / "sentence_bert_config.json", do_lower_case=True)
        handle = session.load(cell("text-embedding", folder))
        first = handle("A Lovely DAY")
        monkeypatch.setattr("mc_jupyter.drivers.transformers.lowercasing", None)
        assert handle("a lovely day") == first

    @pytest.mark.parametrize("length", [8, 400])
    def test_the_length_of_the_files_counts_instead_of_the_tokenizers(
        self, session: mc.Session, save: Save, length: int
    ) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH, "lasttoken"), options={"max_seq_length": length})
        if not (folder / "sentence_bert_config.json").read_text().count("max_seq_length"):
            rewrite(folder / "sentence_bert_config.json", max_seq_length=length)
        rewrite(folder / "tokenizer_config.json", model_max_length=256)
        handle = session.load(cell("text-embedding", folder, "params: {truncate: true}"))
        text = "numbers such as 1 2 3 and names such as Anna " * 30
        assert handle(text) == pytest.approx(theirs(folder, [text], normalize_embeddings=True)[0], abs=1e-5)
        assert ("window", f"{length} tokens") in handle.card()

    def test_the_length_may_stand_in_a_file_of_an_older_name(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH))
        (folder / "sentence_bert_config.json").unlink()
        (folder / "sentence_xlm-roberta_config.json").write_text(json.dumps({"max_seq_length": 9}))
        assert ("window", "9 tokens") in session.load(cell("text-embedding", folder)).card()
        plain = session.load(cell("text-embedding", folder, "architecture: bert"), "plain")
        assert ("window", "256 tokens") in plain.card()


class TestArguments:
    """What sentence_bert_config.json has the library told beside the model's own files."""

    @pytest.mark.parametrize("group", ["tokenizer_args", "processor_kwargs"])
    def test_the_tokenizers_length_counts_before_the_files_own(
        self, session: mc.Session, save: Save, group: str
    ) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH))
        more = {"model_max_length": 6, "padding_side": "left"}
        rewrite(folder / "sentence_bert_config.json", max_seq_length=40, **{group: more})
        handle = session.load(cell("text-embedding", folder, "params: {truncate: true}"))
        for ours, row in zip(handle(TEXTS), theirs(folder, normalize_embeddings=True), strict=True):
            assert ours == pytest.approx(row, abs=1e-5)
        assert ("window", "6 tokens") in handle.card()

    @pytest.mark.parametrize(
        ("group", "argument", "file"),
        [
            ("config_args", {"num_hidden_layers": 1}, "config.json"),
            ("config_kwargs", {"num_hidden_layers": 1}, "config.json"),
            ("tokenizer_args", {"truncation_side": "left"}, "tokenizer_config.json"),
        ],
    )
    def test_what_decides_the_vectors_is_refused_and_the_way_out_works(
        self, session: mc.Session, save: Save, group: str, argument: dict[str, Any], file: str
    ) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH), options={"max_seq_length": 6})
        said = folder / "sentence_bert_config.json"
        rewrite(said, max_seq_length=6, **{group: argument})
        expected = theirs(folder, normalize_embeddings=True)
        (key,) = argument
        with pytest.raises(PlanError, match=rf"{group}\.{key}(.|\n)*write \"{key}\": .* into {file} instead"):
            session.load(cell("text-embedding", folder))
        rewrite(said, **{group: {}})
        rewrite(folder / file, **argument)
        handle = session.load(cell("text-embedding", folder, "params: {truncate: true}"))
        for ours, row in zip(handle(TEXTS), expected, strict=True):
            assert ours == pytest.approx(row, abs=1e-5)

    def test_an_argument_of_the_model_is_refused(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH))
        rewrite(folder / "sentence_bert_config.json", model_args={"tp_plan": "auto", "attn_implementation": "eager"})
        with pytest.raises(PlanError, match=r"model_args\.tp_plan"):
            session.load(cell("text-embedding", folder))
        assert session.load(cell("text-embedding", folder, "architecture: bert"))("x")

    def test_what_is_the_cells_to_say_is_told(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        folder = save(Pooling(WIDTH))
        said = {"model_args": {"torch_dtype": "bfloat16"}, "query_length": 32, "document_length": 256, "colour": "red"}
        rewrite(folder / "sentence_bert_config.json", **said)
        heard: list[object] = []
        session.load(cell("text-embedding", folder), run=Run(listener=heard.append))
        notes = [event.text for event in heard if isinstance(event, Note)]
        assert len(notes) == 3
        assert "precision: bfloat16 does that" in notes[0]
        assert "a query at 32 tokens and a document at 256 tokens cut off" in notes[1]
        assert "says colour, which is not applied" in notes[2]

    def test_files_as_they_are_saved_say_nothing_of_it(self, session: mc.Session, save: Save) -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        heard: list[object] = []
        session.load(cell("text-embedding", save(Pooling(WIDTH))), run=Run(listener=heard.append))
        assert not [event for event in heard if isinstance(event, Note)]
