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


NEW = {"id": "", "entity": "project", "field": "url", "from": "fields.link", "means_zh": "链接", "owner": "pmo"}


def test_a_line_written_below_becomes_a_row_below_the_last_one() -> None:
    own = definition(BLOCK)
    text, (edit,) = patched(own, replace(sheets(own), new=(NEW,)))

    assert text == BLOCK + "  - {field: url, from: fields.link, means: {zh: 链接}, owner: pmo}\n"
    assert edit.where == "project/pm.issue.url (added)"
    assert patched(definition(text), sheets(definition(text))) == (text, ())


def test_a_line_taken_out_takes_its_row_along_and_no_comment_of_another() -> None:
    own = definition(BLOCK)
    cells = sheets(own)
    rows = {name: line for name, line in cells.rows.items() if not name.endswith(".status")}
    text, (edit,) = patched(own, replace(cells, rows=rows))

    assert text == BLOCK[: BLOCK.index("  - field: status")]
    assert edit.where == "project/pm.issue.status (removed)"


def test_rows_are_added_edited_and_removed_in_one_go() -> None:
    own = definition(BLOCK)
    cells = with_cell(sheets(own), "project/pm.issue.status", "owner", "finance")
    rows = {name: line for name, line in cells.rows.items() if not name.endswith(".name")}
    text, edits = patched(own, replace(cells, rows=rows, new=(NEW,)))

    assert len(edits) == 3
    again = sheets(definition(text))
    assert list(again.rows) == ["project/pm.issue.status", "project/pm.issue.url"]
    assert again.rows["project/pm.issue.status"]["owner"] == "finance"
    assert "# the name people read" in text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({**NEW, "from": ""}, "not whole"),
        ({**NEW, "field": "name"}, "in the file already"),
        ({**NEW, "entity": "task"}, "0 tables fill task"),
    ],
)
def test_a_new_line_that_has_no_place_is_refused(line: dict[str, str], words: str) -> None:
    own = definition(BLOCK)
    with pytest.raises(ConfigError, match=words):
        patched(own, replace(sheets(own), new=(line,)))


@pytest.mark.parametrize(
    "written",
    ["|\n      what people\n      say", '"what people\n      say"', "what people\n      say"],
    ids=["literal", "quoted", "plain"],
)
def test_a_text_on_several_lines_is_edited_into_one(written: str) -> None:
    block = BLOCK.replace("    owner: pmo\n", f"    means: {written}\n    owner: pmo\n")
    own = definition(block)
    assert "people" in sheets(own).rows["project/pm.issue.name"]["means_en"]
    assert patched(own, parse(write(sheets(own), {}, {}))[0]) == (block, ())
    text, _ = patched(own, with_cell(sheets(own), "project/pm.issue.name", "means_en", "a\nb"))

    assert text == BLOCK.replace("    owner: pmo\n", '    means: "a\\nb"\n    owner: pmo\n')


def test_entries_of_a_value_map_are_added_changed_and_removed() -> None:
    own = definition(BLOCK)
    name = "project/pm.issue.status"
    text, _ = patched(own, replace(sheets(own), values={name: {"new": "active", "=x": "@y"}}))

    assert sheets(definition(text)).values == {name: {"new": "active", "=x": "@y"}}


def test_new_lines_survive_the_workbook_and_may_begin_like_a_formula() -> None:
    own = definition(BLOCK)
    book = openpyxl.load_workbook(BytesIO(write(sheets(own), {}, {})))
    at = len(sheets(own).rows) + 3
    for number, column in enumerate(COLUMNS, start=1):
        book[ROWS].cell(at, number).value = None
        if text := {**NEW, "means_zh": "+86"}.get(column.name):
            book[ROWS].cell(at, number).value = text
            book[ROWS].cell(at, number).data_type = "s"
    data = BytesIO()
    book.save(data)
    back, _ = parse(data.getvalue())
    (line,) = back.new
    assert (line["field"], line["means_zh"]) == ("url", "+86")
    assert 'means: {zh: "+86"}' in patched(own, back)[0]
