"""A field of a stored JSON document, in the words of either database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction


class json_text(GenericFunction[str]):  # noqa: N801 - a function of SQL
    """``json_text(column of bytes, "field")``: its text, null where it is not there."""

    type = Text()
    inherit_cache = True


@compiles(json_text, "sqlite")
def _sqlite(element: json_text, compiler: SQLCompiler, **how: Any) -> str:
    document, name = (compiler.process(one, **how) for one in element.clauses)
    return f"json_extract(CAST({document} AS TEXT), '$.' || {name})"


@compiles(json_text, "postgresql")
def _postgresql(element: json_text, compiler: SQLCompiler, **how: Any) -> str:
    document, name = (compiler.process(one, **how) for one in element.clauses)
    return f"(convert_from({document}, 'UTF8')::json ->> {name})"
