"""``hub version``: the version that runs."""

from __future__ import annotations

import typer

from hub.cli.options import Format, FormatOption


def register(app: typer.Typer) -> None:
    @app.command()
    def version(form: FormatOption = Format.text) -> None:
        """Print the version."""
        from importlib.metadata import version as installed

        from hub.cli.render import document

        number = installed("projops-hub")
        document({"version": number}) if form is Format.json else print(number)
