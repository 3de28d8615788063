"""The hub connects to public https addresses, and to what allow: names; to nothing else."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from hub.connector.guard import AddressRefused, Guard, is_public, parse_allowed
from hub.errors import ConfigError


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fd00::1", "ff02::1",
        "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1", "64:ff9b::808:808", "2002:a00:1::", "2001::1",
        "fd00:ec2::254", "::7f00:1",
    ],
)  # fmt: skip
def test_inner_and_disguised_addresses_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))
    with pytest.raises(AddressRefused):
        Guard.of("https://erp.example.com").check(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "104.192.141.1", "2606:4700::1111"])
def test_public_addresses_are_fine(address: str) -> None:
    Guard.of("https://erp.example.com").check(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://erp.example.com", "ftp://erp.example.com", "https://", "erp.example.com", "https://u:p@example.com",
        "https://127.0.0.1", "https://[::1]:8069", "http://127.0.0.1:8069", "https://169.254.169.254/latest",
        "https://erp.example.com:99999", "https://[64:ff9b::7f00:1]",
    ],
)  # fmt: skip
def test_a_base_url_that_is_not_public_https_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigError):
        Guard.of(url)


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("http://127.0.0.1:8069", "http://127.0.0.1:8069"),
        ("https://10.1.2.3:8443", "https://10.1.0.0/16:8443"),
        ("http://tryton.intra:8000", "http://tryton.intra:8000/"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_allowed_origin_is_open(url: str, entry: str) -> None:
    assert Guard.of(url, parse_allowed([entry])).open


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("http://127.0.0.1:8070", "http://127.0.0.1:8069"),
        ("http://127.0.0.1:8069", "https://127.0.0.1:8069"),
        ("http://10.2.0.1:80", "http://10.1.0.0/16"),
    ],
)
def test_an_entry_opens_only_its_scheme_range_and_port(url: str, entry: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Guard.of(url, parse_allowed([entry]))
    assert "allow: [" in caught.value.fix


def test_metadata_services_stay_shut_whatever_is_allowed() -> None:
    allowed = parse_allowed(["http://169.254.0.0/16", "http://inner.example.com"])
    with pytest.raises(ConfigError):
        Guard.of("http://169.254.169.254", allowed)
    with pytest.raises(AddressRefused):
        Guard.of("http://inner.example.com", allowed).check("169.254.169.254")


@pytest.mark.parametrize("entry", ["*", "127.0.0.1", "http://", "http://a/b", "http://10.0.0.0/99", "http://u@h"])
def test_an_entry_that_is_no_origin_is_a_config_error(entry: str) -> None:
    with pytest.raises(ConfigError):
        parse_allowed([entry])
