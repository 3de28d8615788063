"""The store port, held to its promises on every implementation."""

from __future__ import annotations

import asyncio

import pytest

from hub.model.changes import (
    Approval,
    Audit,
    Changes,
    NotLoaded,
    Outcome,
    Quarantine,
    Reading,
    Timer,
    Touched,
)
from hub.model.clock import NEVER
from hub.model.effect import Effect, EffectState
from hub.model.entity import Entity, Mark, SourceMarks
from hub.model.event import Event, event_id
from hub.model.instance import Instance, LoopState
from hub.store.failures import VersionConflict
from hub.store.port import CheckpointMoved, Store, Transaction
from hub.store.queries import entities, events, loops, records, status, trace


def entity(
    key: str = "jira:1", version: int = 1, label: str = "OPS-1", kind: str = "project", **state: object
) -> Entity:
    marks = {f"jira/{key}": SourceMarks(Mark(5, version), {"name": Mark(3, 1)})}
    return Entity(kind, key, label, version, state, marks)


def event(stream: str = "project/jira:1", version: int = 1) -> Event:
    identity = event_id(stream, version, "t", 0)
    return Event(
        identity, stream, version, "project.changed", 1, 2, b'{"a":"1"}', "project/v1", "c", "d", "l", "ab", 0
    )


def effect(key: str, state: EffectState = EffectState.PLANNED, due: int = 10, **more: object) -> Effect:
    plain = dict.fromkeys(("reference", "integration", "loop", "step", "item", "subject", "action", "call"), key)
    values = {"connection": "erp", "target": "A", "payload": {"n": "1"}, "expect": {}, "logic": "l", "planned_at": 1}
    return Effect(key=key, **{**plain, **values, "state": state, "due": due, **more})  # type: ignore[arg-type]


def instance(identity: str = "close-out-1", **more: object) -> Instance:
    values = {
        "id": identity,
        "integration": "rd",
        "loop": "close-out",
        "subject_kind": "project",
        "subject": "jira:1",
    }
    rest = {"occurrence": "1", "number": 1, "logic": "l", "closed_at": 1, "started_at": 2}
    return Instance(**{**values, **rest, "state": LoopState.RUNNING, "phase": "settling", **more})  # type: ignore[arg-type]


def quarantine(identity: str = "q1", **more: object) -> Quarantine:
    values = {
        "id": identity,
        "connection": "jira",
        "delivery": "ab",
        "position": 1,
        "record": 0,
        "table": "rd/item/pm.issue",
    }
    rest = {"kind": "item", "key": "jira:9", "at": 5, "reason": "unknown-value", "row": "r", "owner": "o"}
    return Quarantine(**{**values, **rest, "message": "m", "since": 6, **more})  # type: ignore[arg-type]


def wrote(store: Store, **changes: object) -> None:
    store.write_now(lambda t: t.write(Changes(**changes), 7))  # type: ignore[arg-type]


def test_an_entity_comes_back_exactly_as_it_was_written(store: Store) -> None:
    written = entity(name="A", budget={"amount": "1.50", "currency": "CNY"}, empty=None)
    wrote(store, entities={("project", "jira:1"): written})
    touched = Touched(entities=frozenset({("project", "jira:1"), ("project", "jira:2")}))
    view = store.write_now(lambda t: t.load(touched))
    assert view.entity("project", "jira:1") == written
    assert view.entity("project", "jira:2") is None


