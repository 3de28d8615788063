"""Two-way rows with real processes: ``hub run``, a Jira and an ERP that people edit, and kill -9 on the way."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from hub.bootstrap import SystemClock
from hub.cli.views import entity_json
from hub.engine.advance import CONSUMER, PARTITION
from hub.intake.twins import start_twins, stop_twins
from hub.store.open import open_store
from hub.store.queries.entities import entity_of
from hub.store.queries.loops import effects
from hub.store.sqlite import SqliteStore
from tests.integration.bad_input_bodies import project
from tests.integration.workspace import ROOT, Space

HUB_YAML = """\
listen: 127.0.0.1:0
people: {root}/people.yaml
schemas: {root}/schemas
connections:
  jira: {{url: "{jira}", secret: "file:secret", poll: 1s, quiesce: 1s, allow: ["{jira}"]}}
  erp: {{url: "{erp}", poll: 1s, quiesce: 1s, allow: ["{erp}"]}}
"""
KEY = "jira:10041"


def call(method: str, url: str, body: Any) -> Any:
    request = Request(url, json.dumps(body).encode(), {"content-type": "application/json"}, method=method)
    with urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or b"null")


def until(found: Callable[[], Any], seconds: float = 30) -> Any:
    """What is found at last."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        time.sleep(0.05)
    raise AssertionError("it never came")


class Both(Space):
    """A workspace between the two systems."""

    def __init__(self, folder: Path, urls: dict[str, str], policy: str = "newest") -> None:
        super().__init__(folder)
        self.jira, self.erp = urls["jira"], urls["erp"]
        (folder / "hub.yaml").write_text(HUB_YAML.format(root=ROOT, jira=self.jira, erp=self.erp), "utf-8")
        (folder / "mappings" / "event-budget.yaml").unlink()
        text = (ROOT / "mappings" / "project-sync.yaml").read_text("utf-8")
        (folder / "mappings" / "project-sync.yaml").write_text(text.replace("newest", policy), "utf-8")

    @contextmanager
    def running(self, crash_at: str = "") -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "hub.cli", "run", "-w", str(self.folder)]
        environ = {**os.environ, "HUB_CRASH_AT": crash_at, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, env=environ, cwd=self.folder, text=True, stderr=subprocess.DEVNULL) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.terminate()
                process.wait(timeout=30)

    def begin(self) -> None:
        """Both have the project under one name, and the hub knows that it is one."""
        told = json.dumps(project(10041, "indeterminate", summary="One")).encode()
        delivery = {"position": 1, "headers": {}, "body_base64": base64.b64encode(told).decode()}
        call("POST", self.jira + "/_twin/deliveries", [delivery])
        with self.running():
            until(self.entity)
            call("POST", self.erp + "/api/projects", {"name": "One", "status": "active", "code": "P-1"})
            until(lambda: self.entity()["links"] == {"jira": "10041", "erp": "1"})
            until(lambda: self.heard() >= 2)

    @property
    def store(self) -> SqliteStore:
        """Read beside the server: a command for every look would take a second each."""
        return open_store(f"sqlite:///{self.folder / '.hub' / 'hub.db'}", SystemClock())

    def entity(self) -> dict[str, Any]:
        """The project as ``hub entity show`` gives it; nothing while there is none."""
        if not (self.folder / ".hub" / "hub.db").exists():
            return {}
        with closing(self.store) as store, store.read() as db:
            found = entity_of(db, "project", KEY)
            return {} if found is None else entity_json(db, found)

    def in_jira(self, **fields: Any) -> None:
        call("PUT", self.jira + "/rest/api/3/issue/10041", {"fields": fields})

    def in_erp(self, **fields: Any) -> None:
        call("PATCH", self.erp + "/api/projects/1", fields)

    def names(self) -> tuple[str, str, str]:
        """(jira, hub, erp)"""
        with urlopen(self.jira + "/rest/api/3/issue/10041", timeout=10) as answer:
            jira = json.loads(answer.read())["fields"]["summary"]
        return jira, self.entity()["state"]["name"], self.project()["name"]

    def project(self) -> Any:
        with urlopen(self.erp + "/api/projects/1", timeout=10) as answer:
            return json.loads(answer.read())

    def heard(self) -> int:
        """Deliveries that are concluded."""
        with closing(self.store) as store:
            return store.checkpoint(CONSUMER, PARTITION)

    def updates(self) -> list[tuple[str, str]]:
        with closing(self.store) as store, store.read() as db:
            return [(f"{one.connection}.{one.action}", one.state.value) for one in effects(db) if one.is_update]


