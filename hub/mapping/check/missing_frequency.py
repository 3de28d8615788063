"""Rows of a polled stream say how often their values are expected to change.

``every: change`` (the default) means: the source tells at once. A stream without webhooks cannot; without a frequency
nobody can say when a silent source is late.

Example::

    - entity: expense
      source: drop.row         # files; nothing says every: daily

Fix: add ``every: 5m``, ``daily`` or the like to the table or the integration.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.check.slo_below_poll import polled_every
from hub.model.diagnostic import Diagnostic

ID = "missing-frequency"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for table in checked.tables:
        silent = [row.field for row in table.rows if row.governance.every == "change"]
        if silent and polled_every(checked, table):
            why = f"{table.stream} has no webhook, so change cannot mean at once (rows: {', '.join(silent)})"
            message = f"{table.entity} has no expected frequency"
            place = table.places.get("source", table.place)
            yield finding(place, ID, message, why, "add every: 5m, hourly or daily to the table", "warning")