def test_a_view_refuses_what_was_not_asked_for_and_says_what(store: Store) -> None:
    view = store.write_now(lambda t: t.load(Touched()))
    asks = (
        (lambda: view.entity("k", "a"), Touched(entities=frozenset({("k", "a")}))),
        (lambda: view.key_of_label("k", "a"), Touched(labels=frozenset({("k", "a")}))),
        (lambda: view.link("c", "k", "a"), Touched(links=frozenset({("c", "k", "a")}))),
        (lambda: view.referring("k", "f", "a"), Touched(referring=frozenset({("k", "f", "a")}))),
        (lambda: view.instances("k", "a"), Touched(subjects=frozenset({("k", "a")}))),
        (lambda: view.instance("i"), Touched(loops=frozenset({"i"}))),
        (lambda: view.effect("e"), Touched(effects=frozenset({"e"}))),
        (lambda: view.quarantined("k", "a"), Touched(quarantined=frozenset({("k", "a")}))),
        (lambda: view.approvals("i"), Touched(approvals=frozenset({"i"}))),
    )
    for ask, missing in asks:
        with pytest.raises(NotLoaded) as caught:
            ask()
        assert caught.value.touched == missing


def test_loading_accumulates_in_one_transaction(store: Store) -> None:
    def work(t: Transaction) -> None:
        t.load(Touched(effects=frozenset({"a"})))
        view = t.load(Touched(loops=frozenset({"b"})))
        assert (view.effect("a"), view.instance("b")) == (None, None)

    store.write_now(work)


def test_what_a_transaction_wrote_it_sees_when_it_loads_again(store: Store) -> None:
    def work(t: Transaction) -> Effect | None:
        asked = Touched(effects=frozenset({"a"}))
        assert t.load(asked).effect("a") is None
        t.write(Changes(effects={"a": effect("a")}), 1)
        return t.load(asked).effect("a")

    assert store.write_now(work) == effect("a")


def test_events_get_consecutive_positions_in_the_order_given(store: Store) -> None:
    first = store.write_now(lambda t: t.write(Changes(events=[event(), event("loop/x")]), 1))
    second = store.write_now(lambda t: t.write(Changes(events=[event(version=2)]), 1))
    assert [(e.position, e.stream, e.version) for e in (*first, *second)] == [
        (1, "project/jira:1", 1),
        (2, "loop/x", 1),
        (3, "project/jira:1", 2),
    ]
    with store.read() as db:
        found = list(events.events(db, stream_name="project/jira:1"))
    assert [row["id"] for row in found] == [event().id, event(version=2).id]
    assert found[0]["data"] == {"a": "1"}


@pytest.mark.parametrize("version", [1, 3])
def test_a_stream_version_that_does_not_follow_raises_and_writes_nothing(store: Store, version: int) -> None:
    wrote(store, events=[event()])
    with pytest.raises(VersionConflict):
        wrote(store, events=[event("loop/y"), event(version=version)], effects={"a": effect("a")})
    with store.read() as db:
        assert len(list(events.events(db))) == 1
        assert loops.effects(db) == []


def test_labels_find_the_entity_that_carries_them_now_then_the_last_one(store: Store) -> None:
    wrote(
        store,
        entities={
            ("project", "jira:1"): entity(label="NEW-1"),
            ("project", "jira:2"): entity("jira:2", label="OPS-1"),
        },
        labels={("project", "OPS-1", "jira:1"), ("project", "NEW-1", "jira:1"), ("project", "OPS-1", "jira:2")},
    )
    asked = frozenset({("project", "OPS-1"), ("project", "NEW-1"), ("project", "NO-1")})
    view = store.write_now(lambda t: t.load(Touched(labels=asked)))
    assert view.key_of_label("project", "OPS-1") == "jira:2"
    assert view.key_of_label("project", "NEW-1") == "jira:1"
    assert view.key_of_label("project", "NO-1") is None


def test_referring_finds_entities_that_name_the_key_or_any_label_of_it(store: Store) -> None:
    items = {("item", f"jira:{n}"): entity(f"jira:{n}", kind="item", label=f"OPS-{n}") for n in (7, 8, 9)}
    refs = {("item", "jira:7"): {"project": "jira:1"}, ("item", "jira:8"): {"project": "OPS-1"}}
    wrote(store, entities=items, refs=refs, labels={("project", "OPS-1", "jira:1")})
    asked = frozenset({("item", "project", "jira:1"), ("item", "project", "OPS-1")})
    view = store.write_now(lambda t: t.load(Touched(referring=asked)))
    assert [e.key for e in view.referring("item", "project", "jira:1")] == ["jira:7", "jira:8"]
    assert [e.key for e in view.referring("item", "project", "OPS-1")] == ["jira:8"]
    assert view.entity("item", "jira:7") == items["item", "jira:7"]


