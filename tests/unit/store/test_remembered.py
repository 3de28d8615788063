"""Instances: big ones put together from pieces, all found again by their bytes, and always the one that was meant."""

from __future__ import annotations

from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from hub.model.instance import Instance, LoopState, Obligation, Step, StepState
from hub.store import documents as d
from hub.store.remembered import KEPT_MAX, MANY, Pieced, Remembered

COUNT = MANY + 4


def big(name: str = "close-1", count: int = COUNT) -> Instance:
    """As a loop makes them: each obligation's scope is an element of what was taken, the very same object."""
    taken = {
        "expenses": [{"key": f"jira:{n}", "text": "taxi" * 20} for n in range(count)],
        "@kinds": {"expenses": "e"},
    }
    parts = tuple(Obligation(one["key"], scope={"expense": one}) for one in taken["expenses"])
    steps = (Step("reimburse", obligations=parts), Step("tell", StepState.WAITING, (Obligation(""),)))
    return Instance(
        name, "rd", "close", "project", "p", "1", 1, "l", LoopState.RUNNING, "taken", 1, 1, steps=steps, taken=taken
    )


def moved(instance: Instance, n: int, **changes: object) -> Instance:
    step = instance.steps[0]
    parts = list(step.obligations)
    parts[n] = replace(parts[n], **changes)
    return replace(
        instance, version=instance.version + 1, steps=(replace(step, obligations=tuple(parts)), *instance.steps[1:])
    )


def read_afresh(document: bytes) -> Instance:
    """What a process that remembers nothing makes of it."""
    known, d._INSTANCES = d._INSTANCES, Remembered()
    try:
        return d.load_instance(document)
    finally:
        d._INSTANCES = known


changes = st.tuples(
    st.integers(0, COUNT - 1),
    st.fixed_dictionaries(
        {},
        optional={
            "number": st.text(max_size=3),
            "read": st.none() | st.just({"total": "1"}),
            "scope": st.sampled_from(
                [{}, {"@": 1}, {"expense": {"key": "jira:0"}}, {"expense": {"@": ["expenses", 1]}}]
            ),
        },
    ),
    st.booleans(),
)


@given(st.lists(changes, max_size=6))
def test_every_state_of_a_big_closing_reads_back_whoever_reads_it(story):
    instance = big()
    for n, change, refreshed in story:
        instance = moved(instance, n, **change)
        if refreshed:  # the lists anew, with other objects in another order
            instance = replace(instance, taken={**instance.taken, "expenses": instance.taken["expenses"][::-1]})
        document = d.dump_instance(instance)
        assert d.load_instance(document) == instance
        assert read_afresh(document) == instance


def test_an_element_of_a_list_is_written_once():
    assert orjson.dumps(big()).count(b"taxi" * 20) == 2 * COUNT
    assert d.dump_instance(big()).count(b"taxi" * 20) == COUNT


def test_a_document_that_another_process_wrote_is_not_taken_for_the_one_remembered():
    ours = d.dump_instance(big())
    theirs = d.dump_instance(moved(big(), 3, number="N7"))
    assert d.load_instance(ours).steps[0].obligations[3].number == ""
    assert d.load_instance(theirs).steps[0].obligations[3].number == "N7"
    assert d.load_instance(ours.replace(b'"number":1', b'"number":2')).number == 2


def test_unchanged_bytes_are_not_parsed_again_and_keep_the_objects_shared():
    document = d.dump_instance(big("close-shared"))
    found = d.load_instance(document)
    assert found is d.load_instance(document)
    assert read_afresh(document).steps[0].obligations[2].scope["expense"] is not None


def test_what_is_remembered_is_bounded():
    documents = [orjson.dumps(big(f"close-{n:02}")) for n in range(20)]
    kept: Remembered[Instance] = Remembered(len(documents[0]) * 7)
    for document in (*documents, documents[-1]):
        kept.keep(document, big())
    assert [kept.get(document) is not None for document in documents] == [False] * 13 + [True] * 7
    pieced = Pieced()
    for n in range(KEPT_MAX + 3):
        pieced.dump(big(f"close-{n}"))
    assert len(pieced._pieces) == KEPT_MAX


def test_small_closings_and_documents_from_before_are_as_they_were():
    small = big(count=2)
    assert d.dump_instance(small) == orjson.dumps(small)
    assert d.load_instance(d.dump_instance(small)) is small
    assert read_afresh(d.dump_instance(small)) == small
    assert d.load_instance(orjson.dumps(big())) == big()
