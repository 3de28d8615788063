"""Secrets and private values never leave by a side door: planted words, looked for in logs, errors and metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import structlog

from connectors.jira.connector import SIGNATURE
from hub.cli.logs import set_up
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


async def test_a_log_line_names_its_action(capfd: pytest.CaptureFixture[str]) -> None:
    set_up()
    structlog.get_logger().warning("refused", action="intake.busy", connection="jira")
    structlog.reset_defaults()
    printed = capfd.readouterr()
    assert printed.out == ""
    assert '"action": "intake.busy"' in printed.err