def test_refs_are_replaced_as_a_whole(store: Store) -> None:
    wrote(store, refs={("item", "jira:7"): {"project": "jira:1", "supplier": "erp:2"}})
    wrote(store, refs={("item", "jira:7"): {"project": "jira:2"}})
    with store.read() as db:
        assert entities.refs_of(db, "item", "jira:7") == {"project": "jira:2"}


def test_links_are_found_by_entity_and_by_object(store: Store) -> None:
    wrote(store, links={("jira", "project", "jira:1", "1"), ("erp", "project", "jira:1", "P-9")})
    view = store.write_now(lambda t: t.load(Touched(links=frozenset({("erp", "project", "jira:1")}))))
    assert view.link("erp", "project", "jira:1") == "P-9"
    with store.read() as db:
        assert entities.links_of(db, "project", "jira:1") == {"erp": "P-9", "jira": "1"}
        assert entities.key_of_object(db, "erp", "project", "P-9") == "jira:1"


def test_instances_are_found_by_id_and_by_subject(store: Store) -> None:
    two = {i: instance(i, number=n) for n, i in enumerate(("close-out-1", "close-out-2"), 1)}
    wrote(store, loops=two)
    asked = Touched(subjects=frozenset({("project", "jira:1")}), loops=frozenset({"close-out-2"}))
    view = store.write_now(lambda t: t.load(asked))
    assert list(view.instances("project", "jira:1")) == list(two.values())
    assert view.instance("close-out-1") == two["close-out-1"]


def test_open_quarantine_is_found_by_its_entity_and_by_whom_it_names(store: Store) -> None:
    held = quarantine(refs={"project": ("project", "OPS-1")})
    wrote(store, quarantines={"q1": held}, labels={("project", "OPS-1", "jira:1")})
    asked = Touched(quarantined=frozenset({("item", "jira:9"), ("project", "jira:1"), ("project", "jira:2")}))
    view = store.write_now(lambda t: t.load(asked))
    assert view.quarantined("item", "jira:9") == view.quarantined("project", "jira:1") == (held,)
    assert view.quarantined("project", "jira:2") == ()


def test_closed_quarantine_no_longer_stands_in_the_way(store: Store) -> None:
    wrote(store, quarantines={"q1": quarantine(refs={"project": ("project", "jira:1")}), "q2": quarantine("q2")})
    closed = quarantine(refs={"project": ("project", "jira:1")}, closed_at=9, closed_by="superseded")
    wrote(store, quarantines={"q1": closed})
    asked = Touched(quarantined=frozenset({("item", "jira:9"), ("project", "jira:1")}))
    view = store.write_now(lambda t: t.load(asked))
    assert [q.id for q in view.quarantined("item", "jira:9")] == ["q2"]
    assert view.quarantined("project", "jira:1") == ()
    with store.read() as db:
        assert [q.id for q in records.quarantined(db)] == ["q2"]
        assert {q.id for q in records.quarantined(db, closed=True)} == {"q1", "q2"}


def test_approvals_come_back_with_the_payload_the_person_saw(store: Store) -> None:
    asked = Approval(
        "a1", "l", "purchase", "", "finance", "asked", 5, {"amount": "1", "currency": "CNY"}, {"x": ["1"]}, {}
    )
    wrote(store, approvals={"a1": asked})
    view = store.write_now(lambda t: t.load(Touched(approvals=frozenset({"l"}))))
    assert list(view.approvals("l")) == [asked]


