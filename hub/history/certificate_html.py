"""A certificate as one printable page: both languages, no script, nothing from outside, the JSON inside.

The page is a function of the certificate: whoever has the JSON can make it again and compare, byte for byte.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache, partial
from hashlib import sha256
from importlib.resources import files
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from hub.history.certificate import written
from hub.history.certificate_words import DECISIONS, STATES, WORDS
from hub.model.clock import iso
from hub.model.record import Json

LANGUAGES = ("zh", "en")
OPEN = '<script type="application/json" id="certificate">'
SHUT = "</script>"
Texts = Mapping[str, str]


def page(certificate: Mapping[str, Any], language: str) -> bytes:
    """The whole page; ``language`` is the one shown first. A certificate just made and one just read look alike."""
    certificate = orjson.loads(written(certificate))
    sheet = _sheet()
    names: dict[str, Any] = {
        "c": certificate,
        "language": language,
        "file": name(certificate, "html"),
        "hidden": sum(one["data"] is None for one in certificate["events"]),
        "data": Markup(embedded(certificate)),
        "style": Markup(sheet),
        "style_hash": Markup("sha256-" + b64encode(sha256(sheet.encode()).digest()).decode()),
        "say": lambda word, shown: WORDS[word][shown],
        "both": _both,
        "state": _state,
        "decision": _decision,
        "texts": _texts,
        "when": _when,
        "micros": lambda at: _when(iso(at)),
        "amount": _amount,
        "fields": fields,
        "value": _value,
        "decided": partial(_decided, certificate),
        "places": partial(_places, certificate),
    }
    return _template().render(names).encode() + b"\n"


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("hub.history"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("certificate.html")


@cache
def _sheet() -> str:
    return (files("hub.history") / "templates" / "certificate.css").read_text("utf-8")


def name(certificate: Mapping[str, Any], form: str) -> str:
    """What its file is called: the subject as people know it, the closing, nothing a file system minds."""
    subject = certificate["subject"]
    text = re.sub(r"[^\w.-]+", "-", str(subject["label"] or subject["key"]))
    return f"{text}-{certificate['closing']['id']}.{form}"


def embedded(certificate: Mapping[str, Any]) -> str:
    """The JSON as it may stand inside a page: nothing in it can end the element that holds it."""
    return written(certificate).decode().replace("<", "\\u003c")


def inside(data: bytes) -> bytes | None:
    """The JSON a page holds; None for what is no such page."""
    start = data.find(OPEN.encode())
    end = data.find(SHUT.encode(), start)
    return None if start < 0 or end < 0 else data[start + len(OPEN) : end]


def _both(word: str, **values: object) -> Markup:
    return _spans({language: WORDS[word][language].format(**values) for language in LANGUAGES})


def _state(name: str) -> Markup:
    return _spans(STATES.get(name, {"zh": name, "en": name}))


def _decision(what: str) -> Markup:
    name = what.removeprefix("loop.")
    return _spans(DECISIONS.get(name, {language: name.replace("_", " ") for language in LANGUAGES}))


def _texts(texts: Texts, otherwise: str | None) -> Markup:
    """What a table or connector calls something, in both languages; else its name."""
    other = texts.get("en") or otherwise or ""
    return _spans({language: texts.get(language) or other for language in LANGUAGES})


def _spans(texts: Texts) -> Markup:
    return Markup("".join(f'<span lang="{one}">{escape(texts[one])}</span>' for one in LANGUAGES))


def _when(text: str | None) -> str:
    """A moment for people: to the second, in UTC."""
    return "" if text is None else f"{text[:10]} {text[11:19]} UTC"


def _amount(obligation: Mapping[str, Any]) -> Markup:
    """What the document is worth: the first money it was expected or sent to show."""
    if obligation["weight"] not in ("money", "asset"):
        return Markup("")
    shown = (values for one in obligation["effects"] for values in (one["expect"], one["payload"]))
    found = [value for values in shown for _, value in sorted((values or {}).items()) if isinstance(value, dict)]
    money = next((one for one in found if set(one) == {"amount", "currency"}), None)
    if money is not None:
        return _value(money)
    hidden = next((one for one in found if set(one) == {"hidden"}), None)
    return Markup("") if hidden is None else _value(hidden)


def fields(obligation: Mapping[str, Any], effect: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One line a field: what was sent, from where, what was read back."""
    rows = {row["field"]: row for row in obligation["rows"]}
    read = dict(effect["read_back"] or {})
    for name, sent in effect["payload"].items():
        row = rows.get(name)
        source = "" if row is None else f"{', '.join(row['from']) or row['each'] or ''} ({row['at']})"
        yield {"name": name, "sent": sent, "source": source, "read": read.pop(name, "")}
    for name, value in read.items():
        if value not in (None, ""):
            yield {"name": name, "sent": "", "source": "", "read": value}


def _value(value: Json) -> Markup:
    match value:
        case {"amount": str() as amount, "currency": str() as currency}:
            return Markup(f'<span class="nowrap">{escape(f"{Decimal(amount):,}")} {escape(currency)}</span>')
        case {"hidden": str() as why} if len(value) == 1:
            return Markup(f'<span class="hidden">{_both("hidden")} ({escape(why)})</span>')
        case dict():
            return Markup(", ").join(Markup("{}: {}").format(name, _value(part)) for name, part in value.items())
        case list():
            return Markup("<br>").join(_value(part) for part in value)
        case None:
            return Markup("")
        case bool():
            return Markup("true" if value else "false")
        case _:
            return escape(value)


def _decided(certificate: Mapping[str, Any], obligation: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Who let an obligation go, or did it by hand: the newest such word about it."""
    about = (obligation["step"], obligation["item"])
    found = [
        one
        for one in certificate["decisions"]
        if one["what"] in ("loop.waived", "loop.done_by_hand") and (one["step"], one["item"] or about[1]) == about
    ]
    return found[-1] if found and obligation["state"] in ("waived", "done") else None


def _places(certificate: Mapping[str, Any], stream: str) -> str:
    """Positions of a stream's events, and the blocks they lie in."""
    found = [one for one in certificate["events"] if one["header"]["stream"] == stream]
    blocks = sorted({one["block"] for one in found})
    places = ", ".join(str(one["header"]["position"]) for one in found)
    return f"{places} (block {', '.join(map(str, blocks))})"
