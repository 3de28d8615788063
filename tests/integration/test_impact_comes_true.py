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

KINDS = ("project", "purchase_item", "expense")


def lived(folder: Path, bodies: list[bytes], changes: tuple[tuple[str, str], ...]) -> Space:
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
    assert space.json("settle")["settled"]
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
    tmp_path: Path, changes: tuple[tuple[str, str], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counted, "EXAMPLES_MAX", 1_000)
    bodies = history(40, affected=8, padding=10).bodies
    before, after = lived(tmp_path / "before", bodies, ()), lived(tmp_path / "after", bodies, changes)
    texts = [(space.folder / "mappings" / "rd-close.yaml").read_text("utf-8") for space in (before, after)]
    definitions = [build(text, "rd-close.yaml", dict.fromkeys(KINDS, 1)).definition for text in texts]
    assert definitions[0] is not None
    assert definitions[1] is not None

    said = report(impact(Opening(before.folder, *texts), jobs=1), definitions[0], definitions[1])

    old, new = entities(before), entities(after)
    real = {
        (*place, name): (was.get(name), will.get(name))
        for place in {*old, *new}
        for was, will in [(old.get(place, {}), new.get(place, {}))]
        for name in {*was, *will}
        if was.get(name) != will.get(name)
    }
    predicted = {
        (one["kind"], one["key"], group["row"].rpartition(".")[2]): (one["before"], one["after"])
        for group in said["values"]["groups"]
        for one in group["examples"]
    }
    assert predicted == real
    paid, would = documents(before), documents(after)
    moved = {key: (paid.get(key), would.get(key)) for key in {*paid, *would} if paid.get(key) != would.get(key)}
    told = {
        one["document"]: (one["before"], one["after"])
        for group in said["documents"]["groups"]
        for one in group["examples"]
    }
    assert moved
    assert told == moved
