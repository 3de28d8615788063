"""How the brokers are reached: addresses, TLS, who we are. Made by bootstrap from ``hub.yaml``, never printed."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Access:
    """``tls`` None: plain text. ``mechanism`` empty: the brokers ask nobody who they are."""

    bootstrap: tuple[str, ...]
    tls: ssl.SSLContext | None = None
    mechanism: str = ""
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def protocol(self) -> str:
        return ("SASL_" if self.mechanism else "") + ("PLAINTEXT" if self.tls is None else "SSL")

    def arguments(self) -> dict[str, Any]:
        """What aiokafka and kafka-python both take, under the same names."""
        found: dict[str, Any] = {"bootstrap_servers": list(self.bootstrap), "security_protocol": self.protocol}
        if self.tls is not None:
            found["ssl_context"] = self.tls
        if self.mechanism:
            found["sasl_mechanism"] = self.mechanism
            found["sasl_plain_username"] = self.username
            found["sasl_plain_password"] = self.password
        return found
