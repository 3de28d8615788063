"""Steps that change the source itself: a Jira issue's field and status, a Trello card's list and custom field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.integration.workspace import Space

JIRA = """
  - step: mark
    after: [tell]
    do: pm.issue.update
    with:
    - {field: object, from: project}
    - {field: fields, fields: [{field: fields.summary, value: '"closed: " + steps.tell.number'}]}
  - step: move
    after: [mark]
    do: pm.issue.transition
    with: [{field: issue, from: project}, {field: status, const: In Progress}]
"""
TRELLO = """
  - step: mark
    after: [tell]
    do: board.card.update
    with:
    - {field: object, from: campaign}
    - field: fields
      fields:
      - {field: idList, const: 5f3b00000000000000000019}
      - {field: 'customFields["实际花费"]', const: "18650.50"}
"""
FAIR = "5f3b000000000000000000a1"


def ran(folder: Path, source: str, file: str, after: str, steps: str) -> list[dict[str, Any]]:
    """The story of a source under a mapping with these steps behind the one that comments."""
    space = Space(folder / "space")
    mapping = space.folder / "mappings" / file
    head, tail = mapping.read_text("utf-8").split(after, 1)
    line, _, rest = tail.partition("\n")
    mapping.write_text(f"{head}{after}{line}{steps.rstrip()}\n{rest}", "utf-8")
    space.hub("ingest", source, str(space.story(source)))
    space.json("settle", "--timeout", "20")
    return [one for one in space.json("effect", "list") if one["step"] in ("mark", "move")]


def test_an_issues_field_and_status_are_set_and_read_back(tmp_path: Path) -> None:
    made = ran(tmp_path, "jira", "rd-close.yaml", "do: pm.issue.comment\n    with:", JIRA)
    assert {(one["action"], one["state"]) for one in made} == {
        ("jira.issue.update", "CONFIRMED"),
        ("jira.issue.transition", "CONFIRMED"),
    }
    by = {(one["subject"], one["action"]): one["read_back"] for one in made}
    assert by["jira:10090", "jira.issue.update"]["fields"]["fields.summary"].startswith("closed: 9")
    assert by["jira:10090", "jira.issue.transition"]["status"] == "In Progress"


def test_a_card_is_moved_and_its_custom_field_set_and_read_back(tmp_path: Path) -> None:
    (one,) = ran(tmp_path, "trello", "event-budget.yaml", "do: board.card.comment\n    with:", TRELLO)
    assert (one["action"], one["state"], one["subject"]) == ("trello.card.update", "CONFIRMED", f"trello:{FAIR}")
    fields = one["read_back"]["fields"]
    assert (fields["idList"], fields["customFields.实际花费"]) == ("5f3b00000000000000000019", "18650.50")
