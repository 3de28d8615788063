"""Working days and hours are counted by a calendar that exists.

``2 working days`` means nothing without a country's holidays, and a misspelt country would silently count none.

Example::

    calendar: CHINA
    loops: [{loop: close-out, steps: [{step: buy, within: 2 working days}]}]

Fix: name a country (``CN``, ``DE``), or a part of one (``DE-BY``), on the integration or the loop.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.calendar import AT_ONCE, NoCalendar, Span, countries, holidays_of
from hub.mapping.check.checked import Checked, finding
from hub.mapping.form import near
from hub.mapping.table import LoopDef
from hub.model.diagnostic import Diagnostic, Place

ID = "unknown-calendar"


def check(checked: Checked) -> Iterator[Diagnostic]:
    seen: set[Place] = set()
    for loop in checked.loops:
        calendar = loop.definition.calendar
        if calendar is None:
            yield from _missing(loop.definition)
        elif calendar.country and calendar.place not in seen and not _known(calendar.country):
            seen.add(calendar.place)
            why = "holidays are known by country (CN), for some by part of it (DE-BY)"
            fix = near(calendar.country.upper(), countries()) or "write calendar: CN"
            yield finding(calendar.place, ID, f'there is no calendar "{calendar.country}"', why, fix)


def _known(country: str) -> bool:
    try:
        holidays_of(country)
    except NoCalendar:
        return False
    return True


def _missing(loop: LoopDef) -> Iterator[Diagnostic]:
    for what, place in spans(loop):
        if what.needs_calendar:
            why = "without one only weekends would rest, holidays and make-up days would be missed"
            yield finding(place, ID, "working time is counted, yet no calendar is named", why, "add calendar: CN")
            return


def spans(loop: LoopDef) -> Iterator[tuple[Span, Place]]:
    """Every span of time a loop counts, with its place."""
    if loop.due is not None:
        yield from ((each, loop.due.place) for each in (loop.due.lead, loop.due.lag))
    yield loop.within or AT_ONCE, loop.places.get("within", loop.place)
    yield from ((each.after, each.place) for each in loop.escalate)
    for step in loop.steps:
        yield step.within or AT_ONCE, step.places.get("within", step.place)
        yield from ((each.after, each.place) for each in step.escalate)
        if step.approve is not None:
            asked = step.approve
            yield from ((each or AT_ONCE, asked.place) for each in (asked.remind, asked.expires))
    plan = loop.schedule
    if plan is not None and (plan.shift or plan.working_day or plan.every == "working day"):
        yield Span(days=1), plan.place
