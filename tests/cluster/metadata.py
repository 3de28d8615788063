"""Which Kafka brokers serve, asked on a bare socket.

The clients' own readiness calls leave sockets open and log errors while a broker is starting, which is just when this
is needed.
"""

from __future__ import annotations

import socket
import struct

API_VERSIONS, METADATA = 18, 3
CORRELATION = 7
SECONDS = 2.0


def serving(host: str, port: int) -> set[int]:
    """Numbers of the unfenced brokers as the one at ``port`` sees them; empty while it does not answer."""
    try:
        if struct.unpack_from(">h", _ask(host, port, API_VERSIONS, 0, b""))[0]:
            return set()
        return _brokers(_ask(host, port, METADATA, 1, struct.pack(">i", 0)))
    except (OSError, struct.error):
        return set()


def _brokers(answer: bytes) -> set[int]:
    """Metadata v1 starts with an array of (node id, host, port, rack or null)."""
    (count,), at, found = struct.unpack_from(">i", answer), 4, set()
    for _ in range(count):
        number, length = struct.unpack_from(">ih", answer, at)
        at += 6 + length + 4
        (rack,) = struct.unpack_from(">h", answer, at)
        at += 2 + max(rack, 0)
        found.add(number)
    return found


def _ask(host: str, port: int, api: int, version: int, body: bytes) -> bytes:
    """One request (header v1, no topics); the answer after its correlation id."""
    request = struct.pack(">hhih", api, version, CORRELATION, 5) + b"tests" + body
    with socket.create_connection((host, port), SECONDS) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        with connection.makefile("rb") as stream:
            (size,) = struct.unpack(">i", stream.read(4))
            return stream.read(size)[4:]
