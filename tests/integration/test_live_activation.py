"""A running ``hub run`` and the files it runs from: an edit is reported and offered, an activation is taken over."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_edit_session import events, go_live
from tests.integration.test_run import becomes, running
from tests.integration.workspace import Space
from tests.project_history import history

WHY = "--why", "say it is new"
NOTICED_SECONDS_MAX = 10.0
"""A second is meant; a busy test machine gets more."""
TITLE = ("'project.label + \" \" + project.name'", "'\"NEW \" + project.name'")


def renamed(number: int) -> bytes:
    """The first project of the history, with another name each time."""
    moved = json.loads(history(20, affected=4, padding=10).bodies[0])
    moved["issue"]["fields"] |= {"summary": f"name {number}", "updated": f"2027-03-{number + 1:02}T00:00:00.000+0800"}
    return json.dumps(moved).encode()


def comes(space: Space, *bodies: bytes) -> list[dict[str, Any]]:
    file = space.folder / "come.jsonl"
    file.write_text("\n".join(json.dumps({"headers": {}, "body": json.loads(body)}) for body in bodies), "utf-8")
    space.hub("ingest", "jira", str(file))
    assert space.json("settle", "--timeout", "60")["status"]["records"]["in_flight"] == 0
    return events(space)


def logic(found: list[dict[str, Any]]) -> str:
    """The version the newest entity event names."""
    return str([one["logic"] for one in found if one["stream"].startswith("project/")][-1])


def waiting_loop(space: Space) -> str:
    space.hub("ingest", "jira", str(space.story("jira")))
    waiting = space.json("settle", "--timeout", "60")["waiting"]
    (loop,) = {one["ref"].partition("/")[0] for one in waiting if one["kind"] == "approval"}
    return str(loop)


@pytest.fixture(params=["off", "on"])
def space(request: pytest.FixtureRequest, tmp_path: Path) -> Space:
    made = Space(tmp_path / "space")
    (made.folder / "mappings" / "event-budget.yaml").unlink()
    with (made.folder / "hub.yaml").open("a", encoding="utf-8") as file:
        file.write(f"governance: {request.param}\n")
    if request.param == "on":
        go_live(made)
    return made


def activate(space: Space) -> None:
    if "governance: on" in (space.folder / "hub.yaml").read_text("utf-8"):
        go_live(space)
    else:
        said = space.hub("mapping", "activate", "rd-close", "--as", "E1005", *WHY).stdout
        assert "the running hub takes it" in said


def test_an_edit_is_offered_activation_is_taken_over_loops_keep_theirs_and_rollback_comes_back(space: Space) -> None:
    mapping = space.folder / "mappings" / "rd-close.yaml"
    text = mapping.read_text("utf-8")
    with running(space.folder) as served:
        loop = waiting_loop(space)
        first = comes(space, renamed(1))
        old = logic(first)

        # A broken file is said, and changes nothing.
        mapping.write_text("integration: [", "utf-8")
        assert becomes(
            lambda: "rd-close.yaml: 1 problems, the hub goes on" in space.hub("status").stdout, NOTICED_SECONDS_MAX
        )
        assert logic(comes(space, renamed(2))) == old

        # A good edit is said and offered, and changes nothing either.
        mapping.write_text(text.replace(*TITLE), "utf-8")
        assert "the hub runs" in space.hub("health", "rd-close").stdout
        second = comes(space, renamed(3))
        assert logic(second) == old

        activate(space)
        third = comes(space, renamed(4))
        new = logic(third)
        assert new != old
        assert third[: len(second)] == second

        # What was under way goes on under its own version.
        space.json("loop", "approve", loop, "--as", "E1003", *WHY)
        space.json("settle", "--timeout", "60")
        subject = space.json("loop", "show", loop)["subject"]
        effects = [one for one in space.json("effect", "list") if one["subject"] == subject]
        titles = [one["payload"]["title"] for one in effects if "title" in one["payload"]]
        assert any(titles)
        assert not any(title.startswith("NEW") for title in titles)

        space.hub("mapping", "rollback", "rd-close", "--as", "E1007", *WHY)
        assert logic(comes(space, renamed(5))) == old
        code, out, err = served.end(signal.SIGTERM)
    assert code == 0
    assert "rd-close.yaml: 1 problems, the hub goes on with what it runs; see: hub check" in out
    assert "the hub runs" in out
    live = [json.loads(line) for line in err.splitlines() if '"mapping.live"' in line]
    assert [one["logic"] for one in live] == [new, old]
