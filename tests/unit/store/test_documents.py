"""Stored documents round-trip the dataclasses exactly, whatever the fields hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.model.changes import Approval, Quarantine, Reading, Timer
from hub.model.effect import Effect, EffectState
from hub.model.entity import Entity, Mark, SourceMarks
from hub.model.instance import Instance, LoopState, Obligation, Step, StepState, Waiting
from hub.store import documents as d

text = st.text(st.characters(codec="utf-8"), max_size=8)
micros = st.integers(-(2**62), 2**62)
later = st.none() | micros
json = st.recursive(
    st.none() | st.booleans() | micros | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(text, json, max_size=3)
marks = st.builds(Mark, micros, micros)


def texts(*names: str) -> dict[str, st.SearchStrategy[str]]:
    return dict.fromkeys(names, text)


effects = st.builds(
    Effect,
    **texts("key", "reference", "integration", "loop", "step", "item", "subject", "connection", "action", "call"),
    **texts("target", "logic", "claimed_by", "remote_id", "number", "url", "document_state", "reason"),
    state=st.sampled_from(EffectState),
    payload=objects,
    expect=objects,
    planned_at=micros,
    due=micros,
    first_sent_at=later,
    settled_at=later,
    claimed_until=later,
    read_back=st.none() | objects,
)
obligations = st.builds(
    Obligation,
    **texts("item", "remote_id", "number", "url", "reason"),
    state=st.sampled_from(StepState),
    scope=objects,
    effects=st.lists(text, max_size=2).map(tuple),
    read=st.none() | objects,
)
steps = st.builds(
    Step,
    name=text,
    state=st.sampled_from(StepState),
    obligations=st.lists(obligations, max_size=2).map(tuple),
    due=later,
    done_at=later,
)
instances = st.builds(
    Instance,
    **texts("id", "integration", "loop", "subject_kind", "subject", "occurrence", "logic", "reason"),
    state=st.sampled_from(LoopState),
    phase=st.sampled_from(["asking", "settling", "reading", "gathering", "taken"]),
    steps=st.lists(steps, max_size=2).map(tuple),
    reading=st.lists(text, max_size=2).map(tuple),
    late=st.lists(text, max_size=2).map(tuple),
    waiting=st.lists(st.builds(Waiting, text, text, micros, text, text), max_size=2).map(tuple),
    taken=st.none() | objects,
    was=st.none() | objects,
    number=st.integers(1, 9),
    closed_at=micros,
    started_at=micros,
    version=st.integers(0, 9),
    finished_at=later,
)


@given(effects)
def test_effects(effect: Effect) -> None:
    assert d.load_effect(d.dump_effect(effect)) == effect


@given(instances)
def test_instances(instance: Instance) -> None:
    assert d.load_instance(d.dump_instance(instance)) == instance


@given(st.builds(Approval, *[text] * 6, micros, st.none() | st.dictionaries(text, text), objects, objects, later))
def test_approvals(approval: Approval) -> None:
    assert d.load_approval(d.approval_row(approval)[-1]) == approval


@given(st.builds(Quarantine, refs=st.dictionaries(text, st.tuples(text, text), max_size=2), closed_at=later))
def test_quarantine_rows(quarantine: Quarantine) -> None:
    assert d.load_quarantine(d.quarantine_row(quarantine)) == quarantine


@given(st.builds(Timer, text, text, text, micros, text), st.builds(Reading, text, text, text))
def test_timers_and_readings(timer: Timer, reading: Reading) -> None:
    assert d.load_timer(d.timer_row(timer)) == timer
    assert Reading(*d.reading_row(reading)) == reading


@given(st.builds(SourceMarks, marks, st.dictionaries(text, marks, max_size=3)), objects, text)
def test_entities(own: SourceMarks, state: dict[str, object], label: str) -> None:
    entity = Entity("project", "jira:1", label, 3, state, {"jira/1": own}, True)
    row = ("project", "jira:1", label, 3, 1, d.dump(entity.state), d.dump_marks(entity.marks))
    assert d.load_entity(row) == entity
