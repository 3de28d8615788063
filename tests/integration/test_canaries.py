"""Secrets and private values never leave by a side door: planted words, looked for in logs, errors and metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog

from connectors.erp.connector import ErpConnector
from connectors.jira.connector import SIGNATURE, JiraConnector
from hub.cli.logs import set_up
from hub.connector.answers import ReadFailed, Unauthorized
from hub.connector.samples import signed
from hub.model.delivery import Raw
from tests.integration.bad_input_bodies import expense, project, status
from tests.integration.bad_input_stage import SECRET, Stage, raw, shipped, staged

TITLE, PERSON, AMOUNT, FORGED = "canary-title-7731", "canary-person-7732", "77330077", "canary-signature-7734"
PLANTED = (TITLE, PERSON, AMOUNT, FORGED, SECRET)


async def send(stage: Stage, body: Any, **headers: str) -> int:
    """A webhook as its source would sign it, headers laid over it."""
    connector = stage.workspace.connector("jira")
    one = signed(connector, Raw(raw(body), {}), stage.workspace.public_url("jira"), SECRET)
    return await stage.post(one.body, {**one.headers, "content-type": "application/json", **headers})


async def everything_goes_wrong(stage: Stage) -> None:
    """Forged, unreadable and impossible deliveries; an ERP that fails; a loop that waits."""
    person = {"assignee": {"accountId": PERSON, "displayName": PERSON}, "summary": TITLE}
    await send(stage, project(10041, "indeterminate"), **{SIGNATURE: FORGED})
    await send(stage, f'{{"summary": "{TITLE}", '.encode())
    await send(stage, project(10050, **person, **status("indeterminate", TITLE)))
    await send(stage, project(10041, "indeterminate", summary=TITLE))
    await send(stage, expense(10042, 10041, f"{AMOUNT}.00"))
    await send(stage, expense(10043, 10041, f"{AMOUNT}x"))
    await stage.behave(path="/api/reimbursements", fail=3)
    await send(stage, project(10041, "done", minutes=1, summary=TITLE))
    await stage.settle(hours=2)


async def refuse(self: object, call: object) -> None:
    raise Unauthorized(f"{PERSON} may not book {AMOUNT} for {TITLE}")


async def stumble(self: object, ref: object) -> None:
    raise ReadFailed(f"no issue called {TITLE} for {PERSON}")


async def break_down(self: object, ref: object) -> None:
    raise KeyError(f"{TITLE} {PERSON} {AMOUNT}")


def misread(self: object, headers: object, body: bytes) -> str:
    raise KeyError(body.decode())


TALKATIVE = (
    (JiraConnector, "identify", misread, "intake.bug"),
    (JiraConnector, "read", stumble, "read.failed"),
    (JiraConnector, "read", break_down, "read.bug"),
    (ErpConnector, "act", refuse, "connection-pause"),
    (ErpConnector, "act", break_down, "effect-bug"),
)
"""Connectors whose errors repeat what they were given, as systems and libraries do; what the log calls each."""


async def test_nothing_planted_shows_in_logs_errors_or_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    set_up()
    mappings = {name: text.replace("settle: 5s", "settle: 0s") for name, text in shipped().items()}
    async with staged(tmp_path, monkeypatch, listen=True, mappings=mappings) as stage:
        await everything_goes_wrong(stage)
        assert await stage.quarantined()
        async with stage.http.get(stage.serving.url + "/metrics") as answer:
            metrics = await answer.text()
        async with stage.http.get(stage.serving.url + "/health") as answer:
            health = await answer.text()
        async with stage.http.get(stage.serving.url + "/in/jira/" + TITLE) as answer:
            refusal = await answer.text()
        statuses = stage.serving.server.counts
    structlog.reset_defaults()
    printed = capfd.readouterr()
    assert statuses["jira", "401"] == 1
    assert 'hub_requests_total{connection="jira",result="401"} 1.0' in metrics
    shown = "\n".join((printed.out, printed.err, metrics, health, refusal))
    assert [word for word in PLANTED if word in shown] == []


async def test_what_a_system_says_in_its_errors_is_not_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    set_up()
    mappings = {name: text.replace("settle: 5s", "settle: 0s") for name, text in shipped().items()}
    async with staged(tmp_path, monkeypatch, listen=True, mappings=mappings) as stage:
        await send(stage, project(10041, "indeterminate", summary=TITLE))
        await send(stage, expense(10042, 10041, f"{AMOUNT}.00"))
        for minutes, (owner, method, broken, _) in enumerate(TALKATIVE, 1):
            with monkeypatch.context() as patch:
                patch.setattr(owner, method, broken)
                await send(stage, project(10041, "done", minutes=minutes, summary=TITLE))
                await stage.settle(hours=1)
        assert stage.serving.server.counts["jira", "500"] == 1
        await stage.settle(hours=1)
        files = [path for path in (tmp_path / ".hub").rglob("*") if path.suffix in (".json", ".log", ".html")]
        written = "".join(path.read_text("utf-8") for path in files)
    structlog.reset_defaults()
    printed = capfd.readouterr()
    actions = {orjson.loads(line)["action"] for line in printed.err.splitlines()}
    assert actions >= {action for *_, action in TALKATIVE}, printed.err
    assert [word for word in PLANTED if word in printed.out + printed.err + written] == []


async def test_a_log_line_names_its_action(capfd: pytest.CaptureFixture[str]) -> None:
    set_up()
    structlog.get_logger().warning("refused", action="intake.busy", connection="jira")
    structlog.reset_defaults()
    printed = capfd.readouterr()
    assert printed.out == ""
    assert '"action": "intake.busy"' in printed.err