def test_effects_of_closings_are_due_before_older_ones_of_nobody(store: Store) -> None:
    older = effect("older", due=1, loop="")
    wrote(store, effects={one.key: one for one in (older, effect("closing", due=5))})
    assert [e.key for e in store.due_effects(9, 9, frozenset())] == ["closing", "older"]
    assert [e.key for e in store.due_effects(9, 1, frozenset())] == ["closing"]
    assert store.due_effects(4, 9, frozenset()) == [older]


def test_due_effects_are_those_the_executor_may_touch_oldest_first(store: Store) -> None:
    state = EffectState
    rows = [
        *(effect("late", due=5), effect("now", state.SENT, 10), effect("paused", due=1, connection="tryton")),
        *(effect("later", due=11), effect("claimed", state.SENDING, 1, claimed_until=11)),
        *(effect("ran-out", state.SENDING, 1, claimed_until=9), effect("unknown", state.UNKNOWN, 8)),
        *(effect("never", state.SENT, NEVER), effect("done", state.CONFIRMED, 1), effect("person", state.HUMAN, 1)),
    ]
    wrote(store, effects={row.key: row for row in rows})
    assert [e.key for e in store.due_effects(10, 9, frozenset({"tryton"}))] == ["late", "unknown", "ran-out", "now"]
    assert [e.key for e in store.due_effects(10, 1, frozenset())] == ["paused"]
    assert store.next_due() == 1


def test_timers_and_readings_wait_until_due_and_go_when_removed(store: Store) -> None:
    assert store.next_due() is None
    reading = Reading("jira", "issue", "10/41", "loop-1", 1, 20, 2, "slow")
    wrote(store, timers={"t": Timer("t", "settle", "l", 30, "s")}, readings={(reading.id, "loop-1"): reading})
    assert (store.next_due(), store.due_timers(29, 9), store.open_readings(20, 9)) == (20, [], [reading])
    assert store.due_timers(30, 9) == [Timer("t", "settle", "l", 30, "s")]
    wrote(store, timers={"t": None}, readings={(reading.id, "loop-1"): None})
    assert store.next_due() is None


def test_a_checkpoint_moves_only_from_where_it_stands(store: Store) -> None:
    store.write_now(lambda t: t.advance("engine", 0, 0, 5, 7))
    with pytest.raises(CheckpointMoved):
        store.write_now(lambda t: t.advance("engine", 0, 0, 6, 1))
    store.write_now(lambda t: t.advance("engine", 0, 5, 6, 1))
    assert store.write_now(lambda t: t.checkpoint("engine", 0)) == store.checkpoint("engine", 0) == 6
    assert store.write_now(lambda t: t.checkpoint("engine", 1)) == 0
    with store.read() as db:
        assert status.records(db)["received"] == 8


def test_an_outcome_written_again_replaces_the_first(store: Store) -> None:
    wrote(store, outcomes=[Outcome(1, 0, "rd/a/b", "held", "behind"), Outcome(1, 1, "", "skipped", "no-table")])
    wrote(store, outcomes=[Outcome(1, 0, "rd/a/b", "applied")])
    with store.read() as db:
        balance = status.records(db)
    assert (balance["applied"], balance["held"], balance["skipped"]) == (1, 0, {"no-table": 1})
    assert balance["unaccounted"] == 2  # nobody has promised these rows by a checkpoint


def test_measures_add_up_by_the_hour(store: Store) -> None:
    hour = 3_600_000_000
    for now in (hour, hour + 5, 2 * hour):
        store.write_now(lambda t, at=now: t.write(Changes(measures={("rd", "m"): 2}), at))  # type: ignore[misc, arg-type]
    with store.read() as db:
        assert records.hourly(db, "rd", "m") == [(hour, 4), (2 * hour, 2)]
        assert records.measured(db, "rd", 2 * hour + 9) == {"m": 2}


