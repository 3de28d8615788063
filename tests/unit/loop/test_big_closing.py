"""A closing with many items: one item's move says what it changed, whatever their number."""

from __future__ import annotations

from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from hub.loop.evolve import evolve, instance_changes
from hub.model.event import Event
from hub.model.instance import Instance, LoopState, Obligation, Step, StepState, Waiting
from tests.engine_stage import Stage, catalog_of, closed, expense, project

ITEMS = [f"jira:{n}" for n in range(5)]
parts = st.builds(Obligation, st.sampled_from(ITEMS), st.sampled_from(StepState), number=st.sampled_from(["", "N1"]))
steps = st.lists(
    st.builds(
        Step,
        st.sampled_from(["purchase", "reimburse", "tell"]),
        st.sampled_from(StepState),
        st.lists(parts, max_size=5).map(tuple),
    ),
    unique_by=lambda step: step.name,
).map(lambda found: tuple(sorted(found, key=lambda step: step.name)))
waits = st.lists(
    st.builds(Waiting, st.sampled_from(["retry", "link"]), st.sampled_from(ITEMS), st.integers(0, 2)), max_size=5
).map(tuple)
reading = st.lists(st.sampled_from(ITEMS), max_size=5).map(tuple)
BASE = Instance("close-1", "rd", "close", "project", "jira:1", "1", 1, "l", LoopState.RUNNING, "taken", 1, 1)


def made(parts_of: tuple[tuple[Step, ...], tuple[Waiting, ...], tuple[str, ...]]) -> Instance:
    found, waiting, reading = parts_of
    names = {step.name: step for step in found}
    every = tuple(names.get(name, Step(name)) for name in ("purchase", "reimburse", "tell"))
    return replace(BASE, steps=every, waiting=waiting, reading=reading)


instances = st.tuples(steps, waits, reading).map(made)


def event(said: dict[str, object], version: int) -> Event:
    data = orjson.dumps({"set": said}, option=orjson.OPT_SORT_KEYS)
    return Event("e", BASE.stream, version, "loop.step_moved", 1, 1, data, "loop/v1", "", "", "l")


@given(st.lists(instances, min_size=1, max_size=6))
def test_whatever_changes_between_two_states_its_event_folds_the_one_into_the_other(states):
    before = folded = None
    for version, state in enumerate(states, start=1):
        after = replace(state, version=version)
        folded = evolve(folded, event(instance_changes(before, after), version))
        assert folded == after
        before = after


def loop_events(stage: Stage, kind: str) -> list[int]:
    return [len(one.data) for one in stage.memory.events if one.stream.startswith("loop/") and one.type == kind]


def close_with(count: int, **catalog: object) -> Stage:
    stage = Stage(catalog_of(**catalog))
    stage.say(project(), *(expense(str(100 + n)) for n in range(count)))
    stage.say(closed())
    return stage


def test_the_event_of_one_items_move_is_as_small_among_forty_as_among_four():
    sizes = []
    for count in (4, 40):
        stage = close_with(count)
        stage.erp()
        assert stage.loop().state == "done"
        sizes.append(sorted(loop_events(stage, "loop.step_moved"))[:3])  # the largest is the start itself
    few, many = sizes
    assert max(many) <= max(few) + 8  # ids with one more digit


def test_a_closing_without_steps_yet_and_events_of_whole_steps_still_fold():
    whole = replace(BASE, steps=(Step("purchase", StepState.RUNNING, (Obligation("jira:1"),)),), version=1)
    first = evolve(None, event(instance_changes(None, whole), 1))
    said = {
        "steps": [Step("purchase", StepState.DONE, (Obligation("jira:2"),))],
        "waiting": [Waiting("link", "r", 1)],
    }
    second = evolve(first, event(said, 2))
    assert [part.item for part in second.steps[0].obligations] == ["jira:2"]
    assert second.waiting == (Waiting("link", "r", 1),)
