"""``/metrics`` of the intake in Prometheus' text form: counts of requests, records, loops and effects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from hub.bootstrap import Workspace


def metrics_page(workspace: Workspace, requests: Mapping[tuple[str, str], int]) -> tuple[str, bytes]:
    """(media type, text), counted now."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

    registry = CollectorRegistry()
    registry.register(_Counts(workspace, requests))
    return CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry)


class _Counts:
    def __init__(self, workspace: Workspace, requests: Mapping[tuple[str, str], int]) -> None:
        self._workspace, self._requests = workspace, requests

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        from hub.store.queries.status import counts

        requests = CounterMetricFamily("hub_requests", "Webhook requests.", labels=["connection", "result"])
        for (connection, result), number in self._requests.items():
            requests.add_metric([connection, result], number)
        yield requests
        outside = self._workspace.outside().count
        with self._workspace.store.read() as db:
            found = counts(db, outside)
        for name, about in (("records", "Records by outcome."), ("loops", "Loops."), ("effects", "Effects.")):
            family = GaugeMetricFamily(f"hub_{name}", about, labels=["state"])
            for state, number in _flat(found[name]):
                family.add_metric([state], number)
            yield family


def _flat(counts: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for state, number in counts.items():
        yield state, sum(number.values()) if isinstance(number, dict) else number
