"""``hub mapping``: the group of everything about mapping files; each command is a module of its own."""

from __future__ import annotations

from importlib import import_module

import typer

PARTS = (
    "mapping_test",
    "mapping_show",
    "mapping_diff",
    "mapping_impact",
    "mapping_govern",
    "mapping_export",
    "mapping_fmt",
    "mapping_schema",
    "mapping_suggest",
)
"""Modules of this room whose commands stand in this group, in the order ``hub mapping --help`` lists them."""


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Mapping files: run their cases, show what they say.", no_args_is_help=True)
    app.add_typer(group, name="mapping")

    for name in PARTS:
        import_module(f"hub.cli.{name}").register(group)
