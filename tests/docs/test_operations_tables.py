"""The operations page says what the code says: settings, commands, slugs, actions, metrics, states."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from hub.bootstrap import SystemClock
from hub.cli.metrics import metrics_page
from hub.health.words import STATUS, WAITING
from hub.intake.webhook import _WORDS
from hub.log.port import Outside
from hub.model.clock import SECOND
from hub.model.effect import EffectState
from hub.model.instance import LoopState, StepState
from hub.settings import TOP_FROM_ENVIRONMENT, ConnectionSettings, Settings
from hub.settings_kafka import KafkaSettings
from hub.store.open import open_store
from tests.docs.manual import (
    TABLES,
    error_slugs,
    first_cells,
    generated,
    log_actions,
    page,
    reasons,
    section,
    waiting_kinds,
)

PAGE = page("operations.md")
SKIPPED = frozenset({"no-table", "empty", "no-stream"})
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| [^|]+ \| `([^|]+)` \|$", re.M)


def rows(head: str) -> dict[str, tuple[str, str]]:
    """key -> (default, example) of the table under that head row."""
    table = PAGE.partition(f"\n| {head} | type |")[2].partition("\n\n")[0]
    return {key: (default.strip("`"), example) for key, _, default, example in ROW.findall(table)}


NEEDED = {"log": {"store": "postgresql://hub@127.0.0.1/hub"}}
"""What a key cannot stand without."""
DAY = 86_400 * SECOND
MODELS = [("key", Settings), ("connection key", ConnectionSettings), ("kafka key", KafkaSettings)]


def shown(value: Any) -> str:
    if isinstance(value, BaseModel):
        return "—"
    if isinstance(value, int) and value >= DAY:
        return f"{value // DAY}d"
    return "—" if value in ("", None, (), {}) else str(value)


@pytest.mark.parametrize(("head", "model"), MODELS)
def test_every_key_of_hub_yaml_has_its_default_and_an_example(head: str, model: type[Any]) -> None:
    told = rows(head)
    defaults = {
        name: shown(field.get_default(call_default_factory=True)) for name, field in model.model_fields.items()
    }

    assert {key: default for key, (default, _) in told.items()} == defaults


@pytest.mark.parametrize(("head", "model"), MODELS)
def test_every_example_of_hub_yaml_is_accepted(head: str, model: type[Any]) -> None:
    for key, (_, example) in rows(head).items():
        data = {**NEEDED.get(key, {}), **{name: _word(value) for name, value in yaml.safe_load(example).items()}}
        assert key in model.model_validate(data).model_fields_set, example


def _word(value: object) -> object:
    """Bare on and off are words in hub.yaml."""
    return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_generated_table_is_what_the_code_says(name: str) -> None:
    assert generated(name) == TABLES[name][1](), "run: python -m tests.docs.manual"


def test_every_variable_that_overrides_a_key_is_named() -> None:
    assert {f"HUB_{name.upper()}" for name in TOP_FROM_ENVIRONMENT} <= first_cells(section(PAGE, "Environment"))


def test_every_reason_a_record_can_be_set_aside_for_is_explained() -> None:
    told = first_cells(section(PAGE, "Quarantine")) | first_cells(section(PAGE, "Skipped"))

    assert reasons() - told - {"bad-line"} == set()
    assert told - reasons() == {"<family>-event", "unknown-event:<name>"}
    assert {"bad-line", "not-authentic"} <= set(re.findall("`([a-z-]+)`", section(PAGE, "Quarantine")))


def test_every_action_of_a_log_line_is_explained() -> None:
    told = first_cells(section(PAGE, "Log lines")) - {"action"}
    patterns = log_actions()

    assert {one for one in patterns if not any(_meant(one, action) for action in told)} == set()
    assert {action for action in told if not any(_meant(one, action) for one in patterns)} == set()


def _meant(pattern: str, action: str) -> bool:
    return action.startswith(pattern[:-1]) if pattern.endswith("*") else action == pattern


def test_every_waiting_kind_says_what_to_do() -> None:
    told = first_cells(section(PAGE, "What something waits for"))

    assert told == set(WAITING)
    assert waiting_kinds() <= told


@pytest.mark.parametrize(
    ("title", "states"),
    [
        ("Effects", set(EffectState)),
        ("Loops", set(LoopState) | set(StepState)),
        ("Health", set(STATUS)),
        ("Errors in words", error_slugs()),
        ("What the intake answers", {"200", *map(str, _WORDS)}),
        ("Exit codes", {"0", "1", "2", "3"}),
    ],
)
def test_every_state_slug_and_status_has_its_row(title: str, states: set[str]) -> None:
    told = first_cells(section(PAGE, title))

    assert {str(state) for state in states} - told == set()


def test_every_metric_is_named(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}", SystemClock()) as store:
        workspace: Any = SimpleNamespace(store=store, outside=lambda: Outside({}))
        text = metrics_page(workspace, {("jira", "accepted"): 1})[1].decode()
    names = {name for name in re.findall(r"^# TYPE (\w+)", text, re.M) if not name.endswith("_created")}

    assert {name for name in names if f"`{name}`" not in section(PAGE, "Metrics")} == set()
