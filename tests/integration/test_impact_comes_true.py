"""What an impact run predicts is what happens: the same deliveries under both versions, in two fresh stores."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from hub.cli.mapping_versions import Opening
from hub.history import counted
from hub.history.impact import impact
from hub.history.impact_report import report
from hub.mapping.build import build
from tests.integration.workspace import Space
from tests.project_history import CHANGE, T0, history


@pytest.fixture(autouse=True)
def every_example_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counted, "EXAMPLES_MAX", 1_000)


KINDS = ("project", "purchase_item", "expense")


def lived(folder: Path, bodies: list[bytes], changes: tuple[tuple[str, str], ...], *, settles: bool = True) -> Space:
    """A workspace in which the deliveries came in, were worked off and approved."""
    space = Space(folder)
    file = folder / "mappings" / "rd-close.yaml"
    for change in changes:
        file.write_text(file.read_text("utf-8").replace(*change), "utf-8")
    lines = [
        {"headers": {}, "body_base64": base64.b64encode(body).decode(), "received_at": _at(n)}
        for n, body in enumerate(bodies)
    ]
    story = folder / "story.jsonl"
    story.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    space.hub("ingest", "jira", str(story))
    waiting = space.json("settle")["waiting"]
    for loop in sorted({one["loop"] for one in waiting if one["kind"] == "approval"}):
        space.hub("loop", "approve", loop, "--as", "E1003", "--why", "as planned")
    assert space.json("settle")["settled"] or not settles
    return space


def _at(number: int) -> str:
    from hub.model.clock import iso

    return iso(T0 + number * 1_000)


def entities(space: Space) -> dict[tuple[str, str], Any]:
    from hub.bootstrap import open_workspace

    opened = open_workspace(space.folder)
    with opened.store.read() as db:
        rows = db.exec_driver_sql("SELECT kind, key, label, state FROM entity").fetchall()
    opened.store.close()
    return {(kind, key): {"label": label, **json.loads(state)} for kind, key, label, state in rows}


def documents(space: Space) -> dict[str, Any]:
    """Reference -> payload; numbers the target gave are called as a prediction calls them."""
    effects = space.json("effect", "list")
    said = {}
    for one in effects:
        text = json.dumps(one["payload"], ensure_ascii=False, sort_keys=True)
        for other in effects:
            if other["number"] and other["loop"] == one["loop"]:
                item = f" {other['item']}" if other["item"] else ""
                text = text.replace(f" {other['number']}", f" <{other['step'].partition('/')[0]}{item}>")
        said.setdefault(one["reference"], json.loads(text))
    return said


SOURCE = ("from: fields.customfield_10302, as: money CNY", "from: fields.customfield_10301, as: money CNY")
ENTRY = ("Approved: approved, ", "")
LATER = ("days(14)", "days(15)")


@pytest.mark.parametrize("changes", [(CHANGE, LATER), (SOURCE, ENTRY)], ids=["values", "refusals"])
def test_the_differences_are_the_predicted_ones_byte_for_byte(
    tmp_path: Path, changes: tuple[tuple[str, str], ...]
) -> None:
    bodies = history(40, affected=8, padding=10).bodies
    before, after = lived(tmp_path / "before", bodies, ()), lived(tmp_path / "after", bodies, changes)
    texts = [(space.folder / "mappings" / "rd-close.yaml").read_text("utf-8") for space in (before, after)]
    definitions = [build(text, "rd-close.yaml", dict.fromkeys(KINDS, 1)).definition for text in texts]
    assert definitions[0] is not None
    assert definitions[1] is not None

    said = report(impact(Opening(before.folder, *texts), jobs=1), definitions[0], definitions[1])

    assert predicted_values(said) == differing(entities(before), entities(after))
    paid, would = documents(before), documents(after)
    moved = {key: (paid.get(key), would.get(key)) for key in {*paid, *would} if paid.get(key) != would.get(key)}
    assert moved
    assert predicted_documents(said) == moved


def differing(old: dict[tuple[str, str], Any], new: dict[tuple[str, str], Any]) -> dict[tuple[str, ...], Any]:
    """(kind, key, field) -> (before, after) of every value that differs."""
    return {
        (*place, name): (was.get(name), will.get(name))
        for place in {*old, *new}
        for was, will in [(old.get(place, {}), new.get(place, {}))]
        for name in {*was, *will}
        if was.get(name) != will.get(name)
    }


def predicted_values(said: dict[str, Any]) -> dict[tuple[str, ...], Any]:
    return {
        (one["kind"], one["key"], group["row"].rpartition(".")[2]): (one["before"], one["after"])
        for group in said["values"]["groups"]
        for one in group["examples"]
    }


def predicted_documents(said: dict[str, Any]) -> dict[str, Any]:
    return {
        one["document"]: (one["before"], one["after"])
        for group in said["documents"]["groups"]
        for one in group["examples"]
    }


def events(space: Space) -> list[str]:
    return space.hub("events", "--format", "json").stdout.splitlines()


def settled(space: Space) -> None:
    """Everything is done, whoever is asked for it agreed."""
    for loop in sorted({one["loop"] for one in space.json("settle")["waiting"] if one["kind"] == "approval"}):
        space.hub("loop", "approve", loop, "--as", "E1003", "--why", "as planned")
    assert space.json("settle")["settled"]


def activated(space: Space, *change: str) -> dict[str, Any]:
    """What an impact run says of an edit of the file, which then goes live."""
    file = space.folder / "mappings" / "rd-close.yaml"
    before = file.read_text("utf-8")
    assert change[0] in before
    file.write_text(before.replace(*change), "utf-8")
    definitions = [build(text, file.name, dict.fromkeys(KINDS, 1)).definition for text in (before, file.read_bytes())]
    assert all(definitions)
    opening = Opening(space.folder, before, file.read_text("utf-8"))
    said: dict[str, Any] = report(impact(opening, jobs=1), *definitions)  # type: ignore[arg-type]
    space.hub("mapping", "activate", "rd-close", "--as", "E1005", "--why", "corrected")
    return said


REPLAY = "replay", "--as", "E1007", "--why", "the past as well"


def test_activation_and_replay_make_the_predicted_differences_and_no_document_twice(tmp_path: Path) -> None:
    space = lived(tmp_path / "space", history(40, affected=3, padding=10).bodies, ())
    old, told, paid = entities(space), events(space), documents(space)
    counted_in_erp = space.documents()

    said = activated(space, *CHANGE)
    assert entities(space) == old, "an activation changes nothing that was"
    dry = space.json("replay", "--dry-run")
    assert entities(space) == old
    done = space.json(*REPLAY)

    assert said["values"]["differ"] > 0
    assert predicted_values(said) == differing(old, entities(space))
    assert (done["changed"], done["values"]) == (said["entities"]["differ"], said["values"]["differ"])
    assert [dry[name] for name in ("changed", "values", "examples")] == [
        done[name] for name in ("changed", "values", "examples")
    ]
    new = events(space)
    assert new[: len(told)] == told, "events that were there stay as they are"
    made = [json.loads(one) for one in new[len(told) :]]
    assert [one["type"] for one in made if one["stream"].startswith("project/")] == ["project.changed"] * done[
        "changed"
    ]
    settled(space)
    assert documents(space) == paid, "what was decided stays as it was decided"
    assert space.documents() == counted_in_erp
    again = space.json(*REPLAY)
    assert (again["changed"], again["added"], again["values"]) == (0, 0, 0)


def test_what_was_set_aside_and_held_up_a_closing_is_paid_as_predicted(tmp_path: Path) -> None:
    space = lived(tmp_path / "space", history(40, affected=3, padding=10).bodies, (ENTRY,), settles=False)
    old, paid = entities(space), documents(space)

    said = activated(space, "{To Do: draft, ", "{To Do: draft, Approved: approved, ")
    done = space.json(*REPLAY)
    settled(space)

    assert done["released"] > 0
    assert predicted_values(said) == differing(old, entities(space))
    would = documents(space)
    assert would
    assert predicted_documents(said) == {key: (None, one) for key, one in would.items() if key not in paid}
    assert set(space.documents().values()) == {1}
