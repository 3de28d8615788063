"""What people really get wrong in a mapping file, and the very words they are told: place, what, fix.

Each mistake is made in the shipped ``mappings/rd-close.yaml``, and is the one finding of the file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hub.model.diagnostic import Diagnostic

Check = Callable[..., list[Diagnostic]]
GOOD = (Path(__file__).parents[3] / "mappings/rd-close.yaml").read_text("utf-8")

TEXT = "  - {field: text, from: fields.summary}\n"
EXPENSE = "  only: 'fields.issuetype.name == \"Expense\"'"
WHEN = 'project.status == "closed" && project.outcome == "delivered"'

YAML = [
    (f"{TEXT}", "\t- {field: text, from: fields.summary}\n", "46:1", "a tab cannot indent", "indent with blanks"),
    ("  owner: pmo\n", "  owner：pmo\n", "16:8", "： is a full-width sign", "write : and a blank behind it"),
    ("text, from:", "text，from:", "46:17", "， is a full-width sign", "write , and a blank behind it"),
    ("values: {new: open", "values: ｛new: open", "34:69", "｛ is a full-width sign", "write {"),
    ("title: {en: R&D projects", "title: “R&D: projects", "3:8", "“ is no quote", 'write "'),
    (
        "  owner: finance\n  fields",
        "　　owner: finance\n  fields",
        "42:1",
        "U+3000 (ideographic space) stands here",
        "remove it; indent and separate with plain blanks",
    ),
    ("  owner: finance\n", "  owner:finance\n", "42:8", "no blank behind the :", "write owner: finance"),
    (
        TEXT,
        "  -{field: text, from: fields.summary}\n",
        "46:3",
        "no blank behind the -",
        "write - {field: text, from: fields.summary}",
    ),
    (
        TEXT,
        "  {field: text, from: fields.summary}\n",
        "46:3",
        "no - before this",
        "write - {field: text, from: fields.summary}",
    ),
    (
        TEXT,
        "  - {field: text, from: fields.summary\n",
        "46:5",
        "this { is not closed",
        "add the missing } at its end",
    ),
    (
        TEXT,
        "  - {field: text, from: fields.summary}}\n",
        "46:40",
        "this } closes nothing",
        "remove the }",
    ),
    (TEXT, "  - {field: text from: fields.summary}\n", "46:18", "no comma before from", "write , from: …"),
    (EXPENSE, EXPENSE[:-1], "40:9", "this ' is not closed", "end the text with '"),
    (
        EXPENSE,
        "  only: 'fields.issuetype.name == 'Expense''",
        "40:36",
        "text stands behind the closing '",
        "put ' around the whole value, and \" around texts inside it",
    ),
    (
        "{zh: 缺少成本中心,",
        "{zh: 缺少: 成本中心,",
        "61:55",
        "a value with a : in it needs quotes",
        "put quotes around it: '缺少: 成本中心'",
    ),
    (
        "  owner: finance\n  fields",
        "  owner: @finance\n  fields",
        "42:10",
        "@ cannot stand here without quotes",
        "put quotes around the value: '@finance'",
    ),
    (
        "  key: id\n  owner: finance",
        "   key: id\n  owner: finance",
        "41:4",
        "this line belongs to no level",
        "begin it after 2 blanks, like the line above it",
    ),
    (
        "  owner: finance\n  fields:\n",
        "  owner: finance\n fields:\n",
        "43:2",
        "this line belongs to no level",
        "begin it after 2 blanks, like the line above it",
    ),
    (
        "  owner: finance\n  fields:\n",
        "  owner: finance\n  fields\n",
        "43:3",
        "no colon behind fields",
        "write fields:",
    ),
]
KEYS = [
    ("text, from: f", "text, from:f", "46:19", 'unknown key "from:fields.summary"', "write from: fields.summary"),
    ("text, from: f", "text, from：f", "46:19", 'unknown key "from：fields.summary"', "write from: fields.summary"),
    ("  owner: finance\n", "  owner\u200b: finance\n", "42:3", 'unknown key "owner\u200b"', "type it anew: owner"),
    ("required: true, means", "必填: true, means", "18:41", 'unknown key "必填"', 'did you mean "required"?'),
    ("required: true, means", "require: true, means", "18:41", 'unknown key "require"', 'did you mean "required"?'),
    ("text, from: f", "text, path: f", "46:19", 'unknown key "path"', 'did you mean "from"?'),
    (
        "en: cost centre missing}",
        "en: cost centre, missing}",
        "61:80",
        'unknown key "missing"',
        "put quotes around a text with a comma in it; remove what is no key",
    ),
]
CONDITIONS = [
    (WHEN, 'project.status == closed && project.outcome == "delivered"', "53:28", 'nothing here is called "closed"',
     'in scope: now, project, was; a text needs quotes: "closed"'),
    (WHEN, 'status == "closed" && project.outcome == "delivered"', "53:10", 'nothing here is called "status"',
     "write project.status"),
    (WHEN, 'project.status = "closed"', "53:25", '"=" is no operator', "write =="),
    (WHEN, 'project.status ＝＝ "closed"', "53:25", "＝＝ is a full-width sign", "write =="),
    (WHEN, "project.status == “closed”", "53:28", "“ is no quote here", 'write "'),
    (WHEN, "project.status == 「closed」", "53:28", "「 is no quote here", 'write "'),
    (WHEN, 'filled（project.name)', "53:16", "（ is a full-width sign", "write ("),
    (WHEN, 'project.status == "closed" and filled(project.name)', "53:37", 'did not expect "and"', "write &&"),
    (WHEN, 'project.status == "closed" 并且 filled(project.name)', "53:37", 'a name cannot hold "并"',
     "write &&"),
    (WHEN, "not filled(project.name)", "53:10", '"not" is no operator', "write !"),
    (WHEN, 'project.status in ("closed", "active")', "53:28", "a list stands in [ ], not in ( )", "write in [ … ]"),
    (WHEN, 'project.status <> "closed"', "53:26", 'expected a value, got ">"', "write !="),
    (WHEN, "len(project.name) > 3", "53:10", 'there is no function "len"', "write size(x)"),
    (WHEN, "project.name.length > 3", "53:10", 'text has no part "length"', "write size(project.name)"),
    (WHEN, "project.budget > 50000 CNY", "53:33", 'did not expect "CNY"', 'write money("50000 CNY")'),
    (WHEN, "now - project.closed_at > 3d", "53:37", '"d" right after a literal', "write days(3)"),
    (WHEN, "project.manager == None", "53:29", 'nothing here is called "None"', "write null"),
    (WHEN, '${project.status} == "closed"', "53:10", "$ has no meaning here", "write the name alone, without ${ }"),
    (WHEN, 'project.状态 == "closed"', "53:18", 'a name cannot hold "状"', 'write project["状态"]'),
]  # fmt: skip
PATHS = [
    ("text, from: fields.summary", "text, from: $.fields.summary", "46:25", '$.fields.summary: no "$" in scope here',
     "write fields.summary"),
    ("text, from: fields.summary", "text, from: fields/summary", "46:31", "cannot read '/summary' in a path",
     "write fields.summary"),
    ("text, from: fields.summary", "text, from: summary", "46:25", 'summary: no "summary" in scope here',
     "write fields.summary"),
    ("text, from: fields.summary", "text, from: fields.summary + key", "46:39", "cannot read ' + key' in a path",
     "write value: 'fields.summary + key'"),
    ("{Done: delivered, 完成: delivered,", "{Done:delivered, 完成: delivered,", "20:61",
     'entry "Done:delivered" gives nothing', "write Done: delivered"),
    ("{Done: delivered, 完成: delivered,", "{Done => delivered, 完成: delivered,", "20:61",
     'entry "Done => delivered" gives nothing', "write Done: delivered"),
    ("undo: erp.reimbursement.cancel", "undo: erp.reimbursement.delete", "81:11",
     'unknown action "reimbursement.delete"', "write undo: erp.reimbursement.cancel"),
]  # fmt: skip
VALUES = [
    ("from: fields.resolutiondate", "from: fields.resolutionDate", "21:30",
     'issue has no "fields.resolutionDate"', 'did you mean "fields.resolutiondate"?'),
    ("owner: purchasing", "owner: purchase", "31:10", 'nobody in people.yaml is "purchase"',
     'did you mean "purchasing"?'),
    ("at: 2026-01-01", "at: 2026年1月1日", "54:16", "'2026年1月1日' is neither a day nor an instant",
     "write at: 2026-01-01"),
    ("    within: 4h", "    within: 2个工作日", "74:13", "'2个工作日' is no span of time",
     "write within: 2 working days"),
    ("over: 50000 CNY", "over: 5万元", "71:84", "'5万元' is no amount of money", "write over: 50000 CNY"),
    ("consistent: 99.9 %", "consistent: 0.999", "8:30", "'0.999' is no share", "write consistent: 99.9 %"),
    ("zone: Asia/Shanghai", "zone: 北京时间", "7:7", 'unknown zone "北京时间"', "write Asia/Shanghai"),
    ("10200, as: money CNY", "10200, as: money RMB", "22:57", "RMB is no ISO 4217 currency",
     "write as: money CNY"),
    ("10200, as: money CNY", "10200, as: decimal", "22:57", "budget is money, this row gives decimal",
     "write as: money CNY"),
    ("after: [purchase, reimburse, asset]", "after: purchase, reimburse, asset", "89:12",
     'unknown step "purchase, reimburse, asset"', "write a list: [purchase, reimburse, asset]"),
    ("done: closed}", "done: close}", "19:113", 'status cannot be "close"', 'did you mean "closed"?'),
    ("required: true, means", "required: yes, means", "18:51", "yes without quotes is ambiguous",
     'quote it where text is meant: "yes"; write true, false or a plain number where not'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("good", "wrong", "place", "message", "fix"),
    [*YAML, *KEYS, *CONDITIONS, *PATHS, *VALUES],
    ids=lambda each: each if ":" in str(each) and str(each)[0].isdigit() else "",
)
def test_a_mistake_is_told_where_it_stands_in_words_that_mend_it(
    good: str, wrong: str, place: str, message: str, fix: str, check: Check
) -> None:
    assert GOOD.count(good) >= 1
    found = check(GOOD.replace(good, wrong, 1).encode())

    assert [(f"{each.place.line}:{each.place.column}", each.message, each.fix) for each in found] == [
        (place, message, fix)
    ]
    assert found[0].why
