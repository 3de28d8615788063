"""Where the hub may connect to: public addresses, and what a connection's ``allow:`` list names. (reliability §6)

Checked twice: the base URL when a client is made, and every address a name resolves to right before connecting
(so a name that later points inside finds the door shut). Knows nothing of requests.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from hub.errors import ConfigError

Address = IPv4Address | IPv6Address
_DEFAULT_PORTS = {"http": 80, "https": 443, "smtp": 587}
_SAFE = frozenset({"https"})
_TRANSLATED = tuple(
    map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::ffff:0:0/96", "::/96"))
)
"""NAT64, 6to4, Teredo, mapped and compatible addresses: other doors to IPv4, which ``is_global`` lets through."""
_RESERVED = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "100::/64", "fec0::/10", "3fff::/20", "5f00::/16"))
)
"""Protocol assignments, 6to4 relays, site-local, documentation: ``is_global`` lets these through too."""
_METADATA = tuple(map(ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "169.254.170.2")))
"""Cloud metadata services hand out credentials: never, whatever the allow list says."""
_ALLOW = re.compile(r"(https?|smtp)://(\[[0-9a-fA-F:.]+\]|[^/:@\s\[\]]+)(/\d{1,3})?(?::(\d{1,5}))?/?")
_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,62}(?:\.[a-z0-9_][a-z0-9_-]{0,62})*\.?", re.IGNORECASE)
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)", re.IGNORECASE)
"""A last label like this makes the whole host a number to resolvers: ``2130706433``, ``0x7f.1``, ``127.1``."""


class AddressRefused(OSError):
    """The guard shut the door before a byte left: an address that is not public and not allowed."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of ``allow:`` — scheme, host name or address range, port (None: the scheme's own)."""

    scheme: str
    host: str
    range: IPv4Network | IPv6Network | None
    port: int

    def covers(self, scheme: str, host: str, port: int) -> bool:
        if (scheme, port) != (self.scheme, self.port):
            return False
        address = _address(host)
        return (address in self.range) if self.range and address else host.lower() == self.host


def parse_allowed(entries: Sequence[str]) -> tuple[Allowed, ...]:
    """The ``allow:`` list of a connection. Raises ``ConfigError`` naming the bad entry."""
    return tuple(map(_parse_allowed, entries))


def _parse_allowed(entry: str) -> Allowed:
    match = _ALLOW.fullmatch(str(entry).strip())
    if match is None:
        raise ConfigError(
            f"allow: {entry!r} is not an origin",
            why="an entry opens one scheme, host or address range, and port",
            fix="write it like http://127.0.0.1:8069 or https://10.1.0.0/16:8443",
        )
    scheme, host, bits, port = match.groups()
    bare = host.strip("[]").lower()
    try:
        span = ip_network(bare + (bits or ""), strict=False) if bits or _address(bare) else None
    except ValueError as error:
        raise ConfigError(f"allow: {entry!r} is not an address range: {error}") from error
    return Allowed(scheme, bare, span, int(port or _DEFAULT_PORTS[scheme]))


def _address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether an address lies on the public internet and is what it seems."""
    if any(address in span for span in (*_TRANSLATED, *_RESERVED) if span.version == address.version):
        return False
    return address.is_global and not address.is_multicast


@dataclass(frozen=True, slots=True)
class Guard:
    """The decision for one base URL. ``open``: ``allow:`` names this origin, so inner addresses are fine."""

    scheme: str
    host: str
    port: int
    open: bool

    @classmethod
    def of(cls, url: str, allowed: Sequence[Allowed] = (), safe: Collection[str] = _SAFE) -> Guard:
        """Check a base URL. Raises ``ConfigError`` when it may not be used at all. ``safe``: schemes that encrypt."""
        scheme, host, port = _origin(url)
        opened = any(entry.covers(scheme, host, port) for entry in allowed)
        if scheme not in safe and not opened:
            raise _refused(url, "it is not encrypted", scheme, host, port)
        address = _address(host)
        if address in _METADATA or (address and not opened and not is_public(address)):
            raise _refused(url, f"{address} is not a public address", scheme, host, port)
        return cls(scheme, host, port, opened)

    def check(self, resolved: str) -> None:
        """Raise ``AddressRefused`` unless the hub may connect to this resolved address."""
        address = ip_address(resolved.partition("%")[0])
        if address in _METADATA or not (self.open or is_public(address)):
            words = f"{self.host} resolves to {address}, which is not public and not in allow:"
            raise AddressRefused(errno.EACCES, words)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"url {url!r} has no valid port", fix="write it like https://host:8443") from error
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ConfigError(f"url {url!r} is not an http(s) URL", fix="write it like https://erp.example.com")
    if parts.username is not None or parts.password is not None:
        raise ConfigError("a url must not carry a user or password", fix="put the secret in its own setting")
    _check_host(parts.hostname)
    return parts.scheme, parts.hostname, port or _DEFAULT_PORTS[parts.scheme]


def _check_host(host: str) -> None:
    """One spelling only: what the client rewrites to an address (``①``, ``。``) no resolver would check."""
    if _address(host) is not None:
        return
    if _NAME.fullmatch(host) is None:
        raise ConfigError(
            f"{host!r} is no host name",
            why="a host is written with a-z, 0-9, dots and hyphens; other spellings lead elsewhere than they seem to",
            fix="write a name of other letters in its xn-- form",
        )
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        raise ConfigError(
            f"{host!r} is a number, not a host name",
            why="resolvers read it as an address that it does not look like",
            fix="write the address with four plain numbers, or the name",
        )


def _refused(url: str, why: str, scheme: str, host: str, port: int) -> ConfigError:
    return ConfigError(
        f"the hub does not connect to {url}",
        why=why,
        fix=f"if that is meant, add to the connection: allow: [{scheme}://{host}:{port}]",
    )