def test_audits_are_kept_with_who_when_what_and_why(store: Store) -> None:
    wrote(store, audits=[Audit(1, "li", "waive", "loop/x", "broken", "waived")])
    with store.read() as db:
        (row,) = records.audits(db, object_name="loop/x")
    assert {name: row[name] for name in ("at", "who", "action", "why", "result")} == {
        "at": 1, "who": "li", "action": "waive", "why": "broken", "result": "waived",
    }  # fmt: skip


def test_trace_gathers_loops_effects_and_events_of_one_entity(store: Store) -> None:
    closing, sent = instance(), effect("e", loop="close-out-1")
    wrote(
        store,
        events=[event(), event("loop/close-out-1"), event("effect/e"), event("project/jira:2")],
        loops={closing.id: closing},
        effects={"e": sent},
    )
    with store.read() as db:
        found = trace.trace(db, "project", "jira:1")
    assert [row["stream"] for row in found.events] == ["project/jira:1", "loop/close-out-1", "effect/e"]
    assert (found.loops, found.effects) == ([closing], [sent])


async def test_a_closure_that_raises_takes_nobody_with_it(store: Store) -> None:
    def plan(key: str) -> Changes:
        return Changes(effects={key: effect(key)})

    def broken(t: Transaction) -> None:
        t.write(plan("bad"), 1)
        raise LookupError("a bug")

    answers = await asyncio.gather(
        store.write(lambda t: len(t.write(plan("a"), 1))),
        store.write(broken),
        store.write(lambda t: len(t.write(plan("b"), 1))),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [int, LookupError, int]
    with store.read() as db:
        assert {each.key for each in loops.effects(db)} == {"a", "b"}


def test_readers_see_nothing_uncommitted_and_everything_answered(store: Store) -> None:
    def work(t: Transaction) -> list[Effect]:
        t.write(Changes(effects={"a": effect("a")}), 1)
        with store.read() as db:
            return loops.effects(db)

    assert store.write_now(work) == []
    with store.read() as db:
        assert loops.effects(db) == [effect("a")]


def test_who_waits_for_a_link_is_found_by_its_name_until_it_waits_no_more(store: Store) -> None:
    wrote(store, loops={"l1": instance("l1"), "l2": instance("l2")}, waits={"l1": frozenset({("project", "OPS-7")})})
    touched = Touched(waiting=frozenset({("project", "OPS-7"), ("project", "OPS-8")}))
    view = store.write_now(lambda t: t.load(touched))
    assert [one.id for one in view.waiting("project", "OPS-7")] == ["l1"]
    assert view.waiting("project", "OPS-8") == ()
    assert view.instance("l1") == instance("l1")
    with pytest.raises(NotLoaded):
        view.waiting("item", "OPS-7")
    wrote(store, waits={"l1": frozenset()})
    assert store.write_now(lambda t: t.load(touched)).waiting("project", "OPS-7") == ()


def test_who_took_an_entity_is_remembered(store: Store) -> None:
    wrote(store, loops={"l1": instance("l1")}, taken={("expense", "jira:9", "l1")})
    wrote(store, taken={("expense", "jira:9", "l1")})
    touched = Touched(takers=frozenset({("expense", "jira:9"), ("expense", "jira:8")}))
    view = store.write_now(lambda t: t.load(touched))
    assert [one.id for one in view.takers("expense", "jira:9")] == ["l1"]
    assert view.takers("expense", "jira:8") == ()
    with pytest.raises(NotLoaded):
        view.takers("item", "jira:9")


def test_an_outcome_that_others_replace_is_gone(store: Store) -> None:
    wrote(store, outcomes=[Outcome(1, 0, "", "quarantined", "bad-json")])
    wrote(store, outcomes=[Outcome(1, 0, "t", "applied"), Outcome(1, 1, "t", "applied")], withdrawn={(1, 0, "")})
    with store.read() as db:
        assert [one["table"] for one in records.outcomes(db, [1])] == ["t", "t"]
