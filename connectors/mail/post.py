"""SMTP in phases, so that it is known whether the message could have gone out. Blocking: run in a thread.

Until DATA has begun nothing was sent; a code after the final dot is an answer; a break in between is neither. The
name is resolved once, the address checked by the connection's guard, and that address connected to.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from hub.connector.answers import Ambiguous, NotSent, RefusedByTarget, Unauthorized
from hub.connector.guard import Guard

SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where and how to hand in mail."""

    host: str
    port: int
    starttls: bool
    user: str
    password: str
    guard: Guard


def hand_in(server: Server, sender: str, to: Sequence[str], data: bytes) -> None:
    """Hand a message in. Raises what ``hub.connector.answers`` lists for writes."""
    with _session(server) as smtp:
        try:
            _accepted(smtp.mail(sender), "MAIL")
            for address in to:
                _accepted(smtp.rcpt(address), f"RCPT {address}")
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(_words(error)) from None
        try:
            _accepted(smtp.data(data), "DATA")
        except smtplib.SMTPDataError as error:  # DATA itself was refused: no byte of the message was taken
            _accepted((error.smtp_code, _said(error.smtp_error)), "DATA")
        except (OSError, smtplib.SMTPException) as error:
            raise Ambiguous(_words(error)) from None


def greet(server: Server) -> str:
    """Log in and say NOOP. Raises ``NotSent`` or ``Unauthorized``."""
    with _session(server) as smtp:
        return smtp.noop()[1].decode("ascii", "replace")


class _Guarded(smtplib.SMTP):
    """Connects to checked addresses only; TLS still wants the certificate of the name."""

    def __init__(self, server: Server) -> None:
        self._guard = server.guard
        super().__init__(server.host, server.port, timeout=SECONDS)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        problem: OSError = OSError(f"{host} has no address")
        for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            try:
                where = str(address[0])
                self._guard.check(where)
                return socket.create_connection((where, port), timeout)
            except OSError as error:
                problem = error
        raise problem


class _session:  # noqa: N801 - reads as a function
    """An open, logged-in session; leaving it never hides what happened inside."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __enter__(self) -> smtplib.SMTP:
        server = self._server
        try:
            self._smtp = _Guarded(server)
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(_words(error)) from None
        try:
            self._smtp.ehlo_or_helo_if_needed()
            if server.starttls:
                self._smtp.starttls(context=ssl.create_default_context())
            if server.user:
                self._smtp.login(server.user, server.password)
        except smtplib.SMTPAuthenticationError as error:
            self._smtp.close()
            raise Unauthorized(f"SMTP login refused: {error.smtp_code}") from None
        except (OSError, smtplib.SMTPException) as error:
            self._smtp.close()
            raise NotSent(_words(error)) from None
        return self._smtp

    def __exit__(self, *_: object) -> None:
        try:
            self._smtp.quit()
        except (OSError, smtplib.SMTPException):
            self._smtp.close()  # the message's fate is known by now; a rude goodbye changes nothing


def _accepted(answer: tuple[int, bytes], what: str) -> None:
    """2xx goes on, 4xx is not taken now, 5xx is refused."""
    code, said = answer
    words = f"{what}: {code} {said.decode('utf-8', 'replace')[:300]}"
    if 400 <= code < 500:
        raise NotSent(words)
    if not 200 <= code < 300:
        raise RefusedByTarget(words, code)


def _said(words: bytes | str) -> bytes:
    return words.encode() if isinstance(words, str) else words


def _words(error: Exception) -> str:
    return f"SMTP: {error or type(error).__name__}"
