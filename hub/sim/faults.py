"""What goes wrong in a run, as a list of plain values drawn from the seed before the run begins.

A fault names the n-th thing of its kind (the 3rd write to the ERP, the 120th crash boundary passed), so a list with
some faults left out is a run too: that is how a failing one is shrunk.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from random import Random

WRITES = (
    "refused", "drop-answer", "never-arrives", "late", "500", "500-done", "502", "503-wait", "503-done", "429-odd",
    "html", "no-id", "truncated", "slow", "401", "error-inside", "wrong-id",
)  # fmt: skip
"""How a call that creates something goes wrong; ``docs/reliability.md`` says what each does."""
READS = ("read-500", "read-timeout", "read-html", "read-truncated", "read-slow", "read-429")
WEBHOOKS = ("twice", "delayed", "lost", "forged", "replayed", "conflict", "poison", "flood")
STORE = ("busy", "failed", "unsure")
CRASHES = ("crash", "crash-at", "pause")
TIMED = ("clock", "disk", "mapping", "rotate")
WORLD = (*CRASHES, *TIMED, "lag", "altered")
KINDS = (*WRITES, *READS, *WEBHOOKS, *STORE, *WORLD)
GROUPS = {
    "writes": WRITES, "reads": READS, "webhooks": WEBHOOKS, "store": STORE, "crashes": CRASHES,
    "all": KINDS, "none": (),
}  # fmt: skip
CONNECTIONS = ("erp", "erp", "erp", "jira", "trello")
RETRY_AFTER = (
    "0",
    "7",
    "-5",
    "soon",
    "99999999999",
    "Fri, 31 Dec 2100 23:59:59 GMT",
    "Thu, 01 Jan 1970 00:00:00 GMT",
)
LATE_SECONDS = {"erp": 300, "jira": 80, "trello": 80}
"""At most so long after we hung up may a target still commit: below its quiesce time, less its index lag."""
LAG_SECONDS = {"erp": 120, "jira": 20, "trello": 20}
CALLS = {"erp": 70, "jira": 12, "trello": 5}
READ_CALLS = {"erp": 90, "jira": 130, "trello": 30}
BOUNDARIES = 1300
PASSAGES = {
    "B1": 200, "B2": 200, "B3": 190, "B4": 190, "B7": 220, "B9": 30, "B10": 30, "B11": 110, "B12": 55, "B13": 55,
    "B14": 110, "B15": 55,
}  # fmt: skip
"""How often a quiet run passes each boundary: within that a crash at the n-th passage is drawn."""
COMMITS = 520
DELIVERIES = 190
CLOCKS = (-86_400, -3600, -300, -2, 2, 300, 3600, 86_400)


@dataclass(frozen=True, slots=True)
class Fault:
    """``at`` is the number of the call, delivery or boundary passage, or a time in seconds; ``value`` its measure."""

    kind: str
    where: str
    at: int
    value: int = 0
    word: str = ""

    def __str__(self) -> str:
        extra = f" {self.word}" if self.word else f" {self.value}" if self.value else ""
        return f"{self.kind} {self.where}#{self.at}{extra}"


def chosen(words: str) -> tuple[str, ...]:
    """``all``, ``writes,crash``, ``all,-clock``: kinds and groups, a minus takes away. Raises ``ValueError``."""
    kinds: dict[str, None] = {}
    for word in filter(None, (part.strip() for part in words.split(","))):
        name = word.removeprefix("-")
        if name not in GROUPS and name not in KINDS:
            raise ValueError(f"{name!r} is no kind of fault: {', '.join((*GROUPS, *KINDS))}")
        for kind in GROUPS.get(name, (name,)):
            kinds.pop(kind, None) if word.startswith("-") else kinds.setdefault(kind)
    return tuple(kinds)


def drawn(random: Random, kinds: Collection[str]) -> tuple[Fault, ...]:
    """The faults of one seed: from very few to very many."""
    if not kinds:
        return ()
    order = [kind for kind in KINDS if kind in kinds]
    found = {}
    for _ in range(random.choice((2, 6, 15, 40))):
        fault = _one(random, random.choice(order))
        found[fault.kind in WRITES, fault.kind in READS, fault.where, fault.at, fault.kind in WORLD] = fault
    return tuple(found.values())


def _one(random: Random, kind: str) -> Fault:
    where = random.choice(CONNECTIONS)
    if kind in WRITES:
        return _write(random, kind, where)
    if kind in READS:
        return Fault(
            kind, where, random.randrange(READ_CALLS[where]), random.randint(1, 28), random.choice(RETRY_AFTER)
        )
    if kind in WEBHOOKS:
        return Fault(kind, "webhook", random.randrange(DELIVERIES), random.choice((1, 5, 60, 900, 3600)))
    if kind in CRASHES:
        return _crash(random, kind)
    if kind in STORE:
        return Fault(kind, "commit", random.randrange(COMMITS), random.randint(1, 4))
    if kind == "clock":
        return Fault(kind, "hub", random.randrange(3600), random.choice(CLOCKS))
    if kind in TIMED:
        return Fault(kind, "hub", random.randrange(3400), random.choice((5, 60, 600)))
    if kind == "lag":
        return Fault(kind, where, 0, random.randint(1, LAG_SECONDS[where]))
    return Fault(kind, "erp", random.randrange(CALLS["erp"]))


def _crash(random: Random, kind: str) -> Fault:
    """``crash-at`` names the boundary and strikes again in the next lives, ``word`` passages after each start."""
    if kind == "pause":
        return Fault(kind, "boundary", random.randrange(BOUNDARIES), random.choice((5, 40, 100, 400)))
    down = random.choice((0, 1, 20, 200))
    if kind == "crash":
        return Fault(kind, "boundary", random.randrange(BOUNDARIES), down)
    where = random.choice(sorted(PASSAGES))
    again = [str(random.choice((1, 2, 3, 5, 8, 13, 30))) for _ in range(random.choice((0, 0, 1, 2)))]
    return Fault(kind, where, random.randrange(1, PASSAGES[where]), down, ",".join(again))


def _write(random: Random, kind: str, where: str) -> Fault:
    value = random.randint(1, 28)
    if kind == "late":
        value = random.randint(1, LATE_SECONDS[where])
    word = random.choice(RETRY_AFTER) if kind in ("503-wait", "503-done", "429-odd") else ""
    return Fault(kind, where, random.randrange(CALLS[where]), value, word)


class Schedule:
    """The faults of a run, found by what they are about. ``off`` ends them: the liveness phase."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        self.off = False
        self.hit: list[Fault] = []
        self._by = {(_family(one), one.where, one.at): one for one in self.faults}

    def take(self, family: str, where: str, at: int) -> Fault | None:
        """The fault of that call, delivery or passage, if there is one."""
        found = None if self.off else self._by.get((family, where, at))
        if found is not None:
            self.hit.append(found)
        return found

    def lag(self, where: str) -> int:
        """Seconds the target's search lags behind its books."""
        return (
            0
            if self.off
            else max((one.value for one in self.faults if (one.kind, one.where) == ("lag", where)), default=0)
        )

    def timed(self) -> list[Fault]:
        """What happens at a moment rather than to the n-th of something."""
        return sorted((one for one in self.faults if one.kind in TIMED), key=lambda one: one.at)


def _family(fault: Fault) -> str:
    for name, kinds in (("write", WRITES), ("read", READS), ("webhook", WEBHOOKS), ("store", STORE)):
        if fault.kind in kinds:
            return name
    return fault.kind
