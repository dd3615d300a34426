"""Which addresses of the network may be reached, and how much of its time and size one fetch has left."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field

MAX_BYTES = 20 * 1024 * 1024
SECONDS = 15.0
REDIRECTS = 5
_ROOM_FOR_HEADERS = 256 * 1024

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
class Budget:
    """What is left of one fetch's time and size."""

    limits: Limits
    read: int = 0
    end: float = field(default=0.0)

    def __post_init__(self) -> None:
        self.end = time.monotonic() + self.limits.seconds

    def seconds(self) -> float:
        left = self.end - time.monotonic()
        if left <= 0:
            raise TooSlow
        return left

    def count(self, size: int) -> None:
        self.read += size
        if self.read > self.limits.bytes + _ROOM_FOR_HEADERS * (self.limits.redirects + 1):
            raise TooLarge


class TooSlow(Exception):
    """The time of a fetch is over."""


class TooLarge(Exception):
    """More came than a fetch may read."""


_LOOK_UPS = 4
_free = threading.BoundedSemaphore(_LOOK_UPS)
_Name = tuple[Callable[[str, int], list[str]], str, int]
_going: dict[_Name, Future[list[str]]] = {}
_lock = threading.Lock()


def looked_up(network: Network, host: str, port: int, seconds: float) -> list[str]:
    """The addresses of a name within a time: the system's own look-up has none, so it runs in a thread of its own.

    A name that is looked up already is waited for; there are never more than a few of these threads, however many
    names are slow. TooSlow where the time is over first, OSError where there is no such name.
    """
    end = time.monotonic() + seconds
    key = (network.resolve, host, port)
    found = _going.get(key) or _begun(key, seconds)
    if wait([found], max(0.0, end - time.monotonic())).not_done:
        raise TooSlow
    return found.result()


def _begun(key: _Name, seconds: float) -> Future[list[str]]:
    """A look-up that has begun, by us or by another who was faster."""
    if not _free.acquire(timeout=seconds):
        raise TooSlow
    with _lock:
        if (found := _going.get(key)) is not None:
            _free.release()
            return found
        found = _going[key] = Future()
        threading.Thread(target=_look, args=(found, key), name="mc_jupyter-lookup", daemon=True).start()
        return found


def _look(found: Future[list[str]], key: _Name) -> None:
    resolve, host, port = key
    try:
        found.set_result(resolve(host, port))
    except OSError as error:
        found.set_exception(error)
    except Exception as error:  # a name that cannot be written as one
        found.set_exception(OSError(str(error)))
    finally:
        with _lock:
            del _going[key]
        _free.release()
