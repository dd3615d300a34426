"""Addresses in data: only public hosts, whatever the name, the redirect or the resolver says; and never for long.

The servers are real and on loopback, which no one may be led to: where a test needs one to answer, its network admits
that one address.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from mc_jupyter.errors import ExpressionError
from mc_jupyter.trust import fetching
from mc_jupyter.trust.fetching import fetch
from mc_jupyter.trust.network import Limits, Network, is_public, resolve
from mc_jupyter.trust.permissions import Permissions
from mc_jupyter.values.media import load_image

Answer = Callable[[BaseHTTPRequestHandler], None]


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(buffer, "PNG")
    return buffer.getvalue()


class Server:
    """Answers each path with what a test says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answers: dict[str, Answer] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                with contextlib.suppress(OSError):  # who asked has gone
                    outer.answers[self.path](self)

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_port
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def says(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> str:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(body)

        self.answers[path] = answer
        return self.address(path)

    def address(self, path: str, host: str = "pictures.example") -> str:
        return f"http://{host}:{self.port}{path}"


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def server(running: Server) -> Server:
    running.asked.clear()
    return running


def here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


LOOPBACK = Network(here, lambda address: address == "127.0.0.1")
"""A network in which every name is this machine, and this machine alone may be reached."""


def test_a_picture_is_fetched_and_nothing_of_ours_is_sent(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", "/dev/null")
    assert fetch(server.says("/a.png?key=1", picture(), Set_Cookie="id=1"), LOOPBACK) == picture()
    ((path, headers),) = server.asked
    assert path == "/a.png?key=1"
    assert headers.keys() == {"host", "accept", "accept-encoding", "user-agent"}
    assert headers["host"] == f"pictures.example:{server.port}"


PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "168.63.129.16", "192.88.99.1", "240.0.0.1",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1",
    "fd00:ec2::254", "ff02::1", "64:ff9b::7f00:1", "64:ff9b::169.254.169.254", "64:ff9b:1::1", "2002:7f00:1::",
    "2001:0:1::1", "2001:db8::1", "100::1", "3fff::1", "5f00::1", "no address", "",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_that_is_public_is_known(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_no_spelling_of_this_machine_is_fetched(host: str, server: Server) -> None:
    server.says("/a.png", picture())
    with pytest.raises(ExpressionError, match="no public address|cannot fetch"):
        fetch(server.address("/a.png", host))
    assert server.asked == []


def test_a_name_that_leads_into_the_network_is_refused_with_where_it_leads(server: Server) -> None:
    with pytest.raises(ExpressionError, match=r"pictures\.example:\d+/a\.png is 10\.0\.0\.7: no public address"):
        fetch(server.address("/a.png"), Network(lambda host, port: ["10.0.0.7"]))


@pytest.mark.parametrize("to", ["http://169.254.169.254/latest/meta-data/", "http://127.0.0.1/", "http://[::1]/x"])
def test_a_redirect_from_an_admitted_host_into_the_network_is_refused(to: str, server: Server) -> None:
    admitted = iter([True])  # the first host stands for a public one; after it, what is public is judged as always
    network = Network(
        lambda host, port: here(host, port) if host == "pictures.example" else resolve(host, port),
        lambda address: next(admitted, False) or is_public(address),
    )
    with pytest.raises(ExpressionError, match=r"/a\.png leads to .*: no public address"):
        fetch(server.says("/a.png", status=302, Location=to), network)
    assert len(server.asked) == 1


def test_a_name_is_looked_up_once_and_the_judged_address_is_the_one_connected_to(server: Server) -> None:
    looked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        looked.append(host)
        return ["127.0.0.1"] if len(looked) == 1 else ["10.0.0.1"]

    assert fetch(server.says("/a.png", picture()), Network(rebinding, LOOPBACK.admits)) == picture()
    assert looked == ["pictures.example"]


def test_of_several_addresses_only_the_admitted_are_connected_to(server: Server) -> None:
    mixed = Network(lambda host, port: ["10.255.255.1", "127.0.0.1"], LOOPBACK.admits)
    assert fetch(server.says("/a.png", picture()), mixed) == picture()


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("file:///etc/passwd", "not file:"),
        ("ftp://pictures.example/a.png", "not ftp:"),
        ("gopher://pictures.example/", "not gopher:"),
        ("http://name:secret@pictures.example/", "a name or password"),
        ("http://pictures.example:25/", "port 25"),
        ("http://pictures.example:port/", "no address"),
    ],
)
def test_only_plain_http_addresses_are_fetched_at_first_and_after_a_redirect(to: str, why: str, server: Server) -> None:
    with pytest.raises(ExpressionError, match=why) as raised:
        fetch(to, LOOPBACK)
    with pytest.raises(ExpressionError, match=why):
        fetch(server.says("/moved", status=301, Location=to), LOOPBACK)
    assert "secret" not in str(raised.value)


def test_redirects_are_followed_and_their_number_is_limited(server: Server) -> None:
    server.says("/end", picture())
    for i in range(6):
        server.says(f"/{i}", status=307, Location=f"{i + 1}" if i < 5 else "/end")
    server.says("/5", picture())
    assert fetch(server.address("/0"), LOOPBACK) == picture()
    server.says("/5", status=307, Location="/end")
    with pytest.raises(ExpressionError, match="redirects more than 5 times"):
        fetch(server.address("/0"), LOOPBACK)


def test_what_is_larger_than_the_limit_is_not_read_to_its_end(server: Server) -> None:
    sent: list[int] = []

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while sum(sent) < 50_000_000:
            sent.append(handler.wfile.write(bytes(65536)) or 0)

    server.answers["/large"] = endless
    with pytest.raises(ExpressionError, match="is larger than 100000 bytes"):
        fetch(server.address("/large"), LOOPBACK, Limits(bytes=100_000))
    assert sum(sent) < 20_000_000


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_what_is_packed_counts_as_it_is_unpacked(coding: str, server: Server) -> None:
    pack = gzip.compress if coding == "gzip" else zlib.compress
    assert fetch(server.says("/a", pack(picture()), Content_Encoding=coding), LOOPBACK) == picture()
    bomb = server.says("/b", pack(bytes(30_000_000)), Content_Encoding=coding)
    with pytest.raises(ExpressionError, match="is larger than 20 MB"):
        fetch(bomb, LOOPBACK)


def test_an_answer_packed_in_another_way_is_refused(server: Server) -> None:
    with pytest.raises(ExpressionError, match="packs its answer as br"):
        fetch(server.says("/a", b"x", Content_Encoding="br"), LOOPBACK)


@pytest.mark.parametrize("part", ["headers", "body"])
def test_an_answer_that_comes_in_drips_ends_with_the_time(part: str, server: Server) -> None:
    gone = threading.Event()

    def dripping(handler: BaseHTTPRequestHandler) -> None:
        if part == "body":
            handler.send_response(200)
            handler.end_headers()
        else:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not gone.wait(0.05):
            handler.wfile.write(b".")
            handler.wfile.flush()

    server.answers["/drip"] = dripping
    try:
        with pytest.raises(ExpressionError, match=r"took longer than 0\.3 s"):
            fetch(server.address("/drip"), LOOPBACK, Limits(seconds=0.3))
    finally:
        gone.set()


def test_a_look_up_that_does_not_end_ends_with_the_time(server: Server) -> None:
    gone = threading.Event()

    def never(host: str, port: int) -> list[str]:
        gone.wait(10)
        return []

    with pytest.raises(ExpressionError, match="took longer than"):
        fetch(server.address("/a"), Network(never), Limits(seconds=0.1))
    gone.set()


def test_an_error_of_the_server_or_of_the_network_is_said(server: Server) -> None:
    with pytest.raises(ExpressionError, match="answers 404"):
        fetch(server.says("/none", b"", 404), LOOPBACK)

    def lost(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    with pytest.raises(ExpressionError, match="cannot fetch .*no such host"):
        fetch(server.address("/a"), Network(lost))


def test_an_answer_is_an_image_or_an_error_that_says_what_it_looks_like(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PUBLIC", LOOPBACK)
    allowed = Permissions(urls=True)
    assert load_image(server.says("/a.png", picture(), Content_Type="text/plain"), None, allowed).size == (3, 2)
    with pytest.raises(ExpressionError, match="look like HTML"):
        load_image(server.says("/b.png", b"<!DOCTYPE html><p>no"), None, allowed)
