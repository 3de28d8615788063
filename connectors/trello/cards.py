"""How the twin puts a card together from actions: each part with the time it was told, the newest wins. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from hub.model.clock import Micros, iso
from hub.model.record import Json

_LISTED = {
    "addMemberToCard": ("members", "idMember", True),
    "removeMemberFromCard": ("members", "idMember", False),
    "addLabelToCard": ("labels", "label", True),
    "removeLabelFromCard": ("labels", "label", False),
}
_EMPTY: Mapping[str, Json] = {
    "name": "", "desc": "", "closed": False, "due": None, "dueComplete": False, "start": None, "pos": 65535,
    "idList": "", "idBoard": "",
}  # fmt: skip


def told(kept: dict[str, Json], action: Mapping[str, Json], at: Micros) -> dict[str, Json]:
    """The kept card after one more action. ``parts``: name -> [time, value]; lists of things by id, likewise."""
    data, kind = action["data"], action["type"]
    card = {"parts": {}, "fields": {}, "members": {}, "labels": {}, "checklists": {}, "items": {}, **kept}
    _newest(card["parts"], at, _parts(data))
    if kind == "updateCustomFieldItem" and isinstance(item := data.get("customFieldItem"), dict):
        _newest(card["fields"], at, {str(item.get("idCustomField")): item})
    if kind in _LISTED:
        name, key, there = _LISTED[kind]
        thing = data.get(key)
        source = thing.get("id") if isinstance(thing, dict) else thing
        _newest(card[name], at, {str(source): thing if there else None})
    if isinstance(data.get("checklist"), dict):
        _newest(card["checklists"], at, {str(data["checklist"].get("id")): data["checklist"]})
    if isinstance(data.get("checkItem"), dict):
        item = {**data["checkItem"], "idChecklist": (data.get("checklist") or {}).get("id")}
        _newest(card["items"], at, {str(item.get("id")): None if kind == "deleteCheckItem" else item})
    card["at"] = max(at, card.get("at") or 0)
    card["deleted"] = bool(card.get("deleted")) or kind == "deleteCard"
    return card


def _parts(data: Mapping[str, Json]) -> dict[str, Json]:
    parts = {name: value for name, value in data["card"].items() if name != "id"}
    column = data.get("listAfter") or data.get("list")
    if isinstance(column, dict):
        parts["idList"] = column.get("id")
    if isinstance(data.get("board"), dict):
        parts["idBoard"] = data["board"].get("id")
    return parts


def _newest(kept: dict[str, Json], at: Micros, parts: Mapping[str, Json]) -> None:
    for name, value in parts.items():
        if name not in kept or at >= kept[name][0]:
            kept[name] = [at, value]


def shown(source: str, card: Mapping[str, Json]) -> dict[str, Json]:
    """The card as the API shows it, custom fields and checklists included."""
    parts = {name: value for name, (_, value) in card["parts"].items()}
    labels = _values(card["labels"])
    checklists = _checklists(card)
    short = parts.get("shortLink", source)
    return {
        **_EMPTY,
        **parts,
        "id": source,
        "shortUrl": f"https://trello.com/c/{short}",
        "url": f"https://trello.com/c/{short}",
        "dateLastActivity": iso(card["at"]),
        "idMembers": _values(card["members"]),
        "labels": labels,
        "idLabels": [label.get("id") for label in labels],
        "idChecklists": [checklist["id"] for checklist in checklists],
        "checklists": checklists,
        "customFieldItems": [item for item in _values(card["fields"]) if item.get("value") or item.get("idValue")],
    }


def _values(kept: Mapping[str, Json]) -> list[Json]:
    """The things still there, first come first."""
    return [value for _, value in sorted(kept.values(), key=lambda pair: int(pair[0])) if value is not None]


def _checklists(card: Mapping[str, Json]) -> list[dict[str, Json]]:
    items = _values(card["items"])
    return [
        {**checklist, "checkItems": [item for item in items if item["idChecklist"] == checklist["id"]]}
        for checklist in _values(card["checklists"])
    ]
