"""Random edits on both sides, deliveries late and out of order, updates at any moment: it always comes to rest."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.model.effect import EffectState
from hub.model.twoway import alike
from tests.twoway_stage import TwoWays, linked

NAMES = st.sampled_from(["A", "B", "C", ""])
EDIT = st.tuples(st.just("edit"), st.sampled_from(["jira", "erp"]), NAMES)
HEAR = st.tuples(st.just("hear"), st.sampled_from(["jira", "erp"]), st.integers(0, 2))
READ = st.tuples(st.just("read"), st.just(0), st.just(0))
MOVE = st.tuples(st.just("move"), st.integers(0, 3), st.booleans())
SCRIPT = st.lists(st.one_of(EDIT, HEAR, MOVE, READ), min_size=1, max_size=25)
PATH = {"jira": "fields__summary", "erp": "name"}
FLYING = (EffectState.SENDING, EffectState.SENT, EffectState.UNKNOWN)


def play(stage: TwoWays, script: list[tuple[str, Any, Any]]) -> None:
    for what, which, how in script:
        if what == "edit":
            stage.edit(which, **{PATH[which]: how})
        elif what == "hear" and stage.systems[which].told:
            stage.hear(which, min(how, len(stage.systems[which].told) - 1))
        elif what == "read":
            stage.serve_readings()
        elif what == "move" and (effects := stage.open()):
            stage.step(effects[which % len(effects)].key, lost=how)


def come_to_rest(stage: TwoWays) -> int:
    """How many updates it takes from here on, those on their way apart."""
    stage.hear_all()
    flying = sum(effect.state in FLYING for effect in stage.open())
    before = stage.calls
    stage.run()
    return stage.calls - before - flying


@settings(max_examples=400, deadline=None)
@given(SCRIPT, st.sampled_from(["newest", "source", "target"]), st.booleans(), st.booleans())
def test_both_systems_and_the_hub_agree_after_at_most_one_round_trip(
    script: list[tuple[str, Any, Any]], policy: str, versions: bool, reads: bool
) -> None:
    stage = linked(policy, reads=reads)
    stage.jira.tells_version = stage.erp.tells_version = versions
    play(stage, script)
    assert come_to_rest(stage) <= 2
    jira, hub, erp = stage.both()
    assert alike(jira, hub)
    assert alike(hub, erp)
    settled = stage.calls
    stage.run()
    assert stage.calls == settled
    again = stage.again()
    assert again.events == stage.events
    assert again.memory.twoways == stage.memory.twoways
    assert again.calls == 0


@settings(max_examples=200, deadline=None)
@given(SCRIPT, st.booleans())
def test_with_ask_they_agree_or_a_person_is_asked(script: list[tuple[str, Any, Any]], reads: bool) -> None:
    stage = linked("ask", reads=reads)
    play(stage, script)
    assert come_to_rest(stage) <= 2
    jira, hub, erp = stage.both()
    assert (alike(jira, hub) and alike(hub, erp)) or "name" in stage.known.conflicts


@settings(max_examples=300, deadline=None)
@given(
    SCRIPT,
    st.sampled_from(["jira", "erp"]),
    st.sampled_from(["newest", "source", "target", "ask"]),
    st.booleans(),
    st.booleans(),
)
def test_where_only_one_system_is_edited_it_is_never_written_and_the_other_follows(
    script: list[tuple[str, Any, Any]], edited: str, policy: str, versions: bool, reads: bool
) -> None:
    stage = linked(policy, reads=reads)
    stage.jira.tells_version = stage.erp.tells_version = versions
    play(stage, [one for one in script if one[0] != "edit" or one[1] == edited])
    stage.run()
    last = [how for what, which, how in script if (what, which) == ("edit", edited)][-1:] or ["One"]
    assert {one or None for one in stage.both()} == {last[0] or None}
    assert stage.systems[edited].calls == 0
    assert not [kind for kind in stage.types() if kind.startswith("sync.")]
