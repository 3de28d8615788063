"""The machine contract (design §9.1) over the shipped tables with built-in twins: what scripts rely on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.workspace import Space


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A workspace after both sample stories, settled."""
    made = Space(tmp_path_factory.mktemp("contract") / "space")
    made.hub("ingest", "jira", str(made.story("jira")))
    made.hub("ingest", "trello", str(made.story("trello")))
    made.settled = made.json("settle")  # type: ignore[attr-defined]
    return made


def settled(space: Space) -> Any:
    return space.settled  # type: ignore[attr-defined]


def test_settle_says_settled_and_what_waits_for_whom(space: Space) -> None:
    result = settled(space)
    assert result["settled"] is True
    assert {one["kind"] for one in result["waiting"]} >= {"approval"}
    assert all({"kind", "ref", "since", "who"} <= one.keys() for one in result["waiting"])


def test_status_balances(space: Space) -> None:
    records = settled(space)["status"]["records"]
    total = sum(records[name] for name in ("applied", "unchanged", "stale", "held", "in_flight"))
    total += sum(records["skipped"].values()) + sum(records["quarantined"].values())
    assert records["received"] == total
    assert records["unaccounted"] == 0


def test_every_confirmed_document_of_the_erp_is_there_once_by_its_own_count(space: Space) -> None:
    effects = [one for one in space.json("effect", "list") if one["action"].startswith("erp.")]
    assert effects
    assert all(one["state"] == "CONFIRMED" and one["number"] and one["read_back"] for one in effects)
    assert space.documents() == {one["reference"]: 1 for one in effects}


def test_events_are_json_lines_in_order_with_their_place(space: Space) -> None:
    lines = [json.loads(line) for line in space.hub("events", "--format", "json").stdout.splitlines()]
    names = "position id stream version type time recorded data schema correlation causation logic delivery record"
    assert all(set(names.split()) <= line.keys() for line in lines)
    assert [line["position"] for line in lines] == sorted(line["position"] for line in lines)


def test_an_entity_is_found_by_its_label_and_says_who_said_what(space: Space) -> None:
    by_label = space.json("entity", "show", "project", "OPS-41")
    assert by_label == space.json("entity", "show", "project", by_label["key"])
    assert by_label["links"]["jira"] == by_label["key"].partition(":")[2]
    assert by_label["fields"]["status"]["source"] == "jira/" + by_label["links"]["jira"]


def test_an_approval_by_the_subjects_label_lets_the_loop_end(space: Space) -> None:
    before = space.json("loop", "show", "OPS-41")
    assert before["steps"]["purchase"] == "asking"
    refused = space.hub("loop", "approve", "OPS-41", "--as", "E1006", "--why", "no role", expect=2)
    assert "error:" in refused.stderr
    space.json("loop", "approve", "OPS-41", "--as", "E1003", "--why", "within budget")
    assert space.json("settle")["settled"]
    after = space.json("loop", "show", before["id"][:-4])
    assert after["state"] == "done"
    assert set(after["steps"].values()) <= {"done", "skipped"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("loop", "show", "nothing-like-it"), 2),
        (("entity", "show", "project", "NO-1"), 2),
        (("ingest", "nobody", "x.json"), 2),
        (("status", "--no-such-option"), 2),
        (("loop", "approve", "OPS-50", "--as", "stranger", "--why", "x"), 2),
    ],
)
def test_a_wrong_command_line_exits_2_and_explains_on_stderr_alone(
    space: Space, words: tuple[str, ...], code: int
) -> None:
    done = space.hub(*words, "--format", "json", expect=code)
    assert done.stdout == ""
    assert done.stderr


def test_ingest_counts_duplicates_and_names_refused_lines(space: Space, tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    file.write_text(
        'nonsense\n{"body": {"webhookEvent": "unheard_of"}, "headers": {"x-atlassian-webhook-identifier": "7"}}\n'
    )
    first = space.json("ingest", "jira", str(file), expect=1)
    assert (first["received"], first["duplicate"]) == (1, 0)
    assert [(one["line"], one["reason"]) for one in first["refused"]] == [(1, "bad-line")]
    assert space.json("ingest", "jira", str(file), expect=1)["duplicate"] == 1


def test_verify_refuses_an_unsigned_recording(space: Space, tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    file.write_text('{"body": {}}\n')
    refused = space.json("ingest", "jira", str(file), "--verify", expect=1)["refused"]
    assert [one["reason"] for one in refused] == ["not-authentic"]


def test_check_finds_nothing_in_what_ships(space: Space) -> None:
    assert space.json("check") == []


def test_a_missing_workspace_is_explained(tmp_path: Path, space: Space) -> None:
    other = Space(tmp_path / "other")
    (other.folder / "hub.yaml").unlink()
    done = other.hub("status", expect=1)
    assert "fix:" in done.stderr
