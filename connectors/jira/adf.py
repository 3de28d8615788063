"""Atlassian Document Format <-> text. REST v3 gives rich text as ADF, webhooks give the same text as wiki markup:
whatever the way in, a record holds the wiki text. Pure; knows nothing of issues or HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hub.model.record import Json

_MARKS: Mapping[str, tuple[str, str]] = {
    "strong": ("*", "*"),
    "em": ("_", "_"),
    "strike": ("-", "-"),
    "underline": ("+", "+"),
    "code": ("{{", "}}"),
}
_PANELS = {"info": "#deebff", "note": "#eae6ff", "success": "#e3fcef", "warning": "#fffae6", "error": "#ffebe6"}


def is_adf(value: Json) -> bool:
    """Whether a field's value is an ADF document (and not an object that merely has a type)."""
    return isinstance(value, dict) and value.get("type") == "doc" and isinstance(value.get("content"), list)


def text_of(document: Mapping[str, Json]) -> str:
    """The wiki text of an ADF document."""
    return _blocks(document.get("content") or ())


def document_of(text: str) -> dict[str, Json]:
    """An ADF document that ``text_of`` turns back into exactly this text."""
    return {"type": "doc", "version": 1, "content": [_paragraph(part) for part in text.split("\n\n")]}


def plain(value: Json) -> str:
    """The text of a rich text field as either API gives it: ADF or text."""
    return text_of(value) if is_adf(value) else str(value or "")


def with_text(value: Json) -> Json:
    """The value with every ADF document inside it replaced by its text."""
    if isinstance(value, dict):
        if is_adf(value):
            return text_of(value)
        return {name: with_text(part) for name, part in value.items()}
    if isinstance(value, list):
        return [with_text(part) for part in value]
    return value


def _paragraph(text: str) -> dict[str, Json]:
    content: list[Json] = []
    for number, line in enumerate(text.split("\n")):
        if number:
            content.append({"type": "hardBreak"})
        if line:
            content.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": content} if content else {"type": "paragraph"}


def _nodes(node: Json) -> Sequence[Mapping[str, Json]]:
    content = node.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else ()


def _attrs(node: Mapping[str, Json]) -> Mapping[str, Json]:
    attrs = node.get("attrs")
    return attrs if isinstance(attrs, dict) else {}


def _blocks(nodes: Sequence[Json]) -> str:
    return "\n\n".join(_block(node) for node in nodes if isinstance(node, dict))


def _block(node: Mapping[str, Json]) -> str:
    render = _BLOCKS.get(str(node.get("type")))
    if render is not None:
        return render(node)
    return _inline(node) if "content" not in node else _blocks(_nodes(node))


def _inlines(node: Mapping[str, Json]) -> str:
    return "".join(_inline(part) for part in _nodes(node))


def _inline(node: Mapping[str, Json]) -> str:
    kind, attrs = node.get("type"), _attrs(node)
    match kind:
        case "text":
            return _marked(str(node.get("text") or ""), node.get("marks"))
        case "hardBreak":
            return "\n"
        case "mention":
            return f"[~accountid:{attrs.get('id', '')}]"
        case "emoji":
            return str(attrs.get("text") or attrs.get("shortName") or "")
        case "inlineCard" | "blockCard" | "embedCard":
            return f"[{attrs.get('url', '')}|{attrs.get('url', '')}|smart-link]"
        case "date":
            return str(attrs.get("timestamp") or "")
        case "media" | "mediaInline":
            return f"!{attrs.get('alt') or attrs.get('id') or ''}!"
        case _:
            return str(attrs.get("text") or "") or _inlines(node)


def _marked(text: str, marks: Json) -> str:
    for mark in marks if isinstance(marks, list) else ():
        text = _mark(text, str(mark.get("type")), _attrs(mark)) if isinstance(mark, dict) else text
    return text


def _mark(text: str, kind: str, attrs: Mapping[str, Json]) -> str:
    if kind == "link":
        return f"[{text}|{attrs.get('href', '')}]"
    if kind == "subsup":
        sign = "~" if attrs.get("type") == "sub" else "^"
        return f"{sign}{text}{sign}"
    if kind == "textColor":
        return f"{{color:{attrs.get('color', '')}}}{text}{{color}}"
    before, after = _MARKS.get(kind, ("", ""))
    return f"{before}{text}{after}"


def _heading(node: Mapping[str, Json]) -> str:
    return f"h{_attrs(node).get('level', 1)}. {_inlines(node)}"


def _code(node: Mapping[str, Json]) -> str:
    language = _attrs(node).get("language")
    opening = f"{{code:{language}}}" if language else "{code}"
    return f"{opening}\n{_inlines(node)}\n{{code}}"


def _panel(node: Mapping[str, Json]) -> str:
    colour = _PANELS.get(str(_attrs(node).get("panelType")), "")
    return f"{{panel:bgColor={colour}}}\n{_blocks(_nodes(node))}\n{{panel}}"


def _list(node: Mapping[str, Json], before: str = "") -> str:
    prefix = before + ("#" if node.get("type") == "orderedList" else "*")
    return "\n".join(_item(item, prefix) for item in _nodes(node))


def _item(item: Mapping[str, Json], prefix: str) -> str:
    lines = []
    for part in _nodes(item):
        if part.get("type") in ("bulletList", "orderedList"):
            lines.append(_list(part, prefix))
        else:
            lines.append(f"{prefix} {_block(part)}" if not lines else _block(part))
    return "\n".join(lines)


def _tasks(node: Mapping[str, Json]) -> str:
    return "\n".join(f"* {_inlines(item)}" for item in _nodes(node))


def _table(node: Mapping[str, Json]) -> str:
    return "\n".join(_row(row) for row in _nodes(node))


def _row(row: Mapping[str, Json]) -> str:
    line, bar = "", "|"
    for cell in _nodes(row):
        bar = "||" if cell.get("type") == "tableHeader" else "|"
        line += f"{bar}{_blocks(_nodes(cell))}"
    return line + bar


_BLOCKS: Mapping[str, Callable[[Mapping[str, Json]], str]] = {
    "paragraph": _inlines,
    "heading": _heading,
    "codeBlock": _code,
    "blockquote": lambda node: f"{{quote}}{_blocks(_nodes(node))}{{quote}}",
    "panel": _panel,
    "rule": lambda node: "----",
    "bulletList": _list,
    "orderedList": _list,
    "taskList": _tasks,
    "decisionList": _tasks,
    "table": _table,
}
