"""Secrets: text that shows itself to nobody, and how it is told by a name or by a look."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle

import pytest

import mc_jupyter as mc
from mc_jupyter.faults import said_as
from mc_jupyter.language.fields import HubSource
from mc_jupyter.trust.secrets import Secret, hidden, looks_like_a_secret, names_a_secret

CANARY = "hf_canary0123456789"

NAMES = [
    "DB_PASS", "DB_PASSWORD", "DATABASE_URL", "GITHUB_PAT", "GH_PAT", "GITHUB_TOKEN", "REDIS_URL", "MONGO_URI",
    "SLACK_WEBHOOK_URL", "DISCORD_WEBHOOK", "JWT", "JWT_SECRET", "SESSION_KEY", "COOKIE", "PRIVATE_KEY", "SSH_KEY",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_CONNECTION_STRING",
    "GOOGLE_APPLICATION_CREDENTIALS", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "WANDB_API_KEY", "KAGGLE_KEY", "NPM_TOKEN",
    "PYPI_TOKEN", "STRIPE_SK", "TWILIO_AUTH", "SENTRY_DSN", "SMTP_PASS", "PGPASSWORD", "MYSQL_PWD", "NETRC",
    "KUBECONFIG", "VAULT_TOKEN", "DOCKER_AUTH_CONFIG", "CI_JOB_JWT", "PASSPHRASE",
]  # fmt: skip
"""The usual names of secrets."""


@dataclasses.dataclass
class Holder:
    inner: object


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret(CANARY)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{secret:>12}", f"{secret}"]
    shown.append(json.dumps({"s": secret}, default=str))
    shown.append(HubSource(repository="x", token=secret).model_dump_json())
    shown += [repr(HubSource(repository="x", token=secret).model_dump()), repr(dataclasses.asdict(Holder(secret)))]
    shown.append(repr([Holder(secret), {"a": secret}]))
    assert not [text for text in shown if "canary" in text]
    assert secret.reveal() == CANARY
    with pytest.raises(TypeError):
        vars(secret)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("holder", [lambda s: s, lambda s: [s], Holder, lambda s: HubSource(repository="x", token=s)])
def test_no_pickle_takes_a_secret(protocol: int, holder: object) -> None:
    with pytest.raises(TypeError, match="not written into a pickle"):
        pickle.dumps(holder(Secret(CANARY)), protocol)  # type: ignore[operator]


def test_a_copy_of_a_secret_is_itself() -> None:
    secret = Secret(CANARY)
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"a": [secret]})["a"][0] is secret


def test_equal_secrets_are_equal_and_their_hash_tells_nothing_of_the_text() -> None:
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret("other")
    assert Secret(CANARY) != CANARY
    assert len({Secret(CANARY), Secret(CANARY), Secret("other")}) == 2
    assert hash(Secret(CANARY)) != hash(CANARY)
    assert Secret("half \ud800") == Secret("half \ud800")


def test_a_definition_with_a_token_in_its_text_is_not_pickled_and_one_without_is(
    session: mc.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", CANARY)
    cell = "component: {{type: model, driver: echo, text: hi, model: {{repository: a/b, token: '{}'}}}}"
    named, literal = (session.load(cell.format(token), "a").definition for token in ("${env.HF_TOKEN}", CANARY))
    assert CANARY.encode() not in pickle.dumps(named)
    assert pickle.loads(pickle.dumps(named)).text == named.text
    assert CANARY not in repr(literal)
    with pytest.raises(TypeError, match="write \\${env.NAME}"):
        pickle.dumps(literal)


@pytest.mark.parametrize(
    "name", [*NAMES, "MY_API_KEY", "APIKEY", "db_password", "dbPassword", "CLIENT_SECRET", "SSH_PRIVATE", "X_KEY"]
)
def test_names_that_say_secret(name: str) -> None:
    assert names_a_secret(name)


@pytest.mark.parametrize(
    "name",
    ["HOME", "MODEL", "KEYBOARD", "PATH", "LANGUAGE", "TOKENIZERS_PARALLELISM", "MAX_TOKENS", "COMPASS", "API_URL"],
)
def test_names_that_do_not(name: str) -> None:
    assert not names_a_secret(name)


@pytest.mark.parametrize(
    "value",
    [
        "postgres://me:pw@db/x", "redis://:pw@host:6379/0", "https://user:p/w@host", "hf_abcdefghijklmn",
        "ghp_0123456789abcdefghij", "github_pat_11ABC", "glpat-abc", "sk-proj-0123456789abcdefgh", "xoxb-12-ab",
        "https://hooks.slack.com/services/T0/B0/x", "https://discord.com/api/webhooks/1/x", "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x", "-----BEGIN OPENSSH PRIVATE KEY-----", "host=db password=pw",
        "AccountName=a;AccountKey=b==", "https://x.test/?access_token=abc", "Bearer 0123456789abcdef",
    ],
)  # fmt: skip
def test_looks_that_say_secret(value: str) -> None:
    assert looks_like_a_secret(value)


@pytest.mark.parametrize(
    "value",
    ["/home/me", "en_US.UTF-8", "1", "https://huggingface.co", "ssh://git@host/x", "skiing in sk-Slovakia", "a b"],
)
def test_looks_that_do_not(value: str) -> None:
    assert not looks_like_a_secret(value)


def test_a_very_long_value_is_looked_at_in_no_time() -> None:
    assert not looks_like_a_secret("a://" * 200_000)
    assert not looks_like_a_secret("a:" * 400_000)


def test_what_a_library_says_of_a_secret_is_said_without_it() -> None:
    secret = Secret("canary of a library\r\nx")
    with pytest.raises(mc.RunError) as raised, said_as(mc.RunError, "it failed"):
        raise ValueError(f"Illegal header value {('Bearer ' + secret.reveal()).encode()!r}")
    assert str(raised.value) == "it failed: Illegal header value b'Bearer •••'"
    assert "canary" not in str(raised.value.__cause__)


def test_secrets_that_overlap_leave_nothing_of_either() -> None:
    kept = [Secret("begin and middle"), Secret("middle and end"), Secret("and middle and")]
    assert hidden("so: begin and middle and end, begin and middle.") == "so: •••, •••."
    assert len(kept) == 3
