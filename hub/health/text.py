"""The report in a terminal: the same numbers, one screen an integration."""

from __future__ import annotations

from collections.abc import Iterator

from hub.health import figures
from hub.health.html import TILES, asks, ordered
from hub.health.report import Health
from hub.health.words import MEASURES, REPORT, STATUS, say


def as_text(health: Health, language: str, zone: str) -> str:
    """The whole text of one integration, ending without a newline."""
    return "\n".join(_lines(health, language, zone))


def _lines(health: Health, language: str, zone: str) -> Iterator[str]:
    facts = health.facts
    yield f"{say(facts.title, language)}  [{facts.name}]"
    since = f"{say(REPORT['since'], language)} {figures.when(health.status.since, zone)}"
    yield f"  {say(STATUS[health.status.name], language).upper()} · {since} · {health.reason(language)}"
    yield ""
    for name in TILES:
        yield f"  {_tile(health, name, language)}"
    yield ""
    yield from _section(say(REPORT["asked"], language), list(_asked(health, language)), language)
    yield from _section(say(REPORT["documents"], language), list(_documents(health, language)), language)
    yield f"  {say(REPORT['balance'], language)}"
    yield f"    {balance_line(health, language)}"
    for name in ("quarantine", "unknown_effects", "freshness", "lag", "latency_p95"):
        yield f"  {say(MEASURES[name].title, language)}: {figures.figure(health.measures[name], language)}"


def _tile(health: Health, name: str, language: str) -> str:
    found = health.measures[name]
    parts = [figures.figure(found, language)]
    if found.amounts:
        parts.append(figures.sums(found.amounts, language))
    if found.target is not None:
        parts.append(f"{say(REPORT['target'], language)} {figures.target(found, language)}")
    if found.low is not None:
        parts.append(f"{say(REPORT['interval'], language)} {figures.interval(found, language)}")
    return f"{say(MEASURES[name].title, language)}: {' · '.join(parts)} · n={found.n}"


def _asked(health: Health, language: str) -> Iterator[str]:
    for ask in asks(health):
        message = f" — {say(ask.message, language)}" if ask.message else ""
        who = f" → {ask.who}" if ask.who else ""
        yield f"{ask.ref}: {say(ask.what, language)}{message}{who}"


def _documents(health: Health, language: str) -> Iterator[str]:
    for document in ordered(health.facts.documents):
        amount = document.amount
        money = figures.money(amount.amount, amount.currency, language) if amount else ""
        title = say(document.title, language)
        yield f"{document.subject}: {title} {document.number} {money} {document.state}".replace("  ", " ")


def _section(title: str, lines: list[str], language: str) -> Iterator[str]:
    yield f"  {title}"
    for line in lines or [say(REPORT["none"], language)]:
        yield f"    {line}"
    yield ""


def balance_line(health: Health, language: str) -> str:
    """``received 41 = applied 30 + … · unaccounted 0``: the conservation law in one line."""
    b = health.facts.balance
    parts = (
        ("applied", b.applied), ("unchanged", b.unchanged), ("stale", b.stale), ("skipped", sum(b.skipped.values())),
        ("held", b.held), ("quarantined", sum(b.quarantined.values())), ("in_flight", b.in_flight),
    )  # fmt: skip
    named = " + ".join(f"{say(REPORT[name], language)} {n}" for name, n in parts)
    lost = f"{say(REPORT['unaccounted'], language)} {b.unaccounted}"
    return f"{say(REPORT['received'], language)} {b.received} = {named} · {lost}"
