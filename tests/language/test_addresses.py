"""Addresses, hosts and ports that can be none are told where they are written."""

from __future__ import annotations

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import SpecError

CLIENT = "component:\n  type: http-client\n  base_url: {}\n  action: {{path: /x}}\n"
ENDPOINT = "component:\n  type: http-client\n  action: {{endpoint: {}}}\n"
SERVER = "component:\n  type: http-server\n  port: {}\n  action: {{path: /x}}\n"
STORE = "component:\n  type: vector-store\n  driver: chroma\n  {}\n  action: {{method: search}}\n"


@pytest.mark.parametrize("text", [CLIENT, ENDPOINT], ids=["base_url", "endpoint"])
@pytest.mark.parametrize(
    "written",
    [
        "'http://a b'", "a", "'http://'", "'http://a:99999'", "'http://a:0'", "'http://a:x'", "'http://[::1'", "'ftp://a'",
        "file:///etc/passwd", "''", "'http://\\u200b '", "'http://-a'", "'http://a..b'", "'http://1.2.3'", "'http://999.1.1.1'",
        f"'http://{'a' * 64}'", f"'http://{'a.' * 130}'", '"http://a\\0b"', "'javascript:alert(1)'", "2024-01-01",
    ],
)  # fmt: skip
def test_what_can_be_no_address_is_told_where_it_is_written(text: str, written: str) -> None:
    with pytest.raises(SpecError, match=r"line [34]: (base_url|endpoint) is wrong: .*(is no address|is no host)"):
        mc.Session().plan(text.format(written))


@pytest.mark.parametrize(
    "written",
    [
        "http://localhost:8080", "https://api.example.com/v1?x=1#y", "'http://[::1]:80'", "http://10.0.0.1", "http://bücher.example",
        "http://my_host.local", "'http://a.example.'", "'http://user:pass@host/'",
    ],
)  # fmt: skip
def test_what_can_be_an_address_is_read(written: str) -> None:
    mc.Session().plan(CLIENT.format(written))


def test_an_address_that_only_a_call_can_say_is_read() -> None:
    for written in ("${input.where}", "'http://${input.host}:99999'"):
        mc.Session().plan(ENDPOINT.format(written))


@pytest.mark.parametrize(
    "port", ["99999", "0", "-1", "1.5", "abc", "true", "2024-01-01", ".nan", ".inf", "0x" + "f" * 5000]
)
def test_what_can_be_no_port_is_told_where_it_is_written(port: str) -> None:
    for text in (SERVER.format(port), STORE.format(f"port: {port}")):
        with pytest.raises(SpecError, match=r"line [34]: port should be [a-z ]+"):
            mc.Session().plan(text)


@pytest.mark.parametrize("host", ["a b", "", "-a", "http://a", "a/b", "a:80", "1.2.3", "256.1.1.1", "[::1", "a" * 254])
def test_what_can_be_no_host_is_told_where_it_is_written(host: str) -> None:
    with pytest.raises(SpecError, match=r"line 4: host is wrong: .* is no host"):
        mc.Session().plan(STORE.format(f"host: '{host}'"))


def test_a_name_and_a_password_are_not_repeated() -> None:
    with pytest.raises(SpecError) as found:
        mc.Session().plan(CLIENT.format("'http://user:hunter2@a:99999'"))
    assert "hunter2" not in str(found.value.problems[0].message)
