"""What each of our connectors makes of reads that go wrong: a read that failed, never an object that is not there and
never another object. And that no behaviour of the profile language is without a test or a profile."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from hub.connector.answers import ReadFailed, Unauthorized
from hub.connector.base import ActCall, Connector, ObjectRef
from hub.connector.samples import render
from hub.model.clock import SECOND
from hub.sim.profile import DOES, Behaviour, Dice
from hub.sim.profiles import PROFILES
from hub.sim.serve import hostile
from tests.sim.test_hostile_profiles import EXPENSE, Served, profile

NOW = 1_767_600_000 * SECOND
COMMENT = {"body": "ERP: RB-1"}
MADE = {
    "erp": ("reimbursement.create", EXPENSE),
    "tryton": ("reimbursement.create", EXPENSE),
    "jira": ("issue.comment", {"issue": "10041", **COMMENT}),
    "trello": ("card.comment", {"card": "5f3b000000000000000000a1", **COMMENT}),
}
"""What each makes here, and reads back."""
PATHS = {"tryton": "account.invoice/"}
"""Where the document itself is read; before it is made, a Tryton is asked for other things."""
STREAMS = {"jira": ObjectRef("issue", "10041"), "trello": ObjectRef("card", "5f3b000000000000000000a1")}


async def told(made: Connector, name: str) -> Connector:
    """The system knows the story of its samples."""
    for raw in render(Path(f"connectors/{name}/samples/story.jsonl"), NOW) if name in STREAMS else ():
        await made.http.write("POST", "/_twin/happen", json=orjson.loads(raw.body))
    return made


async def document(made: Connector, name: str) -> ObjectRef:
    action, payload = MADE[name]
    receipt = await made.act(ActCall(action, "create", "key-1", "key-1", payload))
    return ObjectRef(action, receipt.remote_id)


@pytest.mark.parametrize("name", sorted(MADE))
@pytest.mark.parametrize(
    ("does", "error"),
    [("500", ReadFailed), ("html", ReadFailed), ("truncated", ReadFailed), ("endless", ReadFailed),
     ("never-arrives", ReadFailed), ("429", ReadFailed), ("401", Unauthorized), ("403", Unauthorized),
     ("wrong-id", ReadFailed)],
)  # fmt: skip
async def test_a_read_that_goes_wrong_is_a_read_that_failed(name: str, does: str, error: type[Exception]) -> None:
    """Twice, because an idle connection that breaks is asked afresh once."""
    served = Served(
        hostile(profile(Behaviour(does, "read", times=2, path=PATHS.get(name, "")), connector=name), 0), name
    )
    async with served as made:
        ref = await document(await told(made, name), name)
        if name in ("jira", "trello") and does == "wrong-id":
            found = await made.read(ref)
            assert found is not None
            assert found.remote_id != ref.id  # the judge of read-backs asks again
        else:
            with pytest.raises(error):
                await made.read(ref)


@pytest.mark.parametrize("name", sorted(STREAMS))
async def test_an_object_of_a_source_is_never_taken_for_another(name: str) -> None:
    served = Served(hostile(profile(Behaviour("wrong-id", "read", times=1), connector=name), 0), name)
    async with served as made:
        await told(made, name)
        with pytest.raises(ReadFailed, match="asked for"):
            await made.read(STREAMS[name])
        found = await made.read(STREAMS[name])
        assert found is not None
        assert found.remote_id == STREAMS[name].id


@pytest.mark.parametrize("name", sorted(MADE))
async def test_what_was_deleted_without_a_word_stays_away_until_there_is_peace(name: str) -> None:
    served = Served(
        hostile(profile(Behaviour("gone", "read", times=1, path=PATHS.get(name, "")), connector=name), 0), name
    )
    async with served as made:
        ref = await document(await told(made, name), name)
        assert await made.read(ref) is None
        assert await made.read(ref) is None
        await made.http.write("POST", "/_twin/peace", json={})
        assert await made.read(ref) is not None


def test_in_a_storm_the_calls_after_the_first_are_refused_too() -> None:
    dice = Dice(profile(Behaviour("storm", "write", measure=3, words=("soon",), times=1)), 5)
    first = dice.draw("write", "/", "one")
    after = [dice.draw(calls, "/", "another") for calls in ("read", "search", "write", "read")]
    assert (first.does, first.word) == ("storm", "soon")
    assert [one.does for one in after] == ["storm"] * first.measure + [""] * (4 - first.measure)


async def test_a_page_does_not_list_yet_what_changed_a_moment_ago() -> None:
    """How long is ``Recent``'s to count; here the moment lasts until there is peace."""
    one = profile(Behaviour("unlisted", "page", measure=3_600_000), connector="jira")
    served = Served(hostile(one, 0), "jira")
    async with served as made:
        await told(made, "jira")
        assert (await made.poll("issue", "")).deliveries == ()
        await made.http.write("POST", "/_twin/peace", json={})
        assert (await made.poll("issue", "")).deliveries != ()


def test_every_behaviour_is_in_a_profile_or_in_a_test_of_its_own() -> None:
    shipped = {one.does for each in PROFILES.values() for one in each.behaviours}
    here = Path(__file__).parent
    texts = "".join(
        (here / name).read_text("utf-8") for name in ("test_hostile_profiles.py", "test_hostile_reads.py")
    )
    assert set(DOES) - shipped - set(re.findall(r'"([a-z0-9-]+)"', texts)) == set()
