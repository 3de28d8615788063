"""A closing that has not happened: what sets it off, what it would do, what is in its way; nothing is written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.history.preflight import closing_json
from hub.history.preflight_text import lines
from hub.history.rehearsal import Question, foresee
from hub.loop.hypothesis import wishes
from hub.mapping.table import Expression
from hub.model.diagnostic import Place
from hub.store.snapshot import snapshot
from tests.closings import Closings

HERE = Place("x.yaml", 1, 1)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Closings]:
    made = Closings(tmp_path)
    yield made
    made.close_store()


def ask(stage: Closings, number: int = 0, **given: Any) -> dict[str, Any]:
    key = f"jira:{10_000 + number * 10}"
    (loop,) = stage.catalog.loops("project")
    with snapshot(stage.store) as view:
        subject = view.entity("project", key)
        assert subject is not None
        question = Question(subject, stage.clock.now(), stage.clock.now(), given, {})
        return closing_json(foresee(view, stage.catalog, loop, question), stage.catalog)


def named(stage: Closings, when: str) -> list[dict[str, Any]]:
    (loop,) = stage.catalog.loops("project")
    changed = replace(loop, definition=replace(loop.definition, when=Expression(when, HERE)))
    return [dict(wish) for wish in wishes(changed, "project")]


@pytest.mark.parametrize(
    ("when", "wish"),
    [
        ('project.status == "closed"', {"status": "closed"}),
        ('"closed" == project.status', {"status": "closed"}),
        ('project.status == "closed" && project.outcome == "ok"', {"status": "closed", "outcome": "ok"}),
        ('project.status in ["done", "closed"]', {"status": "done"}),
        ('!(project.status != "closed" || project.outcome != "ok")', {"status": "closed", "outcome": "ok"}),
        ('filled(project.name) && project.status == "closed"', {"status": "closed"}),
        ('was.status == "open" && project.status == "closed"', {"status": "closed"}),
    ],
)
def test_a_condition_says_by_its_comparisons_what_would_make_it_true(stage: Closings, when: str, wish: Any) -> None:
    assert named(stage, when)[0] == wish


def test_alternatives_are_tried_in_their_order_and_nothing_at_all_comes_last(stage: Closings) -> None:
    assert named(stage, 'project.status == "a" || project.status == "b"') == [{"status": "a"}, {"status": "b"}, {}]


def test_a_preflight_lists_the_documents_amounts_and_approvals_of_a_closing(stage: Closings) -> None:
    stage.issue(10_000, "Epic", **stage._project(0))
    stage.item(10_001, 10_000, 400)
    stage.expense(10_005, 10_000, 120)
    stage.settle()
    said = ask(stage)
    assert (said["would"], said["missing"], said["links"]) == ("done", [], [])
    assert [(one["step"], one["item"], one["weight"]) for one in said["documents"]] == [
        ("purchase", None, "money"),
        ("reimburse", "jira:10005", "money"),
        ("asset", None, "asset"),
        ("tell", None, "note"),
    ]
    assert said["amounts"] == {"CNY": "61120.00"}
    assert [(one["step"], one["role"], one["who"]) for one in said["approvals"]] == [
        ("purchase", "finance", ["E1003", "E1007"]),
        ("asset", "finance", ["E1003", "E1007"]),
    ]
    assert said["sets"]["status"] == "closed"
    assert said["reads_again"] == ["jira/issue/10000", "jira/issue/10001", "jira/issue/10005"]


def test_a_missing_requirement_names_its_owner_and_what_would_follow_once_it_is_met(stage: Closings) -> None:
    stage.issue(10_000, "Epic", **{**stage._project(1), "customfield_10201": None})
    stage.item(10_001, 10_000, 1)
    stage.settle()
    said = ask(stage)
    assert said["would"] == "blocked"
    assert [(one["message"], one["owner"]) for one in said["missing"]] == [("cost centre missing", "pmo")]
    assert [one["step"] for one in said["documents"]] == ["purchase", "tell"]
    assert ask(stage, cost_center="CC-9")["would"] == "done"


def test_a_quarantined_expense_would_make_it_wait(stage: Closings) -> None:
    stage.issue(10_000, "Epic", **stage._project(1))
    stage.expense(10_005, 10_000, 10, status="a status nobody mapped")
    stage.settle()
    said = ask(stage)
    assert said["would"] == "waits"
    assert [(one["owner"], "unknown-value" in one["message"]) for one in said["quarantine"]] == [("finance", True)]


def test_a_payload_that_cannot_be_made_is_missing_with_its_step(stage: Closings) -> None:
    stage.issue(10_000, "Epic", **{**stage._project(0), "customfield_10203": None})
    stage.settle()
    said = ask(stage)
    assert said["would"] == "incomplete"
    assert [(one["step"], '"value"' in one["message"]) for one in said["missing"]] == [("asset", True)]


def test_a_subject_that_is_closed_is_told_so_and_one_in_the_middle_goes_on_from_there(stage: Closings) -> None:
    stage.issue(10_000, "Epic", **{**stage._project(1), "customfield_10201": None})
    stage.close(0, customfield_10201=None, customfield_10202={"value": "Software"})
    stage.settle()
    assert ask(stage)["would"] == "blocked"
    stage.close(0, customfield_10202={"value": "Software"})
    stage.settle()
    said = ask(stage)
    assert (said["would"], said["id"]) == ("already", stage.loop_of(0))


def test_a_second_closing_asks_the_owner_first(stage: Closings) -> None:
    stage.project(1)
    stage.close(1)
    stage.settle()
    stage.issue(10_010, "Epic", **stage._project(1))
    stage.item(10_014, 10_010, 3)
    stage.settle()
    said = ask(stage, 1)
    assert (said["would"], said["closing"], said["asks_owner"]) == ("asks_owner", 2, True)
    assert [one["step"] for one in said["documents"]] == ["purchase", "tell"]


def test_a_preflight_leaves_the_store_as_it_was(stage: Closings) -> None:
    stage.project(0)
    stage.settle()
    before = _content(stage)
    ask(stage)
    assert _content(stage) == before


def _content(stage: Closings) -> str:
    with stage.store.reader() as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
        rows = [repr(row) for name in tables for row in db.execute(f"SELECT * FROM {name}")]
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()


@pytest.mark.parametrize(("language", "words"), [("en", "cost centre missing — owner pmo"), ("zh", "— 负责 pmo")])
def test_people_read_it_in_their_language(stage: Closings, language: str, words: str) -> None:
    stage.issue(10_000, "Epic", **{**stage._project(1), "customfield_10201": None})
    stage.settle()
    answer = {"kind": "project", "key": "jira:10000", "label": "OPS-10000", "loops": [ask(stage)]}
    assert words in "\n".join(lines(answer, language))


def test_what_preflight_said_is_what_then_happens(stage: Closings) -> None:
    stage.project(7)
    stage.settle()
    foretold = ask(stage, 7)
    stage.close(7)
    stage.settle()
    with stage.store.read() as db:
        from hub.store.queries.loops import effects

        made = effects(db, loop_id=stage.loop_of(7))
    numbers = {f"<{one.step}{one.item and ' ' + one.item}>": one.number for one in made}
    assert len(made) == len(foretold["documents"])
    for one in foretold["documents"]:
        real = next(e for e in made if (e.step, e.item) == (one["step"], one["item"] or ""))
        said = {name: _with(value, numbers) for name, value in one["payload"].items() if name != "needed_by"}
        assert said == {name: value for name, value in real.payload.items() if name != "needed_by"}


def _with(value: Any, numbers: dict[str, str]) -> Any:
    for placeholder, number in numbers.items():
        if isinstance(value, str):
            value = value.replace(placeholder, number)
    return value


def campaign(stage: Closings, loop: str, **given: Any) -> dict[str, Any]:
    from hub.model.entity import Entity

    schema = stage.catalog.schemas.get("campaign")
    assert schema is not None
    state = {**schema.empty, "name": "Fair", "status": "active", "organizer": "E1005", "budget_code": "MK-1"}
    money = {"amount": "900.00", "currency": "CNY"}
    subject = Entity("campaign", "trello:c1", "Fair", 1, {**state, "budget": money, "spend": money})
    chosen = next(one for one in stage.catalog.loops("campaign") if one.definition.name == loop)
    with snapshot(stage.store) as view:
        question = Question(subject, stage.clock.now(), stage.clock.now(), given, {})
        return closing_json(foresee(view, stage.catalog, chosen, question), stage.catalog)


def test_a_warning_about_a_crossing_needs_the_value_that_crosses(stage: Closings) -> None:
    assert (campaign(stage, "over-budget")["would"], campaign(stage, "over-budget")["starts_by"]) == (
        "not_now",
        "crossing",
    )
    said = campaign(stage, "over-budget", spend={"amount": "901.00", "currency": "CNY"})
    assert (said["would"], [one["step"] for one in said["steps"]]) == ("incomplete", ["warn"])
    assert [(one["step"], one["kind"], one["key"]) for one in said["links"]] == [("warn", "campaign", "trello:c1")]


def test_a_loop_that_a_clock_starts_is_run_for_the_subject_as_it_is(stage: Closings) -> None:
    from hub.mapping.table import ScheduleDef

    stage.project(1)
    stage.settle()
    (loop,) = stage.catalog.loops("project")
    monthly = replace(loop, definition=replace(loop.definition, schedule=ScheduleDef("month", HERE), once="period"))
    integration = stage.catalog.integrations["rd-close"]
    always = replace(monthly, when=lambda scope: True)
    active = {**stage.catalog.integrations, "rd-close": replace(integration, loops=(always,))}
    catalog = replace(stage.catalog, integrations=active, _tables={}, _loops={})
    with snapshot(stage.store) as view:
        subject = view.entity("project", "jira:10010")
        assert subject is not None
        question = Question(subject, stage.clock.now(), stage.clock.now(), {}, {})
        said = closing_json(foresee(view, catalog, always, question), catalog)
    assert (said["would"], said["starts_by"], said["sets"]) == ("done", "clock", {})


def test_a_loop_that_a_clock_starts_does_not_ask_for_what_would_close_it() -> None:
    one = {"title": {}, "integration": "m", "loop": "settle", "would": "not_now", "starts_by": "clock"}
    one |= {"when": 'project.status == "active"', "sets": {}, "missing": [], "quarantine": [], "links": []}
    one |= {"asks_owner": "", "documents": [], "steps": [], "approvals": [], "amounts": {}, "reads_again": []}
    answer = {"kind": "project", "key": "k", "label": "OPS-1", "loops": [one]}
    text = "\n".join(lines(answer, "en"))
    assert "A clock starts it" in text
    assert "--set" not in text
    assert "按时间启动" in "\n".join(lines(answer, "zh"))
