"""``hub run --demo``: the main job on sample deliveries, over the real way in, in a workspace of its own.

It is the hub as it ships: server, twins, signatures, approvals. Only the deliveries are made up. The workspace
lies in ``.hub/demo/`` and is built anew at each start.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.cli.serving import Serving
    from hub.model.delivery import Raw
    from hub.model.effect import Effect
    from hub.model.instance import Instance

PORT = 8700
SETTLE_SECONDS = 60.0
SOURCES = ("jira", "trello")
SAMPLES = Path(__file__).parents[2] / "connectors"
HUB_YAML = """\
# Made by `hub run --demo`, anew at each start.
language: {language}
listen: 127.0.0.1:{port}
mappings: {root}/mappings
schemas: {root}/schemas
people: {root}/people.yaml
connections:
  jira: {{url: builtin, secret: "file:jira.secret"}}
  trello: {{url: builtin, secret: "file:trello.secret"}}
  erp: {{url: builtin}}
  mail: {{url: builtin}}
"""


def run_demo(root: Path, once: bool) -> int:
    """The whole demo; 0 when everything is done, read back and accounted for."""
    from hub.cli.run import run_loop
    from hub.settings import load_settings

    folder = make_workspace(root, load_settings(root).language)
    return run_loop(_demo(folder, root, once))


def make_workspace(root: Path, language: str) -> Path:
    """``.hub/demo`` beside the workspace's own state, empty but for its settings and the sample secrets."""
    folder = root / ".hub" / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    text = HUB_YAML.format(language=language, port=_free_port(), root="../..")
    (folder / "hub.yaml").write_text(text, "utf-8")
    for name in SOURCES:
        shutil.copy(SAMPLES / name / "samples" / "secret.txt", folder / f"{name}.secret")
    return folder


def _free_port() -> int:
    """8700, or another where somebody has that."""
    for port in (PORT, 0):
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(one.getsockname()[1])
    return PORT


async def _demo(folder: Path, root: Path, once: bool) -> int:
    import logging

    from hub.bootstrap import open_workspace
    from hub.cli.logs import set_up
    from hub.cli.run import until_stopped
    from hub.cli.serving import Serving

    set_up(logging.ERROR)
    started = time.monotonic()
    environ = {name: value for name, value in os.environ.items() if name != "HUB_LISTEN"}
    opened = open_workspace(folder, environ=environ)  # the port was chosen by make_workspace
    async with Serving(opened, listen=True) as serving:
        say(f"The hub serves at {serving.url}; the built-in ERP is at {serving.twins['erp']}")
        for name in SOURCES:
            await _send(serving, name)
        settled = await _work(serving)
        good = await _results(serving, root, settled)
        say(f"\nDone in {time.monotonic() - started:.0f} s.")
        if once:
            return 0 if good else 1
        _try_it(serving, folder, root)
        await asyncio.gather(until_stopped(serving), _watch(serving))
    return 0


def say(text: str = "") -> None:
    print(text, flush=True)


async def _send(serving: Serving, name: str) -> None:
    """Sign the sample story as its source would, and send it over HTTP."""
    import aiohttp

    from hub.connector.samples import render

    raws = render(SAMPLES / name / "samples" / "story.jsonl", serving.workspace.clock.now())
    answers: dict[int, int] = {}
    async with aiohttp.ClientSession() as session:
        for raw in raws:
            sent = _signed(serving.workspace, name, raw)
            url = serving.workspace.public_url(name)
            async with session.post(url, data=sent.body, headers=dict(sent.headers)) as answer:
                answers[answer.status] = answers.get(answer.status, 0) + 1
    told = ", ".join(f"{number} answered {status}" for status, number in sorted(answers.items()))
    say(f"  {name}: {len(raws)} webhooks sent, {told}")


def _signed(opened: Workspace, name: str, raw: Raw) -> Raw:
    from hub.connector.samples import signed

    connector = opened.connector(name)
    return signed(connector, raw, opened.public_url(name), connector.connection.secret("secret"))


async def _work(serving: Serving) -> bool:
    """Let it settle, approving what asks for approval, until nothing is due and nobody is asked."""
    from hub.cli.settle import until_settled

    say("\nWaiting for stragglers, reading money again from its source, then creating documents …")
    deadline = time.monotonic() + SETTLE_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        settled = await until_settled(serving, left)
        if not await _approve(serving):
            return settled
    return False


async def _approve(serving: Serving) -> int:
    """Say yes, visibly, as somebody who may: the command stands beside it."""
    from hub.cli.decisions import decision_id
    from hub.model.fact import PersonDecided

    given = 0
    for instance, step, role, amount in list(_asks(serving.workspace)):
        person = next(iter(serving.workspace.people.with_role(role)), None)
        if person is None:
            continue
        why = "within budget"
        say(f"  {role} is asked about {_label(serving.workspace, instance)}: {step}{amount}")
        words = ["hub", "loop", "approve", f"{instance.id}/{step}", "--as", person.code, "--why", why]
        say(f"    $ {shlex.join(words)}")
        fact = PersonDecided(decision_id(), instance.id, "approve", person.code, why, step)
        given += await serving.facts(fact, serving.workspace.clock.now())
    return given


def _asks(opened: Workspace) -> Iterator[tuple[Instance, str, str, str]]:
    """(loop, step, role, amount in words) of every approval somebody is asked for."""
    from hub.store.queries import loops

    with opened.store.read() as db:
        found = {one.id: one for one in loops.instances(db)}
        asked = loops.approvals(db, state="asked")
    for one in asked:
        place = f"{one.step}/{one.item}" if one.item else one.step
        amount = f", {_money(one.amount)}" if one.amount else ""
        yield found[one.loop], place, one.role, amount


