"""The governance columns of a row (owner, frequency, zone, privacy, review), and what inherits them. Grammar only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hub.mapping import intended
from hub.mapping.calendar import CalendarDef
from hub.mapping.files import Files
from hub.mapping.form import Form, near
from hub.mapping.literals import BadLiteral, duration, is_zone
from hub.mapping.table import Governance

GOVERNANCE_KEYS = ("owner", "every", "zone", "privacy", "change", "means")
EVERY_WORDS = ("change", "hourly", "daily", "weekly", "monthly")
_EVERY = {"每天": "daily", "每日": "daily", "每周": "weekly", "每月": "monthly", "每小时": "hourly", "实时": "change"}
"""What people write in its place, for the fix of a finding."""
_GOVERNED = frozenset(GOVERNANCE_KEYS)


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a part takes from what stands around it."""

    governance: Governance
    zone: str
    files: Files = field(default_factory=Files)
    systems: dict[str, str] = field(default_factory=dict)
    calendar: CalendarDef | None = None

    def below(self, form: Form) -> Inherited:
        """What holds inside ``form``: its own columns, the surrounding ones where it says nothing."""
        if _GOVERNED.isdisjoint(form.node.pairs):
            return self if not self.governance.means else replace(self, governance=replace(self.governance, means={}))
        above = self.governance
        review = review_of(form)
        governance = Governance(
            owner=form.owner(above.owner),
            every=every_of(form, above.every),
            privacy=form.text("privacy", above.privacy),
            review=above.review if review is None else review,
            means=form.texts("means"),
        )
        return replace(self, governance=governance, zone=zone_of(form, self.zone))


def review_of(form: Form) -> tuple[str, ...] | None:
    """``change: {review: [roles]}``; None where it is not written."""
    change = Form.of(form.findings, form.take("change"), "change", ("review",))
    if change is None:
        return None
    words = change.words("review")
    form.findings.named += [("review", word.text, form.findings.place(word)) for word in words]
    return tuple(word.text for word in words)


def every_of(form: Form, above: str) -> str:
    text = form.text("every", above)
    if text == above or text in EVERY_WORDS:
        return text
    try:
        duration(text)
    except BadLiteral:
        word = _EVERY.get(text) or intended.instead("duration", text)
        fix = near(text, EVERY_WORDS) or f"write {word or 'change, 5m or daily'}"
        why = f"allowed: {', '.join(EVERY_WORDS)} or a duration"
        form.findings.report("bad-literal", form.place("every"), f'every cannot be "{text}"', why, fix)
        return above
    return text


def zone_of(form: Form, above: str) -> str:
    zone = form.text("zone", above)
    if zone == above or is_zone(zone):
        return zone
    why = "the time zone database has no such name"
    fix = f"write {intended.zone(zone) or 'Asia/Shanghai, or another name of that database'}"
    form.findings.report("bad-literal", form.place("zone"), f'unknown zone "{zone}"', why, fix)
    return above
