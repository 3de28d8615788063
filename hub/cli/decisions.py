"""A person's decision from the command line: who it is, which loop is meant, one fact in a short transaction.

On a served workspace the server notices the new fact by itself; on an unserved one the next run goes on from it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

from hub.errors import NotFound, UsageError

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.engine.facts import Answer
    from hub.model.fact import Fact
    from hub.model.instance import Instance

OVER = ("done", "history", "cancelled")


def decision_id() -> str:
    """The rim makes it: the same decision given twice by a network counts once."""
    return f"decision-{uuid4().hex}"


def person(opened: Workspace, words: str) -> str:
    """The employee code of ``--as PERSON``. Raises ``UsageError`` for somebody ``people.yaml`` does not know."""
    found = opened.people.find(words)
    if found is None:
        raise UsageError(
            f"nobody is called {words!r}",
            where=str(opened.root / opened.settings.people),
            why="a decision needs somebody who answers for it",
            fix="give an employee code, mail or account of people.yaml",
        )
    return found.code


def decide(opened: Workspace, fact: Fact) -> None:
    """Give the fact to the engine. Raises ``UsageError`` with its words when it is refused."""
    accepted(asyncio.run(opened.facts(fact, opened.clock.now())), getattr(fact, "loop", ""))


def accepted(answer: Answer, where: str) -> None:
    """Raises ``UsageError`` with the engine's words when it refused a decision."""
    if not answer:
        raise UsageError(answer.message, where=where)


def which_loop(opened: Workspace, words: str) -> Instance:
    """A loop by its id, the beginning of it, or its subject's label or key; the open one where there are several."""
    from hub.store.queries import entities, loops

    with opened.store.read() as db:
        exact = loops.instance(db, words)
        if exact is not None:
            return exact
        every = loops.instances(db)
        found = [one for one in every if one.id.startswith(words)]
        if not found:
            keys = {key for _, key in entities.kinds_of(db, words)}
            found = [one for one in every if one.subject in keys]
    still = [one for one in found if one.state.value not in OVER] or found[-1:]
    if len(still) == 1:
        return still[0]
    if not still:
        raise NotFound(f"there is no loop {words}", fix="hub loop list")
    names = ", ".join(one.id for one in still)
    raise UsageError(f"{words} means several loops: {names}", fix="give one of those ids")
