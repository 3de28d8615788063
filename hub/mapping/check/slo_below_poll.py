"""A promise of freshness is not shorter than the time between two polls.

A stream without webhooks is asked now and then; ``slo.fresh`` or ``every`` below that interval is missed by design,
and health would be red for ever.

Example::

    slo: {fresh: 1m}        # hub.yaml: connections: {legacy: {poll: 10m}}

Fix: poll more often in ``hub.yaml``, or promise less.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.check.checked import Checked, finding
from hub.mapping.literals import BadLiteral, duration
from hub.mapping.table import IntegrationDef, TableDef
from hub.model.clock import SECOND, Micros
from hub.model.diagnostic import Diagnostic

ID = "slo-below-poll"


def check(checked: Checked) -> Iterator[Diagnostic]:
    for definition in checked.definitions:
        for table in definition.tables:
            interval = polled_every(checked, table)
            if interval:
                yield from _table(definition, table, interval)


def polled_every(checked: Checked, table: TableDef) -> Micros:
    """The time between two polls of a stream that has no other way in; 0 where it tells by itself."""
    stream = checked.stream(table)
    if stream is None or not getattr(stream, "polled", False) or getattr(stream, "webhook", True):
        return 0
    return checked.context.polls.get(table.connection, 0)


def _table(definition: IntegrationDef, table: TableDef, interval: Micros) -> Iterator[Diagnostic]:
    place = table.places.get("source", table.place)
    why = f"{table.stream} is polled every {interval // SECOND} s and has no webhook"
    fix = f"poll more often (hub.yaml: connections.{table.connection}.poll), or promise less"
    fresh = definition.slo.fresh
    if fresh is not None and fresh < interval:
        yield finding(place, ID, f"slo.fresh of {fresh // SECOND} s cannot be kept", why, fix, "warning")
    wanted = _micros(table.governance.every)
    if wanted and wanted < interval:
        place = table.places.get("every", place)
        yield finding(place, ID, f"every: {table.governance.every} cannot be kept", why, fix, "warning")


def _micros(every: str) -> Micros:
    try:
        return duration(every)
    except BadLiteral:  # a word: change, daily, …
        return 0
