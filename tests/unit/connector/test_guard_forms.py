"""Every way to write an inner address that some resolver or library takes is refused at save and at connect."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

from hub.connector.answers import ReadFailed
from hub.connector.guard import AddressRefused, Guard, is_public, parse_allowed
from hub.connector.http import Http
from hub.errors import ConfigError

NUMBERS = [
    "2130706433",
    "0x7f000001",
    "0X7F.1",
    "127.1",
    "127.0.1",
    "0177.0.0.1",
    "0",
    "017700000001",
    "127.0.0.1.",
    "1.1.1.256",
]
DISGUISED = [
    "①②⑦.⓪.⓪.①",
    "１２７.0.0.1",
    "127。0。0。1",
    "lоcalhost",
    "exa mple.com",
    "good.com%2eevil.com",
    "a\\b.com",
    "-a.com",
    "a..b",
]
PARTLY = ["fec0::1", "192.88.99.1", "3fff::1", "5f00::1", "192.0.0.8", "100::1"]


@pytest.mark.parametrize("host", [*NUMBERS, *DISGUISED])
def test_a_host_that_is_a_number_or_no_plain_name_is_refused_at_save(host: str) -> None:
    with pytest.raises(ConfigError):
        Guard.of(f"https://{host}/api")


@pytest.mark.parametrize("host", [*NUMBERS, *DISGUISED])
def test_and_an_allow_entry_does_not_open_it(host: str) -> None:
    with pytest.raises(ConfigError):
        Guard.of(f"http://{host}:80/api", parse_allowed(["http://127.0.0.1:80", f"http://{host}:80"]))


@pytest.mark.parametrize("address", PARTLY)
def test_ranges_that_the_library_calls_global_and_nobody_serves_from(address: str) -> None:
    assert not is_public(ip_address(address))
    with pytest.raises(AddressRefused):
        Guard.of("https://erp.example.com").check(address)


@pytest.mark.parametrize(
    "host",
    [
        "erp.example.com",
        "ERP.Example.COM.",
        "xn--fiq228c.example",
        "a_b.example.com",
        "8.8.8.8",
        "163.com",
        "1and1.com",
    ],
)
def test_plain_names_are_fine(host: str) -> None:
    assert Guard.of(f"https://{host}/api").open is False


@pytest.mark.parametrize("host", ["①②⑦.⓪.⓪.①", "127。0。0。1", "2130706433", "127.0.0.1.", "localhost"])
async def test_no_disguise_gets_a_byte_to_this_machine(host: str) -> None:
    knocked = []
    server = await asyncio.start_server(lambda _, writer: (knocked.append(1), writer.close()), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        try:
            http = Http(f"https://{host}:{port}")
        except ConfigError:
            return
        with pytest.raises(ReadFailed):
            await http.read("/x")
        await http.close()
    assert knocked == []


async def test_what_was_checked_is_what_gets_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers differently the second time: it is asked once a connection, and that answer is checked."""
    answers = [["127.0.0.1"], ["8.8.8.8"]]
    asked = []

    async def resolve(self: object, host: str, port: int = 0, family: int = 0) -> list[dict[str, object]]:
        asked.append(host)
        return [
            {"hostname": host, "host": one, "port": port, "family": 2, "proto": 0, "flags": 0}
            for one in answers[len(asked) - 1]
        ]

    monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", resolve)
    http = Http("https://rebinding.example.com:9")
    with pytest.raises(ReadFailed, match=r"127\.0\.0\.1"):
        await http.read("/x")
    assert asked == ["rebinding.example.com"]
    await http.close()
