"""Text that shows itself to nobody, and what tells it: the name of a variable, or the look of a value."""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NoReturn, Self

if TYPE_CHECKING:  # the magic hides secrets in tracebacks: `%load_ext` imports no pydantic
    from pydantic import GetCoreSchemaHandler
    from pydantic.annotated_handlers import GetJsonSchemaHandler
    from pydantic_core import core_schema

HIDDEN = "•••"
_KEY = os.urandom(32)
_SHORTEST, _REMEMBERED = 8, 1000

_seen: dict[str, None] = {}
"""The texts of the last secrets, for `hidden`: libraries quote what they were given, and tracebacks show variables."""


def hidden(text: str) -> str:
    """The text without the secrets that this process has met: for what others have written, errors of libraries say."""
    found = [span for secret in _seen.copy() for form in {secret, repr(secret)[1:-1]} for span in _spans(form, text)]
    told, end = "", 0
    for start, stop in sorted(found):
        if start >= end:
            told += text[end:start] + HIDDEN
        end = max(end, stop)
    return told + text[end:]


def _spans(part: str, text: str) -> Iterator[tuple[int, int]]:
    at = text.find(part)
    while at >= 0:
        yield at, at + len(part)
        at = text.find(part, at + 1)


class Secret:
    """Text that shows itself to nobody: `repr`, `str` and JSON give `•••`; `reveal()` gives the text.

    A copy of it is itself, and no pickle takes it: a file can be read by anybody.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str):
        self._text = text
        if len(text) >= _SHORTEST:
            _seen[text] = None
            while len(_seen) > _REMEMBERED:
                _seen.pop(next(iter(_seen)), None)

    @classmethod
    def joined(cls, parts: Iterable[str | Secret]) -> Secret:
        """What texts and secrets are together: a secret."""
        return cls("".join(part.reveal() if isinstance(part, Secret) else part for part in parts))

    def reveal(self) -> str:
        """The text. Whoever asks hands it on at once, and keeps it in no variable: tracebacks show those."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(_bytes(self._text), _bytes(other._text))

    def __hash__(self) -> int:
        # Keyed by what nobody else has: with PYTHONHASHSEED set, Python's own hash of a text can be looked up.
        return hash(blake2b(_bytes(self._text), key=_KEY, digest_size=8).digest())

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a secret is not written into a pickle, which anybody can read")

    def __getstate__(self) -> NoReturn:
        self.__reduce_ex__(None)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        from pydantic_core import core_schema

        def check(value: object) -> Secret:
            if isinstance(value, Secret):
                return value
            if not isinstance(value, str) or not value:
                raise ValueError("should be text")
            return cls(value)

        return core_schema.no_info_plain_validator_function(
            check, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "writeOnly": True}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


# --- what tells them --------------------------------------------------------------------------------------------------

_WORDS = frozenset(
    {
        "TOK", "TOKEN", "PASS", "PASSWD", "PWD", "PW", "PASSPHRASE", "PAT", "KEY", "SK", "AUTH", "JWT", "COOKIE",
        "COOKIES", "CRED", "CREDS", "CREDENTIALS", "DSN", "WEBHOOK", "SALT", "SECRET", "SECRETS", "PRIVATE", "NETRC",
        "BEARER", "OTP", "PIN", "SIGNATURE", "PEM", "KUBECONFIG"
    }
)  # fmt: skip
_WITHIN = re.compile(r"PASSW|SECRET|CREDENTIAL|PRIVATE|API_?KEY|(TOKEN|ACCESSKEY|AUTHKEY)(_|$)|WEBHOOK|CONNECTION_?STR")
_SERVICE = re.compile(r"(DB|DATABASE|SQL|MONGO|REDIS|POSTGRES|MYSQL|MARIA|AMQP|RABBIT|BROKER|CELERY|JDBC|ELASTIC)")
_ADDRESS = re.compile(r"(URL|URI|DSN)S?$")


def names_a_secret(variable: str) -> bool:
    """Whether an environment variable's name says that its value is nobody's business: HF_TOKEN, DB_PASS, REDIS_URL."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", variable).upper()
    if _WORDS & set(re.split(r"[^A-Z0-9]+", name)) or _WITHIN.search(name):
        return True
    return bool(_SERVICE.search(name) and _ADDRESS.search(name))  # such an address brings its password along


_LOOKS = re.compile(
    "|".join(
        (
            r"[A-Za-z][\w+.-]*://[^\s/@]*:[^\s]*@",  # scheme://user:password@host
            r"\bhf_\w{8,}",
            r"\bgh[a-z]_\w{16,}|\bgithub_pat_\w+|\bglpat-[\w-]+",
            r"\b[srp]k[-_](live_|test_|proj-|ant-)?[\w-]{16,}",  # of OpenAI, Anthropic, Stripe
            r"\bxox[a-z]-[\w-]+|\bxapp-[\w-]+|hooks\.slack\.com/\w+/|discord(app)?\.com/api/webhooks/",
            r"\b(AKIA|ASIA)[A-Z0-9]{12,}|\bAIza[\w-]{20,}|\bya29\.",
            r"\beyJ[\w-]{8,}\.[\w-]+",  # a JSON web token
            r"-----BEGIN ",
            r"\bnpm_\w{16,}|\bpypi-\w{16,}|\bdckr_pat_\w+|\bSG\.[\w-]{16,}\.|\bdapi[0-9a-f]{16,}|\bnvapi-[\w-]{16,}",
            r"(?i:\b(password|passwd|pwd|passphrase|secret|client_secret|token|access_token|sharedaccesskey|accountkey|"
            r"api_?key|sig|signature)\"?\s*[=:]\s*\S)",  # host=db password=…; ?access_token=…; AccountKey=…
            r"(?i:\b(bearer|basic)\s+[\w+/=.-]{8,})",
        )
    )
)


def looks_like_a_secret(value: str) -> bool:
    """Whether a value is one by its look: `scheme://user:password@`, or what a known service's tokens begin with."""
    return bool(_LOOKS.search(value[:65536]))