@pytest.fixture
def urls(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The two systems, each a process."""
    twins = start_twins({"jira": "jira", "erp": "erp"}, tmp_path / "systems")
    yield {twin.connection: twin.url for twin in twins}
    stop_twins(twins)


def test_a_change_in_either_system_reaches_the_other_once_and_its_echo_changes_nothing(
    tmp_path: Path, urls: dict[str, str]
) -> None:
    both = Both(tmp_path / "space", urls)
    both.begin()
    with both.running():
        both.in_jira(summary="Two")
        until(lambda: both.names() == ("Two", "Two", "Two"))
        until(lambda: both.heard() >= 4)  # two records at first, the change, its echo
        both.in_erp(name="Three", status="planned")
        until(lambda: both.names() == ("Three", "Three", "Three"))
        until(lambda: [state for _, state in both.updates()] == ["CONFIRMED"] * 2)
        until(lambda: both.heard() >= 6)
        assert both.updates() == [("erp.project.update", "CONFIRMED"), ("jira.issue.update", "CONFIRMED")]
        assert both.project()["version"] == 3
        status = both.json("status")
    assert status["records"]["unaccounted"] == 0
    assert both.entity()["version"] == 3


def test_a_rename_on_both_sides_asks_a_person_about_that_field_only(tmp_path: Path, urls: dict[str, str]) -> None:
    both = Both(tmp_path / "space", urls, policy="ask")
    both.begin()
    both.in_jira(summary="J")
    both.in_erp(name="E", status="planned")
    with both.running():
        until(lambda: both.entity()["conflicts"])
        until(lambda: ("jira.issue.update", "CONFIRMED") in both.updates())
        (entry,) = [one for one in both.json("settle")["waiting"] if one["kind"] == "person"]
        assert (entry["ref"], entry["who"]) == (f"project/{KEY}/name", "pmo")
        assert entry["message"] == "name: erp says E, jira says J"
        said = ("entity", "resolve", "project", "OPS-41", "name", "--take", "erp", "--why", "as in the contract")
        assert both.hub(*said, "--as", "E1003", expect=2).stderr
        assert both.json(*said, "--as", "E1001")["conflicts"] == {}
        until(lambda: both.names() == ("E", "E", "E"))
    assert [state for _, state in both.updates()] == ["CONFIRMED"] * 2


@pytest.mark.crash
@pytest.mark.parametrize("boundary", ["B10", "B11", "B12", "B13", "B14", "B15"])
def test_an_update_that_meets_a_crash_is_made_once(tmp_path: Path, urls: dict[str, str], boundary: str) -> None:
    both = Both(tmp_path / "space", urls)
    both.begin()
    both.in_jira(summary="Two")
    with both.running(crash_at=boundary) as process:
        assert process.wait(timeout=60) == -signal.SIGKILL
    assert both.json("settle")["settled"]
    assert both.updates() == [("erp.project.update", "CONFIRMED")]
    assert both.names() == ("Two", "Two", "Two")
    assert both.project()["version"] == 2
    with both.running():
        until(lambda: both.heard() >= 4)  # two records at first, the change, its echo
    assert both.updates() == [("erp.project.update", "CONFIRMED")]