def _label(opened: Workspace, instance: Instance) -> str:
    from hub.cli.views import label_of

    with opened.store.read() as db:
        return label_of(db, instance.subject_kind, instance.subject) or instance.subject


async def _results(serving: Serving, root: Path, settled: bool) -> bool:
    """What happened, per closed subject; the balance; where to look. True when all is done and accounted for."""
    from hub.cli.settle import result
    from hub.cli.status import BALANCE, sum_of
    from hub.store.queries import loops

    opened = serving.workspace
    with opened.store.read() as db:
        instances, effects = loops.instances(db), loops.effects(db)
    say()
    for instance in instances:
        _subject(opened, instance, [one for one in effects if one.loop == instance.id])
    found = result(opened, settled, dict(serving.executor.paused))
    records = found["status"]["records"]
    say(f"\nreceived {records['received']} = " + " + ".join(f"{sum_of(records[name])} {name}" for name in BALANCE))
    say(f"unaccounted {records['unaccounted']}")
    once = await _counted(serving, effects)
    for one in found["waiting"]:
        who = f" → {one['who']}" if one["who"] else ""
        say(f"waits: {one['kind']} {one['ref']}: {one['message'] or ''}{who}")
    report = _report(opened)
    example = next((_label(opened, one) for one in instances if one.state.value == "done"), "KEY")
    say("\nLook at:")
    say(f"  documents in the ERP   {serving.twins['erp']}")
    say(f"  health report          {_near(report, root)}")
    say(f"  one project's way      {_hub(root)} trace {shlex.quote(example)} -w {_near(opened.root, root)}")
    done = all(one.state.value == "CONFIRMED" for one in effects)
    return settled and once and done and records["unaccounted"] == 0


async def _counted(serving: Serving, effects: list[Effect]) -> bool:
    """Ask the ERP itself how many documents carry each of our references: one each, or the demo has failed."""
    import aiohttp

    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{serving.twins['erp']}/api/_counts") as answer,
    ):
        counts: dict[str, int] = (await answer.json())["references"]
    ours = {one.reference for one in effects if one.connection == "erp"}
    say(f"the ERP itself counts {sum(counts.values())} documents for {len(ours)} obligations")
    return counts == dict.fromkeys(ours, 1)


def _subject(opened: Workspace, instance: Instance, effects: list[Effect]) -> None:
    say(f"{_label(opened, instance)}: {instance.loop} {_words(instance)}")
    for effect in effects:
        say(f"  {_document(effect)}")


def _words(instance: Instance) -> str:
    if instance.state == "history":
        return "closed before the hub started here: history, nothing done"
    missing = "; ".join(one.message for one in instance.waiting if one.message)
    return f"{instance.state}: {missing}" if missing else instance.state.value


def _document(effect: Effect) -> str:
    """One line: what, number, amount, and whether reading it back agreed."""
    state = "confirmed by reading it back" if effect.state == "CONFIRMED" else str(effect.state)
    number = "" if effect.action.endswith(".comment") else effect.number
    return f"{effect.action:28} {number or '—':14} {_amount(effect):>16}  {state}"


def _amount(effect: Effect) -> str:
    """The document's amount as read back: its own money field, or what was expected of it."""
    for values in (effect.expect, effect.read_back or {}):
        for value in values.values():
            if isinstance(value, dict) and value.keys() == {"amount", "currency"}:
                return _money(value)
    return ""


def _money(value: Mapping[str, str]) -> str:
    return f"{Decimal(value['amount']):,.2f} {value['currency']}"


def _report(opened: Workspace) -> Path:
    from hub.cli.health import rendered

    file = opened.root / "health.html"
    file.write_text(rendered(opened, "", "html", opened.settings.language), "utf-8")
    return file


def _near(path: Path, root: Path) -> str:
    """As people type it from where they stand."""
    here = Path.cwd()
    absolute = path.absolute()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)


def _hub(root: Path) -> str:
    """The command as it can be typed here."""
    local = root / ".venv" / "bin" / "hub"
    return _near(local.parent, root) + "/hub" if local.exists() else "hub"


def _try_it(serving: Serving, folder: Path, root: Path) -> None:
    """A line to paste that closes one more project, signed like the real thing."""
    from hub.connector.samples import render

    opened = serving.workspace
    raw = _signed(opened, "jira", render(SAMPLES / "jira" / "samples" / "close-one.jsonl", opened.clock.now())[0])
    body = folder / "close-one.json"
    body.write_bytes(raw.body)
    words = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}\\n", "--data-binary", f"@{_near(body, root)}"]
    for name, value in raw.headers.items():
        words += ["-H", f"{name}: {value}"]
    say("\nClose one more project (its documents appear below):\n")
    say("  " + shlex.join([*words, opened.public_url("jira")]))
    say("\nCtrl-C ends it.")


async def _watch(serving: Serving) -> None:
    """Print documents as they are confirmed; approve what asks."""
    from hub.model.effect import EffectState
    from hub.store.queries import loops

    opened = serving.workspace
    known: set[str] | None = None
    while not serving.host.stopping.is_set():
        with opened.store.read() as db:
            now: dict[str, Any] = {one.key: one for one in loops.effects(db, states=[EffectState.CONFIRMED.value])}
        fresh = now.keys() - (known if known is not None else now.keys())
        for key in sorted(fresh, key=lambda key: now[key].planned_at):
            say(f"  {now[key].subject}: {_document(now[key])}")
        if fresh:
            _report(opened)
        known = set(now)
        await _approve(serving)
        await asyncio.sleep(0.5)
