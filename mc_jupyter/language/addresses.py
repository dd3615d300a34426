"""Addresses, hosts and ports of servers, as cells write them: one that can be none is told where it stands."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

_NAME = re.compile(r"(?!-)[\w-]{1,63}(?<!-)(?:\.(?!-)[\w-]{1,63}(?<!-))*\.?")  # letters of every alphabet
_LONGEST = 253
_UNWRITTEN = re.compile(r"[\s\x00-\x1f\x7f]")


def host_of(written: str) -> str:
    """A host's name, or its number. ValueError where it can be none.

    >>> [host_of(one) for one in ("localhost", "10.0.0.1", "::1", "[::1]", "bücher.example")]
    ['localhost', '10.0.0.1', '::1', '[::1]', 'bücher.example']
    """
    bare = written[1:-1] if written[:1] == "[" and written[-1:] == "]" else written
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        if len(written) > _LONGEST or not _NAME.fullmatch(written):
            raise ValueError(f"{_shown(written)} is no host: write localhost, a name or a number") from None
        if re.fullmatch(r"[\d.]+", written):
            raise ValueError(f"{written} is no host: a number is written as 127.0.0.1") from None
    return written


def address_of(written: str) -> str:
    """The address of a web server. ValueError where it can be none."""
    if _scheme(written) not in ("http", "https"):
        raise ValueError(f"{_shown(written)} is no address of a web server: write http://HOST:PORT or https://…")
    return written


def server_of(written: str) -> str:
    """The address of a server of any kind, or a path."""
    if "://" in written:
        _scheme(written)
    return written


def _scheme(written: str) -> str:
    """The scheme of an address, whose host and port are looked at."""
    if _UNWRITTEN.search(written):
        raise ValueError(f"{_shown(written)} is no address: it has blanks or control characters in it")
    try:
        parts = urlsplit(written)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{_shown(written)} is no address: {error}") from None
    if port == 0:
        raise ValueError(f"{_shown(written)} is no address: a port is 1 to 65535")
    host_of(parts.hostname or "")
    return parts.scheme


def _shown(written: str) -> str:
    """Without the name and the password that an address may hold."""
    return repr(re.sub(r"//[^/@]*@", "//", written[:200]))


Address = Annotated[str, AfterValidator(address_of)]
Server = Annotated[str, AfterValidator(server_of)]
Host = Annotated[str, AfterValidator(host_of)]
Port = Annotated[int, Field(ge=1, le=65535)]
