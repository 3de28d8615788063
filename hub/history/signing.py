"""An Ed25519 key puts its name under a certificate's seal. The key comes in by reference, never by value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hub.errors import ConfigError
from hub.history.certificate import SIGNATURE


def signed(certificate: Mapping[str, Any], secret: str) -> dict[str, Any]:
    """The certificate with its signature. Raises ``ConfigError`` for what is no key."""
    key = _key(secret)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    value = key.sign(bytes.fromhex(certificate["seal"]))
    return {**certificate, SIGNATURE: {"algorithm": "Ed25519", "key": public.hex(), "value": value.hex()}}


def _key(secret: str) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret.strip()))
    except ValueError as error:
        raise ConfigError(
            "the signing key is no Ed25519 key",
            where="hub.yaml sign",
            why="it must be 32 bytes, written as 64 hexadecimal digits",
            fix="make one: python -c 'import secrets; print(secrets.token_hex(32))' > sign.key",
        ) from error
