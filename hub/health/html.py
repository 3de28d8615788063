"""The report as one self-contained HTML file: no script, no request, prints well, both languages inside.

The language switch is a pair of radio buttons and CSS; charts are inline SVG drawn from the same numbers. The page's
own policy names the hash of its one style sheet: whatever else claims to be style or script does not count.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from hub.health import figures
from hub.health.facts import DocumentFact
from hub.health.measures import Measure, by_kind
from hub.health.report import Health
from hub.health.words import MEASURES, REASONS, REPORT, STATES, STATUS, WAITING, Texts, say
from hub.model.clock import Micros

TILES = ("documents", "consistency", "on_time", "automation", "open_obligations")
LANGUAGES = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing asked of somebody."""

    what: Texts
    ref: str
    who: str
    since: Micros
    message: Texts
    """Empty: nothing more to say"""


def both(texts: Texts, **values: object) -> Markup:
    """The text in both languages; CSS shows the chosen one."""
    spans = (
        f'<span lang="{language}">{escape(say(texts, language).format(**values))}</span>' for language in LANGUAGES
    )
    return Markup("".join(spans))


def _each(make: str, measure: Measure) -> Markup:
    render = getattr(figures, make)
    return Markup("".join(f'<span lang="{x}">{escape(render(measure, x))}</span>' for x in LANGUAGES))


def titled(texts: Texts) -> Markup:
    """A document's title as a line begins: first letter large."""
    return both({language: text[:1].upper() + text[1:] for language, text in texts.items()})


def told(health: Health, message: str) -> Texts:
    """A message in every language it is known in: it was written down in the workspace's own."""
    return health.facts.said.get(message, {"": message}) if message else {}


def words(texts: Texts) -> Markup:
    """The text in both languages, taken as it is: somebody else wrote it."""
    return Markup("".join(f'<span lang="{x}">{escape(say(texts, x))}</span>' for x in LANGUAGES))


def asks(health: Health) -> list[Ask]:
    """Everything a person is waited for, oldest first; timers and retries are the hub's own business."""
    own = {"timer", "retry", "until"}
    waiting = (
        Ask(WAITING.get(w.kind, {"en": w.kind}), loop.label or w.ref, w.who, w.since, told(health, w.message))
        for loop in health.facts.loops
        for w in loop.waiting
        if w.kind not in own
    )
    rows = (
        Ask(WAITING["quarantine"], row.record, row.owner, row.since, told(health, row.message))
        for row in health.facts.quarantine
        if row.closed_at is None
    )
    drift = (
        Ask(WAITING["drift"], ", ".join(one.documents), one.owner, one.since, told(health, one.field))
        for one in health.facts.drift
    )
    return sorted([*waiting, *rows, *drift], key=lambda ask: (ask.since, ask.ref))


def balance_bar(health: Health) -> list[tuple[str, int, float, float]]:
    """(name, count, x, width) of the stacked bar, in percent of what was received."""
    balance = health.facts.balance
    parts = {
        "applied": balance.applied,
        "unchanged": balance.unchanged,
        "stale": balance.stale,
        "skipped": sum(balance.skipped.values()),
        "held": balance.held,
        "quarantined": sum(balance.quarantined.values()),
        "in_flight": balance.in_flight,
        "unaccounted": balance.unaccounted,
    }
    total, x, bars = max(1, sum(parts.values())), 0.0, []
    for name, n in parts.items():
        width = 100 * n / total
        bars.append((name, n, x, width))
        x += width
    return bars


def spark(health: Health, width: int = 260, height: int = 44) -> str:
    """SVG path of records per hour, empty when fewer than two hours are known."""
    points = health.facts.hourly
    if len(points) < 2:
        return ""
    top = max(records for _, records, _ in points) or 1
    step = width / (len(points) - 1)
    at = (f"{i * step:.1f},{height - 4 - (height - 8) * n / top:.1f}" for i, (_, n, _) in enumerate(points))
    return "M" + " L".join(at)


def ordered(documents: Sequence[DocumentFact]) -> list[DocumentFact]:
    """Business documents first, newest first."""
    return sorted(documents, key=lambda d: (d.weight == "note", -(d.settled_at or d.planned_at), d.number))


def styled(sheet: str) -> dict[str, Markup]:
    """The style sheet and the source expression that allows exactly it (CSP level 2, hash source)."""
    digest = b64encode(sha256(sheet.encode()).digest()).decode()
    return {"style": Markup(sheet), "style_hash": Markup(f"sha256-{digest}")}


def as_html(healths: Sequence[Health], language: str, zone: str) -> str:
    """The whole page; ``language`` is the one shown first, ``zone`` the zone of every time."""
    environment = Environment(
        loader=PackageLoader("hub.health"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        both=both, as_told=words, titled=titled, by_kind=by_kind, sums=figures.sums, each=_each,
        asks=asks, bar=balance_bar, spark=spark, ordered=ordered, say=say,
        measures=MEASURES, reasons=REASONS, words=REPORT, statuses=STATUS, states=STATES, tiles=TILES,
        when=lambda value: figures.when(value, zone), money=figures.money, abs=abs,
    )  # fmt: skip
    sheet = (files("hub.health") / "templates" / "report.css").read_text("utf-8")
    return environment.get_template("report.html").render(healths=healths, language=language, **styled(sheet))
