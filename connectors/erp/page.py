"""The built-in ERP's page for people: what documents there are, and one document whole. English and Chinese."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from connectors.erp.books import KINDS, Books, Kind, Row

WORDS = {
    "en": {
        "title": "Built-in ERP", "documents": "documents", "number": "Number", "state": "State", "amount": "Amount",
        "what": "For", "who": "Person", "created": "Created", "reference": "Our reference", "none": "none yet",
        "product": "Product", "quantity": "Quantity", "unit_price": "Unit price", "back": "all documents",
        "newest": "newest first", "other": "中文",
        "submitted": "submitted", "in_use": "in use", "posted": "posted", "cancelled": "cancelled",
    },
    "zh": {
        "title": "内置 ERP", "documents": "份单据", "number": "单号", "state": "状态", "amount": "金额",
        "what": "事由", "who": "人员", "created": "创建时间", "reference": "外部引用", "none": "暂无",
        "product": "物料", "quantity": "数量", "unit_price": "单价", "back": "全部单据",
        "newest": "最新在前", "other": "English",
        "submitted": "已提交", "in_use": "在用", "posted": "已过账", "cancelled": "已取消",
    },
}  # fmt: skip


def money_text(value: Any) -> str:
    """``{"amount": "12345.60", "currency": "CNY"}`` as people read it: ``¥12,345.60``."""
    if not isinstance(value, dict):
        return ""
    sign = {"CNY": "¥", "EUR": "€", "USD": "$"}.get(value["currency"], value["currency"] + " ")
    return f"{sign}{Decimal(value['amount']):,}"


_templates = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
_templates.filters["money"] = money_text


def overview_page(books: Books, language: str) -> str:
    """Every kind with its newest documents and the sum of the live ones."""
    groups = [_group(kind, books.listed(kind.path), language) for kind in KINDS.values()]
    counts = books.per_kind()
    return _templates.get_template("page.html").render(
        t=WORDS[language], lang=language, groups=groups, counts=counts, total=sum(counts.values()), document=None
    )


def detail_page(row: Row, language: str) -> str:
    kind = KINDS[row["kind"]]
    return _templates.get_template("page.html").render(
        t=WORDS[language], lang=language, document=row, kind=_title(kind, language), amount=row.get(kind.amount)
    )


def _group(kind: Kind, rows: list[Row], language: str) -> dict[str, Any]:
    sums: dict[str, Decimal] = {}
    for row in rows:
        if row["state"] != "cancelled":
            money = row[kind.amount]
            sums[money["currency"]] = sums.get(money["currency"], Decimal()) + Decimal(money["amount"])
    return {
        "path": kind.path,
        "title": _title(kind, language),
        "prefix": kind.prefix,
        "rows": rows,
        "amount": kind.amount,
        "sums": [{"amount": str(amount), "currency": currency} for currency, amount in sorted(sums.items())],
    }


def _title(kind: Kind, language: str) -> str:
    return kind.title[1 if language == "zh" else 0]
