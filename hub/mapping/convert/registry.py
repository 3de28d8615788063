"""The closed list of converters (``as:`` of a row): what each takes, gives and means. Code is beside it.

Checks read it to compare a row with its field's schema type; the manual prints it; ``compile`` finds the
function that does the work in ``hub.mapping.convert``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ConverterSpec:
    """``argument``: none, optional (``money [CUR]``) or required (``ref KIND``). ``gives`` is an x-type."""

    name: str
    argument: Literal["none", "currency", "entity", "separator", "unit"]
    argument_required: bool
    gives: str
    about: Mapping[str, str]
    example: str
    also: tuple[str, ...] = ()
    """Further x-types it gives, where the field has them."""

    @property
    def form(self) -> str:
        """How it is written: ``money [CUR]``."""
        word = {"none": "", "currency": "CUR", "entity": "KIND", "separator": "SEP", "unit": "UNIT"}[self.argument]
        return " ".join(filter(None, (self.name, word if self.argument_required or not word else f"[{word}]")))


def _spec(
    name: str,
    gives: str,
    example: str,
    zh: str,
    en: str,
    argument: Literal["none", "currency", "entity", "separator", "unit"] = "none",
    required: bool = False,
    also: tuple[str, ...] = (),
) -> tuple[str, ConverterSpec]:
    return name, ConverterSpec(name, argument, required, gives, {"zh": zh, "en": en}, example, also)


CONVERTERS: Mapping[str, ConverterSpec] = dict(
    (
        _spec("text", "string", "5 → “5”", "转为文本", "text of a text, number or boolean"),
        _spec(
            "trim",
            "string",
            "“ A ” → “A”",
            "去掉首尾空白, 空为 null",
            "text without blanks at its ends; empty is null",
        ),
        _spec("lower", "string", "“Done” → “done”", "去空白并转小写", "trimmed and in lower case"),
        _spec("integer", "integer", "“12” → 12", "64 位以内的整数", "a whole number of at most 64 bits"),
        _spec("decimal", "decimal", "“12.50” → 12.5", "十进制小数", "a decimal number, exact"),
        _spec(
            "percent",
            "decimal",
            "“12.5 %” → 0.125",
            "百分数, 没有 % 号的数也按百分数",
            "a share of 100 as a fraction; a number without a sign is one too",
        ),
        _spec(
            "cn-number",
            "decimal",
            "“一千二百三十四” → 1234",
            "中文数字, 大小写均可",
            "a number written in Chinese, small or capital numerals, or in digits",
            also=("integer",),
        ),
        _spec(
            "quantity",
            "decimal",
            "“1500 g” as kg → 1.5",
            "带单位的数量, 换算到所写单位",
            "an amount in one unit (kg, m, h, pcs …); another unit of its kind is converted, exactly",
            "unit",
            True,
        ),
        _spec(
            "list",
            "array",
            "“红, 蓝” → [红, 蓝]",
            "按分隔符拆成多个词",
            "words of one text (cut at , ; 、 and line ends, or at SEP) or of a list",
            "separator",
        ),
        _spec(
            "join",
            "string",
            "[红, 蓝] → “红, 蓝”",
            "多个词合成一段文字",
            "words of a list in one text, `, ` or SEP between them",
            "separator",
        ),
        _spec(
            "money",
            "money",
            "“¥1.2万” → 12000.00 CNY",
            "金额, 币种固定或由 currency 读出",
            "an amount; the currency is fixed here, read by `currency:`, or in the text",
            "currency",
        ),
        _spec(
            "person", "person", "account id → employee code", "按 people.yaml 找员工", "an employee of people.yaml"
        ),
        _spec(
            "instant",
            "instant",
            "2019-02-15T19:01:52.971-0800",
            "时刻, 无时区者按行或集成的 zone",
            "a moment; without an offset it is read in the row's or integration's zone",
        ),
        _spec("date", "date", "2026-01-05", "日期", "a calendar day; a moment gives its day in the zone"),
        _spec("bool", "boolean", "“yes” → true", "是否", "true or false"),
        _spec(
            "ref", "ref", "10041 → jira:10041", "指向另一实体", "names another entity by id or label", "entity", True
        ),
    )
)
