"""Sample deliveries with living dates: recorded form (JSONL of headers and body), times relative to a given now.

``{{-2h}}`` stands for two hours before now; ``{{+14d|date}}`` says how to write it:

========  =============================================
(none)    ``2025-01-01T00:00:00.100Z``, the same as ``iso``
``jira``  ``2025-01-01T08:00:00.100+0800``
``date``  ``2025-01-01`` (the day in China, as ``jira``)
``ms``    milliseconds since 1970; an integer where the placeholder is the whole string
========  =============================================
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import timedelta, timezone
from pathlib import Path

import orjson

from hub.connector.base import Connector
from hub.errors import ConfigError
from hub.model.clock import SECOND, Micros, instant_text, moment
from hub.model.delivery import Raw
from hub.model.record import Json

_PLACEHOLDER = re.compile(r"\{\{([+-])(\d+)([smhd])(?:\|(\w+))?\}\}")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_CHINA = timezone(timedelta(hours=8))


def render(path: Path, now: Micros) -> list[Raw]:
    """Every delivery of a sample file, its placeholders replaced. Raises ``ConfigError`` naming the bad line."""
    return list(_deliveries(path, now))


def _deliveries(path: Path, now: Micros) -> Iterator[Raw]:
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            recorded = orjson.loads(line)
            yield _raw(recorded, now)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"sample line cannot be read: {error}",
                where=f"{path}:{number}",
                fix='one JSON object a line: {"headers": {…}, "body": {…}}',
            ) from error


def _raw(recorded: dict[str, Json], now: Micros) -> Raw:
    headers = {name.lower(): str(_dated(value, now)) for name, value in (recorded.get("headers") or {}).items()}
    if "body_base64" in recorded:
        return Raw(base64.b64decode(recorded["body_base64"], validate=True), headers)
    body = _dated(recorded["body"], now)
    return Raw(body.encode() if isinstance(body, str) else orjson.dumps(body), headers)


def _dated(value: Json, now: Micros) -> Json:
    """The value with every placeholder in it replaced, however deep."""
    if isinstance(value, str):
        whole = _PLACEHOLDER.fullmatch(value)
        if whole is not None:
            return _written(whole, now)
        return _PLACEHOLDER.sub(lambda match: str(_written(match, now)), value)
    if isinstance(value, list):
        return [_dated(part, now) for part in value]
    if isinstance(value, dict):
        return {name: _dated(part, now) for name, part in value.items()}
    return value


def _written(match: re.Match[str], now: Micros) -> str | int:
    sign, count, unit, form = match.groups()
    away = int(count) * _SECONDS[unit] * SECOND
    at = now + away if sign == "+" else now - away
    when = moment(at)
    match form or "iso":
        case "iso":
            return instant_text(when)
        case "jira":
            return when.astimezone(_CHINA).strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}+0800"
        case "date":
            return when.astimezone(_CHINA).date().isoformat()
        case "ms":
            return at // 1000
        case unknown:
            raise ValueError(f"unknown time form {unknown!r}: iso, jira, date or ms")


def signed(connector: Connector, raw: Raw, url: str, secret: str) -> Raw:
    """The delivery with the headers its source would have signed it with."""
    return Raw(raw.body, {**raw.headers, **connector.sign(secret, url, raw.body)}, raw.received_at)
