"""A delivery as a Kafka record: everything survives the way, and what somebody else wrote is still a delivery."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from hub.log.port import Arrival
from hub.log.wire import ORIGINS, Headers, decode, encode

TEXT = st.text(st.characters(exclude_categories=("Cs",)))


@dataclass(frozen=True)
class Came:
    value: bytes | None
    headers: Headers = field(default_factory=tuple)
    timestamp: int = 1_700_000_000_123


ARRIVALS = st.builds(
    Arrival,
    st.just("jira"),
    st.binary(),
    st.dictionaries(TEXT, TEXT, max_size=3),
    st.integers(0, 10**16),
    st.sampled_from(sorted(ORIGINS)),
    st.none() | TEXT,
    TEXT,
)


@given(ARRIVALS, TEXT)
def test_what_is_encoded_comes_back(arrival: Arrival, route: str) -> None:
    wire = encode(arrival, route)

    assert decode("jira", Came(wire.value, wire.headers)) == arrival
    assert wire.key == route.encode()


def test_the_value_is_the_raw_body_and_header_names_are_fixed() -> None:
    wire = encode(Arrival("jira", b"\xff{", {"b": "2", "a": "1"}, 7, "read", "id-1", "loop-1"), "10041")

    assert wire.value == b"\xff{"
    assert dict(wire.headers) == {
        "origin": b"read",
        "received-at": b"7",
        "headers": b'{"a":"1","b":"2"}',
        "source-id": b"id-1",
        "cause": b"loop-1",
    }


def test_no_id_and_an_empty_id_stay_apart() -> None:
    bare = Arrival("jira", b"", {}, 7, "webhook")
    for arrival in (bare, replace(bare, source_id="")):
        wire = encode(arrival, "")
        assert decode("jira", Came(wire.value, wire.headers)).source_id == arrival.source_id


def test_a_record_of_somebody_else_is_a_delivery_of_the_time_it_was_written() -> None:
    assert decode("jira", Came(b"{}")) == Arrival("jira", b"{}", {}, 1_700_000_000_123_000, "ingest")
    assert decode("jira", Came(None)).body == b""


@given(st.dictionaries(st.sampled_from(["origin", "received-at", "headers", "source-id", "cause"]), st.binary()))
def test_no_header_whatever_it_holds_stops_a_partition(told: dict[str, bytes]) -> None:
    found = decode("jira", Came(b"{}", tuple(told.items())))

    assert found.origin in ORIGINS
    assert orjson.loads(orjson.dumps(dict(found.headers))) == found.headers
    assert isinstance(found.received_at, int)
