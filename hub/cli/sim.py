"""``hub sim``: the whole hub under a seeded scheduler with faults and crashes; exit 1 when an invariant breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import Format, FormatOption

if TYPE_CHECKING:
    from hub.sim.sweep import Swept


def register(app: typer.Typer) -> None:
    @app.command()
    def sim(
        seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 100,
        first: Annotated[int, typer.Option(min=0, help="The first seed.")] = 0,
        faults: Annotated[
            str, typer.Option(help="Kinds and groups: all, writes, reads, webhooks, crash, -clock …")
        ] = "all",
        minutes: Annotated[float | None, typer.Option(help="Stop after that many minutes.")] = None,
        jobs: Annotated[int, typer.Option(min=0, help="Processes; 0: one for each core.")] = 1,
        mutant: Annotated[str, typer.Option(help="Plant this bug first; `list` names them.")] = "",
        form: FormatOption = Format.text,
    ) -> None:
        """Simulate the hub with faults and crashes; stop at the first broken invariant."""
        if mutant == "list":
            _list(form)
            return
        swept = _sweep(seeds, first, faults, minutes, mutant, jobs or _cores())
        _show(swept, first, faults, mutant, form)
        if swept.broken is not None:
            raise typer.Exit(1)


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0))


def _sweep(seeds: int, first: int, faults: str, minutes: float | None, mutant: str, jobs: int) -> Swept:
    import logging

    from hub.cli.logs import set_up
    from hub.errors import UsageError
    from hub.sim.faults import chosen
    from hub.sim.mutants import MUTANTS
    from hub.sim.sweep import sweep

    if mutant and mutant not in MUTANTS:
        raise UsageError(f"there is no planted bug {mutant!r}", why=f"known: {', '.join(MUTANTS)}")
    try:
        kinds = chosen(faults)
    except ValueError as error:
        raise UsageError(str(error), where="--faults") from error
    set_up(logging.CRITICAL)  # what the hub logs about faults is not news here
    return sweep(first, seeds, kinds, mutant=mutant, minutes=minutes, jobs=jobs)


def _show(swept: Swept, first: int, faults: str, mutant: str, form: Format) -> None:
    from hub.cli.render import document

    if form is Format.json:
        document(swept.as_json())
        return
    found = swept.as_json()
    hit = ", ".join(f"{name} {number}" for name, number in found["faults"].items()) or "none"
    pace = f"{found['seconds']} s, {found['seeds_per_second']} a second"
    print(f"{swept.seeds} seeds from {first} ({pace}); faults that struck: {hit}")
    if swept.broken is not None:
        from hub.sim.report import words_of

        again = f"hub sim --first {swept.broken.seed} --seeds 1 --faults {faults}" + (
            f" --mutant {mutant}" if mutant else ""
        )
        print(words_of(swept.broken, swept.small, again))


def _list(form: Format) -> None:
    from hub.cli.render import document, table
    from hub.sim.mutants import MUTANTS

    found = [{"name": one.name, "about": one.about, "breaks": list(one.breaks)} for one in MUTANTS.values()]
    if form is Format.json:
        document(found)
    else:
        table(
            ("bug", "what it does", "shows as"),
            [(one["name"], one["about"], one["breaks"]) for one in found],
            empty="none",
        )
