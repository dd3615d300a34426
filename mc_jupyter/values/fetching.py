"""Fetching one address that data names: a public host, within a size and a time, and with nothing of ours sent along.

An address in data may point into this machine or its network, where services trust whoever reaches them, or at a
cloud's metadata, which hands out keys. So a name is looked up once, every address it has is judged, and the connection
goes to an address that was judged: a name that means something else a moment later (rebinding) gains nothing. Each
redirect is a new address, and goes the same way. No proxy, cookie, password or token is used.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from mc_jupyter.errors import ExpressionError

if TYPE_CHECKING:
    import httpx

MAX_BYTES = 20 * 1024 * 1024
SECONDS = 15.0
REDIRECTS = 5
_PORTS = frozenset({80, 443})  # and every port from 1024 on: what listens below is mail, name servers and the like
_ROOM_FOR_HEADERS = 256 * 1024
_MOVED = frozenset({301, 302, 303, 307, 308})

_UNICAST = ipaddress.ip_network("2000::/3")
_SIX = tuple(map(ipaddress.ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
"""Within 2000::/3: protocol assignments (Teredo among them), documentation, 6to4. RFC 6890, RFC 9637."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_FOUR = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/3",
            "168.63.129.16/32",  # one cloud serves its metadata from this public address
        ),
    )
)  # fmt: skip
"""IANA's special-purpose IPv4 networks, multicast and what is reserved. Written out: `is_global` of older Pythons 3.11
takes some of them for public."""


def is_public(address: str) -> bool:
    """Whether this IP address, as text, is one of the public internet.

    >>> [is_public(a) for a in ("8.8.8.8", "169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::8.8.8.8")]
    [True, False, False, True]
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return not any(found in network for network in _FOUR)
    if found.ipv4_mapped is not None:
        return is_public(str(found.ipv4_mapped))
    if found in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)))
    return found.scope_id is None and found in _UNICAST and not any(found in network for network in _SIX)


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, in the order the system prefers them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True, slots=True)
class Network:
    """How names become addresses, and which addresses may be connected to."""

    resolve: Callable[[str, int], list[str]] = resolve
    admits: Callable[[str], bool] = is_public


PUBLIC = Network()


@dataclass(frozen=True, slots=True)
class Limits:
    """The most bytes, on the wire and unpacked; the most seconds, all redirects together; the most redirects."""

    bytes: int = MAX_BYTES
    seconds: float = SECONDS
    redirects: int = REDIRECTS


@dataclass(slots=True)
class _Budget:
    """What is left of one fetch's time and size."""

    limits: Limits
    read: int = 0
    end: float = field(default=0.0)

    def __post_init__(self) -> None:
        self.end = time.monotonic() + self.limits.seconds

    def seconds(self) -> float:
        left = self.end - time.monotonic()
        if left <= 0:
            raise _TooSlow
        return left

    def count(self, size: int) -> None:
        self.read += size
        if self.read > self.limits.bytes + _ROOM_FOR_HEADERS * (self.limits.redirects + 1):
            raise _TooLarge


class _TooSlow(Exception):
    pass


class _TooLarge(Exception):
    pass


def fetch(address: str, network: Network | None = None, limits: Limits | None = None) -> bytes:
    """What an http(s) address answers, redirects followed. ExpressionError says why it cannot be had."""
    network, limits = network or PUBLIC, limits or Limits()
    budget = _Budget(limits)
    url = _checked(address, address)
    try:
        for _ in range(limits.redirects + 1):
            found, moved = _answer(url, network, budget, address)
            if moved is None:
                return found
            url = _checked(urljoin(str(url), moved), address)
    except _TooSlow:
        raise ExpressionError(f"{_shown(address)} took longer than {limits.seconds:g} s") from None
    except _TooLarge:
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


def _answer(url: httpx.URL, network: Network, budget: _Budget, first: str) -> tuple[bytes, str | None]:
    """The body of one answer; or where it redirects to."""
    import httpcore
    import httpx

    from mc_jupyter.values._public import Backend

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
        raise _TooSlow from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        why = str(error).strip() or type(error).__name__
        raise ExpressionError(f"cannot fetch {_shown(first)}: {why}") from None


def _body(pieces: Iterator[bytes], coding: str, budget: _Budget) -> bytes:
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
            raise _TooLarge
    return bytes(found)


def looked_up(network: Network, host: str, port: int, seconds: float) -> list[str]:
    """The addresses of a name within a time: the system's own look-up has none, so it runs in a thread of its own."""
    found: list[list[str] | OSError] = []

    def look() -> None:
        try:
            found.append(network.resolve(host, port))
        except (OSError, UnicodeError) as error:
            found.append(error if isinstance(error, OSError) else OSError(str(error)))

    thread = threading.Thread(target=look, name="mc_jupyter-lookup", daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise _TooSlow
    if isinstance(found[0], OSError):
        raise found[0]
    return found[0]


def _shown(address: str) -> str:
    """An address for a message: without its query, which may hold a key, and not at any length."""
    import re

    plain = re.sub(r"//[^/@]*@", "//", address.partition("?")[0].partition("#")[0])
    return plain if len(plain) <= 100 else plain[:99] + "…"


def _size(size: int) -> str:
    return f"{size // 1024**2} MB" if size >= 1024**2 else f"{size} bytes"
