"""TLS in front of a PostgreSQL whose build has none: it answers the client's SSLRequest as the server would.

What lies behind is the real server; what the client does, certificates, names and refusals, is the real thing too.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")


@contextmanager
def in_front_of(port: int, keys: Path) -> Iterator[int]:
    """The port where clients that speak TLS reach the server at ``port``; ``keys``: PEM with key and certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_accept, args=(listening, port, context), daemon=True).start()
        yield listening.getsockname()[1]


def _accept(listening: socket.socket, port: int, context: ssl.SSLContext) -> None:
    with suppress(OSError):  # closed: the test is over
        while True:
            client, _ = listening.accept()
            threading.Thread(target=_serve, args=(client, port, context), daemon=True).start()


def _serve(client: socket.socket, port: int, context: ssl.SSLContext) -> None:
    """Refuse whoever does not ask for TLS, as ``hostssl`` alone in pg_hba.conf does."""
    with suppress(OSError), client:
        if client.recv(8) != SSL_REQUEST:
            return
        client.sendall(b"S")
        with (
            context.wrap_socket(client, server_side=True) as secured,
            socket.create_connection(("127.0.0.1", port)) as server,
        ):
            threading.Thread(target=_relay, args=(server, secured), daemon=True).start()
            _relay(secured, server)


def _relay(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
