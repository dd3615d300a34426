"""Connections that go only where a `Network` admits, each read counted and timed: what httpcore asks of a backend."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

from mc_jupyter.errors import ExpressionError
from mc_jupyter.trust.network import Budget, Network, looked_up


class Backend(httpcore.NetworkBackend):
    """Looks a name up, and connects to the first of its addresses that may be and can be reached."""

    def __init__(self, network: Network, budget: Budget, shown: str):
        self._network, self._budget, self._shown = network, budget, shown
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = looked_up(self._network, host, port, self._budget.seconds())
        except OSError as error:
            raise httpcore.ConnectError(f"{host}: {error.strerror or error}") from None
        admitted = [address for address in addresses if self._network.admits(address)]
        if not admitted:
            to = f" leads to {host}," if host not in self._shown else ""
            raise ExpressionError(
                f"{self._shown}{to or ' is'} {', '.join(addresses[:3]) or 'nowhere'}: no public address",
                fix="fetch it yourself, and give the bytes",
            )
        return self._connected(admitted, port, socket_options)

    def _connected(
        self, addresses: list[str], port: int, socket_options: Iterable[Any] | None
    ) -> httpcore.NetworkStream:
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                # Each address gets its share of the time: one that does not answer leaves some to the others.
                share = self._budget.seconds() / left
                stream = self._plain.connect_tcp(address, port, timeout=share, socket_options=socket_options)
                return Stream(stream, self._budget)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if left == 1:
                    raise
        raise httpcore.ConnectError("no address")


class Stream(httpcore.NetworkStream):
    """A connection whose reads and writes end when the whole fetch must."""

    def __init__(self, inner: httpcore.NetworkStream, budget: Budget):
        self._inner, self._budget = inner, budget

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        found = self._inner.read(max_bytes, timeout=self._budget.seconds())
        self._budget.count(len(found))
        return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout=self._budget.seconds())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return Stream(self._inner.start_tls(ssl_context, server_hostname, timeout=self._budget.seconds()), self._budget)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
