"""The ``kafka:`` part of ``hub.yaml``: where the brokers are, how they are spoken to, how our topics are laid out."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hub.model.clock import SECOND, Micros
from hub.references import duration, is_reference


class Strict(BaseModel):
    """Frozen, and an unknown key is a problem: a typo must not pass silently."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TlsSettings(Strict):
    """TLS towards the brokers; files relative to the workspace. Without ``ca`` the system's authorities count."""

    ca: str = ""
    cert: str = ""
    """Our own certificate, where the brokers ask for one; ``key`` is its private key's file."""
    key: str = ""


class SaslSettings(Strict):
    """Who we are to the brokers."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str
    password: str

    @field_validator("password")
    @classmethod
    def _by_reference(cls, value: str) -> str:
        if not is_reference(value):
            raise ValueError("a password is given by reference only: env:NAME, file:path or keyring:service/name")
        return value


class KafkaSettings(Strict):
    """The brokers, and how our topics are laid out (``hub topics apply`` makes them so)."""

    bootstrap: str = "127.0.0.1:9092"
    """host:port of some brokers, separated by commas."""
    partitions: int = Field(default=8, ge=1, le=1_000)
    replication: int = Field(default=3, ge=1, le=9)
    retention: Micros = 14 * 86400 * SECOND
    prefix: str = Field(default="hub", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")
    group: str = Field(default="hub", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    tls: TlsSettings | None = None
    sasl: SaslSettings | None = None

    @field_validator("retention", mode="before")
    @classmethod
    def _as_micros(cls, value: object) -> Micros:
        return value if isinstance(value, int) else duration(str(value))

    @field_validator("bootstrap")
    @classmethod
    def _hosts_and_ports(cls, value: str) -> str:
        for one in value.split(","):
            host, _, port = one.strip().rpartition(":")
            if not host or not port.isdigit():
                raise ValueError(f"{one.strip()!r} is no broker; write host:port, several separated by commas")
        return value

    @model_validator(mode="after")
    def _passwords_are_covered(self) -> KafkaSettings:
        if self.sasl and self.sasl.mechanism == "PLAIN" and self.tls is None:
            raise ValueError("PLAIN shows the password to everybody on the wire; add tls: {}, or use SCRAM-SHA-512")
        return self
