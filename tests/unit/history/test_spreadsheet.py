"""A table as a workbook and back: nothing edited is byte-identical, an edit touches its place and no more."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import ConfigError
from hub.mapping.build import build
from hub.mapping.read import read
from hub.mapping.spreadsheet import COLUMNS, Sheets, sheets
from hub.mapping.spreadsheet_book import ROWS, VALUES, parse, write
from hub.mapping.spreadsheet_patch import patched, quoted
from hub.mapping.table import IntegrationDef

SHIPPED = sorted((Path(__file__).parents[3] / "mappings").glob("*[!s].yaml"))
BLOCK = """\
integration: shop
owner: ops@example.com
systems: {pm: jira}
tables:
- entity: project
  source: pm.issue
  key: id
  fields:
  # the name people read
  - field: name            # typed by hand
    from: fields.summary
    owner: pmo
  - field: status
    from: fields.status
    values:
      new: planned
      done: closed         # finished
"""


def definition(text: str) -> IntegrationDef:
    found = build(text, "x.yaml", {}).definition
    assert found is not None
    return replace(found, source=text)


def with_cell(cells: Sheets, name: str, column: str, text: str) -> Sheets:
    return replace(cells, rows={**cells.rows, name: {**cells.rows[name], column: text}})


@pytest.mark.parametrize("file", [one for one in SHIPPED if ".cases." not in one.name], ids=lambda one: one.name)
def test_a_workbook_nobody_edited_gives_the_same_bytes(file: Path) -> None:
    text = file.read_text("utf-8")
    own = definition(text)
    back, about = parse(write(sheets(own), {"table": own.table}, {"owner": ["pmo", "=boss"]}))

    assert back == sheets(own)
    assert about == {"table": own.table}
    assert patched(own, back) == (text, ())


def test_an_edit_in_block_style_keeps_every_comment() -> None:
    own = definition(BLOCK)
    cells = with_cell(sheets(own), "project/pm.issue.name", "means_en", "what: people say")
    cells = with_cell(cells, "project/pm.issue.name", "owner", "finance")
    cells = replace(cells, values={"project/pm.issue.status": {"new": "planned", "done": "finished", "no": "later"}})

    text, edits = patched(own, cells)

    assert len(edits) == 4
    expected = BLOCK.replace("owner: pmo", "owner: finance").replace("done: closed ", "done: finished ")
    expected = expected.replace("field: name  ", 'field: name\n    means: {en: "what: people say"}  ')
    expected = expected.replace("done: finished ", 'done: finished\n      "no": later ')
    assert text == expected


def test_an_empty_cell_takes_the_key_away() -> None:
    text, _ = patched(definition(BLOCK), with_cell(sheets(definition(BLOCK)), "project/pm.issue.name", "owner", ""))

    assert text == BLOCK.replace("    owner: pmo\n", "")


def test_a_computed_cell_cannot_be_edited() -> None:
    own = definition(BLOCK)

    with pytest.raises(ConfigError, match="computed"):
        patched(own, with_cell(sheets(own), "project/pm.issue.name", "effective_owner", "finance"))


def test_what_looks_like_a_formula_stays_text_and_a_formula_is_refused() -> None:
    own = definition(BLOCK)
    cells = with_cell(sheets(own), "project/pm.issue.name", "means_en", '=HYPERLINK("x")')
    data = write(cells, {}, {})
    assert parse(data)[0].rows["project/pm.issue.name"]["means_en"] == '=HYPERLINK("x")'

    book = openpyxl.load_workbook(BytesIO(data))
    found = [cell for line in book[ROWS].iter_rows() for cell in line if str(cell.value).startswith("=")]
    assert [cell.data_type for cell in found] == ["s"]
    assert found[0].quotePrefix
    found[0].value = "=1+1"
    other = BytesIO()
    book.save(other)
    with pytest.raises(ConfigError, match="formula"):
        parse(other.getvalue())


def test_computed_columns_are_protected_and_both_languages_head_them() -> None:
    book = openpyxl.load_workbook(BytesIO(write(sheets(definition(BLOCK)), {}, {"owner": ["pmo", "finance"]})))
    rows = book[ROWS]

    assert rows.protection.sheet
    locked = {rows.cell(2, cell.column).value: cell.protection.locked for cell in rows[3]}
    assert locked == {column.en: not column.key for column in COLUMNS}
    assert [cell.value for cell in rows[1]] == [column.zh for column in COLUMNS]
    assert book[VALUES].protection.sheet
    assert len(rows.data_validations.dataValidation) == 1


def test_bytes_that_are_no_workbook_are_refused_in_words() -> None:
    with pytest.raises(ConfigError, match="no Excel workbook"):
        parse(b"PK\x03\x04 not really")


@given(
    st.text(
        st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\u2028\u2029\x85\ufeff"), min_size=1
    ).map(str.strip)
)
def test_any_text_is_written_so_that_it_reads_back_as_that_text(text: str) -> None:
    root, findings = read(f"{{a: {quoted(text)}}}", "x.yaml")

    assert not findings.found
    assert root is not None
    assert root.pairs["a"][1].value == text  # type: ignore[union-attr]
