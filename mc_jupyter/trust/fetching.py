"""Fetching one address that data names: a public host, within a size and a time, and with nothing of ours sent along.

An address in data may point into this machine or its network, where services trust whoever reaches them, or at a
cloud's metadata, which hands out keys. So a name is looked up once, every address it has is judged, and the connection
goes to an address that was judged: a name that means something else a moment later (rebinding) gains nothing. Each
redirect is a new address, and goes the same way. No proxy, cookie, password or token is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from mc_jupyter.errors import ExpressionError
from mc_jupyter.trust.network import PUBLIC, Budget, Limits, Network, TooLarge, TooSlow

if TYPE_CHECKING:
    import httpx

_PORTS = frozenset({80, 443})  # and every port from 1024 on: what listens below is mail, name servers and the like
_MOVED = frozenset({301, 302, 303, 307, 308})


def fetch(address: str, network: Network | None = None, limits: Limits | None = None) -> bytes:
    """What an http(s) address answers, redirects followed. ExpressionError says why it cannot be had."""
    network, limits = network or PUBLIC, limits or Limits()
    budget = Budget(limits)
    url = _checked(address, address)
    try:
        for _ in range(limits.redirects + 1):
            found, moved = _answer(url, network, budget, address)
            if moved is None:
                return found
            url = _checked(urljoin(str(url), moved), address)
    except TooSlow:
        raise ExpressionError(f"{_shown(address)} took longer than {limits.seconds:g} s") from None
    except TooLarge:
        raise ExpressionError(f"{_shown(address)} is larger than {_size(limits.bytes)}") from None
    raise ExpressionError(f"{_shown(address)} redirects more than {limits.redirects} times")


def _checked(written: str, first: str) -> httpx.URL:
    """The address, if it is of a kind that may be fetched at all."""
    import httpx

    on_the_way = "" if written == first else f"{_shown(first)} redirects to "
    try:
        url = httpx.URL(written)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise ExpressionError(f"{on_the_way}{_shown(written)}, which is no address: {error}") from None
    said = f"{on_the_way}{_shown(written)}"
    if url.scheme not in ("http", "https"):
        raise ExpressionError(f"{said}: only http and https addresses are fetched, not {url.scheme}:")
    if not url.host:
        raise ExpressionError(f"{said} names no host")
    if url.userinfo:
        raise ExpressionError(f"{on_the_way}an address with a name or password in it, which is not sent")
    port = url.port or (443 if url.scheme == "https" else 80)
    if port not in _PORTS and port < 1024:
        raise ExpressionError(f"{said}: port {port} is no web server's", fix="80, 443, or one from 1024 on")
    return url


def _answer(url: httpx.URL, network: Network, budget: Budget, first: str) -> tuple[bytes, str | None]:
    """The body of one answer; or where it redirects to."""
    import httpcore
    import httpx

    from mc_jupyter.trust._public import Backend

    headers = {"Accept": "image/*, */*;q=0.5", "Accept-Encoding": "identity", "User-Agent": "mc_jupyter"}
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=httpx.create_ssl_context() if url.scheme == "https" else None,
                max_connections=1,
                network_backend=Backend(network, budget, _shown(first)),
            ) as pool,
            pool.stream(
                "GET", str(url.copy_with(fragment=None)), headers=[(k.encode(), v.encode()) for k, v in headers.items()]
            ) as response,
        ):
            told = {name.lower(): value.decode("latin-1") for name, value in response.headers}
            if response.status in _MOVED and b"location" in told:
                return b"", told[b"location"]
            if response.status != 200:
                raise ExpressionError(f"{_shown(first)} answers {response.status}, and no file")
            return _body(response.iter_stream(), told.get(b"content-encoding", ""), budget), None
    except httpcore.TimeoutException:
        raise TooSlow from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        why = str(error).strip() or type(error).__name__
        raise ExpressionError(f"cannot fetch {_shown(first)}: {why}") from None


def _body(pieces: Iterator[bytes], coding: str, budget: Budget) -> bytes:
    """The whole body, unpacked where a server packs it unasked; never more than the limit, packed or not."""
    import zlib

    coding = coding.strip().lower()
    if coding not in ("", "identity", "gzip", "deflate"):
        raise ExpressionError(f"the server packs its answer as {coding[:20]}, though none was asked for")
    unpack: Any = zlib.decompressobj(wbits=47) if coding in ("gzip", "deflate") else None  # either header is known
    found = bytearray()
    for piece in pieces:
        budget.seconds()
        room = budget.limits.bytes - len(found) + 1
        try:
            found += piece if unpack is None else unpack.decompress(piece, room)
        except zlib.error as error:
            raise ExpressionError(f"the server's answer is damaged: {error}") from None
        if len(found) > budget.limits.bytes:
            raise TooLarge
    return bytes(found)


def _shown(address: str) -> str:
    """An address for a message: without its query, which may hold a key, and not at any length."""
    import re

    plain = re.sub(r"//[^/@]*@", "//", address.partition("?")[0].partition("#")[0])
    return plain if len(plain) <= 100 else plain[:99] + "…"


def _size(size: int) -> str:
    return f"{size // 1024**2} MB" if size >= 1024**2 else f"{size} bytes"
