"""What a key nobody knows was most probably meant to be, and what to write in its place. For findings only."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches

from hub.mapping.signs import INVISIBLE, name_of

_GLUED = re.compile(r"(?P<key>\w+)\s*(?P<sign>[：:])\s*(?P<value>.+)\Z", re.DOTALL)
_WORDS = {
    "field": ("字段", "目标", "目标字段", "target", "column", "name", "attribute", "property", "to"),
    "from": ("来源", "源字段", "路径", "path", "source", "src", "jsonpath", "input", "origin"),
    "value": ("表达式", "公式", "formula", "expression", "expr", "compute", "calc", "computed", "eval"),
    "const": ("常量", "固定值", "constant", "literal", "fixed", "static"),
    "default": ("默认", "默认值", "缺省", "fallback", "if_missing"),
    "values": (
        "值映射",
        "取值",
        "映射",
        "map",
        "mapping",
        "mappings",
        "translate",
        "enum",
        "lookup_table",
        "valuemap",
    ),
    "otherwise": ("其他", "否则", "else", "other", "default_value", "unmatched"),
    "as": ("类型", "转换", "type", "convert", "converter", "cast", "format", "transform"),
    "required": ("必填", "必需", "mandatory", "notnull", "not_null", "needed"),
    "currency": ("币种", "货币"),
    "owner": ("责任人", "负责人", "responsible", "owned_by", "owners", "contact"),
    "every": ("更新频率", "频率", "frequency", "update", "interval", "schedule", "refresh"),
    "change": ("变更流程", "变更", "review", "approval", "process"),
    "privacy": ("敏感级别", "敏感", "隐私", "sensitivity", "sensitive", "classification", "confidential"),
    "means": (
        "定义",
        "说明",
        "含义",
        "备注",
        "description",
        "desc",
        "definition",
        "doc",
        "comment",
        "note",
        "meaning",
    ),
    "entity": ("实体", "对象", "kind", "object", "model", "type"),
    "source": ("数据源", "来源", "stream", "from", "input"),
    "only": ("条件", "过滤", "筛选", "filter", "where", "when", "if", "condition"),
    "key": ("主键", "键", "id", "primary_key", "identifier"),
    "label": ("标签", "显示名", "title", "display", "name"),
    "fields": ("字段列表", "rows", "columns", "mapping", "mappings", "attributes"),
    "integration": ("集成", "名称", "name", "id"),
    "title": ("标题", "名称", "name", "description"),
    "systems": ("系统", "connections", "system", "connection", "connectors"),
    "tables": ("表", "entities", "mappings", "table", "entity"),
    "loops": ("闭环", "流程", "workflows", "workflow", "rules", "processes", "sagas"),
    "zone": ("时区", "timezone", "tz", "time_zone"),
    "when": ("触发条件", "条件", "trigger", "on", "condition", "if"),
    "for": ("对象", "entity", "of", "subject"),
    "require": ("前提", "检查", "requires", "preconditions", "checks", "validate", "required"),
    "steps": ("步骤", "actions", "tasks", "jobs"),
    "check": ("检查", "condition", "if", "test", "assert"),
    "else": ("否则", "message", "otherwise", "error"),
    "step": ("步骤", "name", "id"),
    "do": ("动作", "操作", "action", "run", "call", "uses"),
    "with": ("参数", "payload", "data", "body", "params", "args", "input", "fields"),
    "after": ("依赖", "needs", "depends_on", "dependson", "requires", "wait_for"),
    "approve": ("审批", "approval", "approver", "approvers", "review"),
    "role": ("角色", "by", "who", "group"),
    "over": ("超过", "threshold", "limit", "above", "min"),
    "undo": ("撤销", "回滚", "rollback", "compensate", "cancel", "revert"),
    "within": ("时限", "期限", "deadline", "timeout", "sla"),
    "escalate": ("上报", "升级", "notify", "alert"),
    "expect": ("期望", "预期", "verify", "assert", "check"),
    "if": ("条件", "when", "condition", "only"),
}
"""Key -> what other tools and people call it."""


def meant(text: str, known: Collection[str], *, hollow: bool) -> tuple[str, str]:
    """Why the key is none (empty: it just is not known) and what to write. ``hollow``: nothing stands behind it."""
    if found := INVISIBLE.search(text):
        visible = INVISIBLE.sub("", text)
        return f"{name_of(found[0])} stands in it, which no editor shows", f"type it anew: {visible}"
    if found := _GLUED.match(text) if hollow else None:
        sign = "： is a full-width sign" if found["sign"] == "：" else "there is no blank behind the :"
        key = near(found["key"], known).removeprefix('did you mean "').removesuffix('"?') or found["key"]
        return f"{sign}, so all of it was read as a key", f"write {key}: {found['value']}"
    if hollow and text not in _said(known) and not near(text, known):
        return (
            "a comma inside {} ends a value, and what stands behind it was read as a key",
            "put quotes around a text with a comma in it; remove what is no key",
        )
    return "", near(text, known) or "remove it, or write it as a # comment"


def near(text: str, known: Collection[str]) -> str:
    """``did you mean "x"?`` for the key that is spelt or called like this; empty without one."""
    close = get_close_matches(text.lower(), list(known), n=1, cutoff=0.75)
    close = close or [key for key in _said(known).get(text.lower(), ())][:1]
    close = close or get_close_matches(text.lower(), list(known), n=1, cutoff=0.65)
    return f'did you mean "{close[0]}"?' if close else ""


def _said(known: Collection[str]) -> dict[str, list[str]]:
    """Word of others -> our keys of this place it may stand for."""
    found: dict[str, list[str]] = {}
    for key, words in _WORDS.items():
        if key in known:
            for word in words:
                found.setdefault(word, []).append(key)
    return found
