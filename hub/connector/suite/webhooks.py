"""What a connector owes to deliveries: signatures checked to the bit, and decoding that never raises."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from hub.connector.base import Connection, Connector, Request
from hub.connector.http import Http
from hub.connector.samples import render
from hub.model.clock import SECOND, Micros
from hub.model.delivery import Raw

NOW: Micros = 1_767_600_000 * SECOND
SECRET = "s3cret-of-the-suite-0123456789"
OTHER = "an-other-secret-of-the-suite-42"


class WebhookSuite:
    """Give ``connector``, ``settings`` and ``samples`` (a JSONL file) or ``bodies`` (a list of raw deliveries)."""

    connector: ClassVar[type[Connector]]
    settings: ClassVar[Mapping[str, Any]] = {}
    secret_setting: ClassVar[str] = "secret"
    samples: ClassVar[str] = ""
    bodies: ClassVar[tuple[Raw, ...]] = ()
    url: ClassVar[str] = "https://hub.example.com/in/tested"
    signature_header: ClassVar[str] = ""
    """Lower case; empty for a source that does not sign."""

    def made(self, *secrets: str) -> Connector:
        """The connector with these values of its webhook secret."""
        held = {self.secret_setting: secrets} if secrets else {}
        return self.connector(Connection("tested", self.settings, held), Http(""))

    def deliveries(self) -> list[Raw]:
        found = [*self.bodies, *(render(Path(self.samples), NOW) if self.samples else [])]
        assert found, "the suite needs samples or bodies"
        return found

    def signed(self, secret: str = SECRET, body: bytes | None = None) -> Request:
        raw = self.deliveries()[0]
        body = raw.body if body is None else body
        headers = {**raw.headers, **self.made(secret).sign(secret, self.url, body)}
        return Request("POST", self.url, headers, body)

    def _skip_unsigned(self) -> None:
        if not self.connector.spec.signed:
            pytest.skip("this source does not sign: its path carries a token")

    def _resigned(self, request: Request, value: str | None) -> Request:
        headers = {name: held for name, held in request.headers.items() if name != self.signature_header}
        if value is not None:
            headers[self.signature_header] = value
        return Request(request.method, request.url, headers, request.body)

    def test_a_good_signature_is_accepted(self) -> None:
        self._skip_unsigned()
        assert self.made(SECRET).verify(self.signed(), NOW)

    def test_one_bit_off_anywhere_in_the_signature_is_refused(self) -> None:
        self._skip_unsigned()
        request = self.signed()
        good = request.headers[self.signature_header]
        for place in range(len(good)):
            bad = good[:place] + ("A" if good[place] != "A" else "B") + good[place + 1 :]
            if bad.lower() != good.lower() or bad.swapcase() == good:
                assert not self.made(SECRET).verify(self._resigned(request, bad), NOW), (place, bad)

    def test_one_bit_off_in_the_body_is_refused(self) -> None:
        self._skip_unsigned()
        request = self.signed()
        for place in {0, len(request.body) // 2, len(request.body) - 1}:
            bad = bytearray(request.body)
            bad[place] ^= 1
            assert not self.made(SECRET).verify(
                Request(request.method, request.url, request.headers, bytes(bad)), NOW
            )

    def test_a_swapped_secret_is_refused(self) -> None:
        self._skip_unsigned()
        assert not self.made(OTHER).verify(self.signed(), NOW)

    def test_both_secrets_are_good_during_a_rotation(self) -> None:
        self._skip_unsigned()
        both = self.made(OTHER, SECRET)
        assert both.verify(self.signed(SECRET), NOW)
        assert both.verify(self.signed(OTHER), NOW)

    def test_without_a_secret_nothing_is_accepted(self) -> None:
        self._skip_unsigned()
        assert not self.made().verify(self.signed(), NOW)
        assert not self.made("").verify(self.signed(""), NOW)

    def test_a_body_parsed_and_written_again_is_refused(self) -> None:
        self._skip_unsigned()
        request = self.signed()
        again = orjson.dumps(orjson.loads(request.body), option=orjson.OPT_INDENT_2)
        assert not self.made(SECRET).verify(Request("POST", self.url, request.headers, again), NOW)

    def test_an_absent_empty_or_odd_signature_is_refused_without_raising(self) -> None:
        self._skip_unsigned()
        request = self.signed()
        good = request.headers[self.signature_header]
        for value in (None, "", "sha256=", "é" * 20, good + "=", good[:-1], f"{good},{good}", "sha1=" + good):
            assert not self.made(SECRET).verify(self._resigned(request, value), NOW), value

    def test_a_signature_that_came_twice_is_refused(self) -> None:
        self._skip_unsigned()
        request = self.signed()
        twice = Request("POST", self.url, request.headers, request.body, frozenset({self.signature_header}))
        assert not self.made(SECRET).verify(twice, NOW)

    def test_every_sample_gives_records_or_says_why_not(self) -> None:
        for raw in self.deliveries():
            found = self.made().decode(raw.headers, raw.body)
            assert found.records or found.skipped or found.rejected, raw.body[:200]

    def test_records_come_from_streams_the_spec_names_with_documented_names(self) -> None:
        for raw in self.deliveries():
            for record in self.made().decode(raw.headers, raw.body).records:
                stream = self.connector.spec.stream(record.stream)
                assert stream is not None, record.stream
                assert set(record.data) <= set(stream.names), set(record.data) - set(stream.names)
                assert record.source
                assert record.at > 0

    def test_decoding_twice_gives_the_same(self) -> None:
        for raw in self.deliveries():
            assert self.made().decode(raw.headers, raw.body) == self.made().decode(raw.headers, raw.body)

    def test_an_unknown_field_changes_nothing_but_itself(self) -> None:
        for raw in self.deliveries():
            body = orjson.loads(raw.body)
            if isinstance(body, dict):
                more = orjson.dumps({**body, "zz_unknown_field": {"deep": [1, None]}})
                found = self.made().decode(raw.headers, more)
                plain = self.made().decode(raw.headers, raw.body)
                assert [r.source for r in found.records] == [r.source for r in plain.records]

    def test_the_same_body_routes_to_the_same_lane(self) -> None:
        for raw in self.deliveries():
            assert self.made().route(raw.headers, raw.body) == self.made().route(raw.headers, raw.body)

    def test_no_signature_or_credential_is_kept_with_a_delivery(self) -> None:
        kept = self.made().keep_headers()
        assert not kept & {"authorization", "cookie", "x-hub-signature", self.signature_header or "cookie"}
        assert all(name == name.lower() for name in kept)

    @effort(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(body=st.binary(max_size=300))
    def test_arbitrary_bytes_never_raise(self, body: bytes) -> None:
        self._quiet(body)

    @effort(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def test_a_sample_with_a_piece_replaced_by_anything_never_raises(self, data: st.DataObject) -> None:
        bodies = [orjson.loads(raw.body) for raw in self.deliveries() if raw.body[:1] in b"{["]
        body = data.draw(st.sampled_from(bodies))
        anything = st.recursive(
            st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
            max_leaves=5,
        )
        self._quiet(orjson.dumps(_replaced(body, data, anything), option=orjson.OPT_NON_STR_KEYS))

    def _quiet(self, body: bytes) -> None:
        connector = self.made(SECRET)
        connector.identify({}, body)
        connector.route({}, body)
        connector.decode({}, body)
        connector.verify(Request("POST", self.url, {}, body), NOW)


def _replaced(value: Any, data: st.DataObject, anything: st.SearchStrategy[Any]) -> Any:
    """The value with one node, found by a random walk, replaced by anything or taken out."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 5)):
        name = data.draw(st.sampled_from(sorted(value)))
        if data.draw(st.integers(0, 5)) == 0:
            return {key: part for key, part in value.items() if key != name}
        return {**value, name: _replaced(value[name], data, anything)}
    if isinstance(value, list) and value and data.draw(st.integers(0, 5)):
        at = data.draw(st.integers(0, len(value) - 1))
        return [*value[:at], _replaced(value[at], data, anything), *value[at + 1 :]]
    return data.draw(anything)
