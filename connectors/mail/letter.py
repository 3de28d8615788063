"""A mail as text: built from a payload, read back from a file. Pure; refuses what would smuggle headers in."""

from __future__ import annotations

from collections.abc import Mapping
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import format_datetime, getaddresses
from unicodedata import category

from hub.connector.answers import RefusedByTarget
from hub.model.clock import Micros, moment
from hub.model.record import Json

REFERENCE = "X-Hub-Reference"
RECIPIENTS_MAX = 50
_NO_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Controls, half characters, line and paragraph separators: what some reader takes for the end of a line."""


def letter(payload: Mapping[str, Json], sender: str, reference: str, now: Micros) -> EmailMessage:
    """The message of a payload. Raises ``RefusedByTarget`` for headers or addresses that are none."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = _clean("from", sender)
    message["To"] = ", ".join(recipients(payload))
    message["Subject"] = _clean("subject", payload["subject"])
    message["Date"] = format_datetime(moment(now))
    message["Message-ID"] = f"<{_clean('reference', reference)}@projops-hub.invalid>"
    message[REFERENCE] = reference
    try:
        message.set_content(str(payload["body"]), cte="base64")
    except UnicodeError as error:
        raise RefusedByTarget(f"body: {error}") from error
    return message


def recipients(payload: Mapping[str, Json]) -> list[str]:
    """The addresses of ``to`` (several with commas)."""
    found = [address for _, address in getaddresses([_clean("to", payload["to"])])]
    if not found or len(found) > RECIPIENTS_MAX or not all(map(_is_address, found)):
        raise RefusedByTarget(f"to: {payload['to']!r} is not a list of 1 to {RECIPIENTS_MAX} mail addresses")
    return found


def read_letter(data: bytes) -> dict[str, Json]:
    """The document of a written mail, in the payload's terms."""
    message = BytesParser(policy=policy.default).parsebytes(data)
    body = message.get_body(("plain",)) if isinstance(message, EmailMessage) else None
    text = str(body.get_content()) if body is not None else ""
    return {
        "to": str(message["To"] or ""),
        "subject": str(message["Subject"] or ""),
        "body": text.replace("\r\n", "\n").rstrip("\n"),
        "external_ref": str(message[REFERENCE] or "").strip(),
    }


def _clean(name: str, value: Json) -> str:
    if not isinstance(value, str) or not value.strip() or any(category(one) in _NO_TEXT for one in value):
        raise RefusedByTarget(f"{name}: one line of text is needed, got {value!r}")
    return value


def _is_address(address: str) -> bool:
    local, _, host = address.rpartition("@")
    return bool(local and host) and address.isascii() and not set(address) & set(" \t<>()[]\\,;:\"'")
