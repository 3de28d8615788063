"""Checks a certificate with nothing else at hand: its bytes, hashes and proofs, and what its parts say of each other.

An unsigned certificate proves that its parts belong together and to the chain whose head it names. That this is the
hub's chain is proved by comparing that head with one kept elsewhere, or by a signature.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.history.certificate import FORMAT, LISTS, NAMES, SIGNATURE, digest, digests, written
from hub.model.chain import Block, climb, commitment, leaf
from hub.model.clock import iso
from hub.model.record import Json

Certificate = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """``place``: a pointer into the certificate (``/events/3/data``), or ``line 12, column 5``."""

    place: str
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    problems: tuple[Problem, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    head: str = ""
    signed_by: str = ""
    """The public key whose signature holds, as hex; empty where there is none."""

    @property
    def ok(self) -> bool:
        return not self.problems


def verify(data: bytes, *, key: str = "", head: str = "") -> Verdict:
    """``key``: the public key it must be signed with; ``head``: the hash its chain must end with."""
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return _one(f"line {error.lineno}, column {error.colno}", f"this is no JSON: {error.msg}")
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return _one("/format", f"this is no {FORMAT}")
    problems = list(_parts(found)) or list(_bytes(data, found))
    if problems:
        return Verdict(tuple(problems))
    try:
        problems = [*_proofs(found), *_agree(found), *_head(found, head), *_signature(found, key)]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        return _one("/", f"a part has not the form it should have: {type(error).__name__} {error}")
    signed = found.get(SIGNATURE, {}).get("key", "")
    return Verdict(tuple(problems), _counts(found), found["head"]["hash"], signed)


def _one(place: str, what: str) -> Verdict:
    return Verdict((Problem(place, what),))


def _counts(found: Certificate) -> dict[str, int]:
    hidden = sum(one["data"] is None for one in found["events"])
    return {**{name: len(found[name]) for name in LISTS}, "hidden": hidden}


# --- the parts are as they were sealed


def _parts(found: Certificate) -> Iterator[Problem]:
    for name in sorted(NAMES - set(found)):
        yield Problem(f"/{name}", "it is missing")
    for name in sorted(set(found) - NAMES - {SIGNATURE}):
        yield Problem(f"/{name}", "nothing of that name belongs here")
    fresh, said = digests(found), found.get("digests")
    if digest(said) == found.get("seal") and isinstance(said, dict):
        for place in sorted({*fresh, *said}):
            if fresh.get(place) != said.get(place):
                yield Problem(place, "it was changed after it was sealed")
    elif fresh == said:
        yield Problem("/seal", "it was changed")
    elif digest(fresh) == found.get("seal"):
        yield Problem("/digests", "they were changed")
    else:
        yield Problem("/seal", "neither the digests nor the seal fit the parts")


def _bytes(data: bytes, found: Certificate) -> Iterator[Problem]:
    """Whoever changes a space changes the bytes, even where the meaning stays."""
    exact = written(found)
    if data != exact:
        at = next((n for n, (one, other) in enumerate(zip(data, exact, strict=False)) if one != other), len(exact))
        before = data[:at]
        line, column = before.count(b"\n") + 1, at - (before.rfind(b"\n") + 1) + 1
        yield Problem(f"line {line}, column {column}", "it is not written the way certificates are written")


# --- every event and delivery lies in a block, the blocks are a chain


def _proofs(found: Certificate) -> Iterator[Problem]:
    blocks = {one["number"]: Block.of(one) for one in found["blocks"]}
    for place, one in enumerate(found["events"]):
        content = bytes.fromhex(one["commitment"])
        if one["data"] is not None and commitment(bytes.fromhex(one["salt"]), one["data"].encode()) != content:
            yield Problem(f"/events/{place}/data", "it is not what was committed to")
        yield from _included(f"/events/{place}", one, leaf(one["header"], content), blocks, "event")
    for place, one in enumerate(found["deliveries"]):
        yield from _included(f"/deliveries/{place}", one, leaf(one["header"]), blocks, "delivery")
    yield from _chain(found)


def _included(
    place: str, one: Mapping[str, Any], start: bytes, blocks: Mapping[int, Block], log: str
) -> Iterator[Problem]:
    block = blocks.get(one["block"])
    if block is None or block.log != log or one["header"].get("log") != log:
        yield Problem(f"{place}/block", "the certificate does not hold that block")
        return
    position = one["header"]["position"]
    steps = [bytes.fromhex(step) for step in one["path"]]
    if not block.first <= position <= block.last:
        yield Problem(f"{place}/header/position", f"it does not lie in block {block.number}")
    elif climb(start, one["index"], block.count, steps) != block.root:
        yield Problem(place, f"its path does not lead to the root of block {block.number}")


def _chain(found: Certificate) -> Iterator[Problem]:
    chain = [Block.of(one) for one in found["blocks"]]
    for place, (one, other) in enumerate(itertools.pairwise(chain), 1):
        if other.number != one.number + 1 or other.previous != one.hash:
            yield Problem(f"/blocks/{place}", "it does not follow from the block before it")
    last = chain[-1]
    said = {"number": last.number, "hash": last.hash.hex(), "sealed_at": iso(last.sealed_at)}
    if found["head"] != said:
        yield Problem("/head", "it is not the last of the blocks")


# --- the summary says what the events say


def _agree(found: Certificate) -> Iterator[Problem]:
    streams: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
    for place, one in enumerate(found["events"]):
        streams.setdefault(one["header"]["stream"], []).append((place, one))
    for name, events in streams.items():
        for n, (place, one) in enumerate(events, 1):
            if one["header"]["version"] != n:
                yield Problem(f"/events/{place}", f"event {n} of {name} is missing before it")
                break
    refs = {one["header"]["ref"] for one in found["deliveries"]}
    for place, one in enumerate(found["events"]):
        if one["header"]["delivery"] and one["header"]["delivery"] not in refs:
            yield Problem(f"/events/{place}/header/delivery", "the delivery it came from is not in the certificate")
    yield from _closing(found, streams.get(f"loop/{found['closing']['id']}", []))
    for place, obligation in enumerate(found["obligations"]):
        yield from _obligation(f"/obligations/{place}", obligation, streams)
    listed = {f"effect/{effect['key']}" for one in found["obligations"] for effect in one["effects"]}
    for name in sorted(name for name in streams if name.startswith("effect/") and name not in listed):
        yield Problem("/obligations", f"none of them has {name}, whose events are here")
    yield from _decisions(found)


Stream = list[tuple[int, Mapping[str, Any]]]


def _closing(found: Certificate, events: Stream) -> Iterator[Problem]:
    state = _last(events, "state")
    if not events:
        yield Problem("/closing/id", "none of its events is in the certificate")
    elif state is not None and state != found["closing"]["state"]:
        yield Problem("/closing/state", f"its events end with {state}")
    logics = {one["header"]["logic"] for _, one in events}
    if events and logics != {found["mapping"]["logic"]}:
        yield Problem("/mapping/logic", "its events were decided by another version")
    parts = _steps(events)
    if parts is None:
        return
    for place, one in enumerate(found["obligations"]):
        known = parts.get((one["step"], one["item"] or ""))
        if known is not None and known != one["state"]:
            yield Problem(f"/obligations/{place}/state", f"its events say {known}")
    owed = {(one["step"], one["item"] or "") for one in found["obligations"]}
    for step, item in sorted(set(parts) - owed):
        yield Problem("/obligations", f"{step} {item} is missing".replace("  ", " "))


def _steps(events: Stream) -> dict[tuple[str, str], str] | None:
    """(step, item) -> state, folded from the events; None where one of them is not shown."""
    steps: dict[str, dict[str, str]] = {}
    states: dict[str, str] = {}
    for _, one in events:
        if one["data"] is None:
            return None
        for step in orjson.loads(one["data"])["set"].get("steps", ()):
            states[step["name"]] = step["state"]
            if "parts" not in step:
                steps[step["name"]] = {}
            for part in step.get("parts", step.get("obligations", ())):
                steps[step["name"]][part["item"]] = part["state"]
    return {
        (name, item): state for name, parts in steps.items() for item, state in (parts or {"": states[name]}).items()
    }


def _obligation(place: str, one: Mapping[str, Any], streams: Mapping[str, Stream]) -> Iterator[Problem]:
    for n, effect in enumerate(one["effects"]):
        here, events = f"{place}/effects/{n}", streams.get(f"effect/{effect['key']}", [])
        if not events:
            yield Problem(here, "none of its events is in the certificate")
            continue
        for name in ("state", "remote_id", "number", "url", "attempts", "payload", "expect", "read_back"):
            known = _last(events, name)
            if known is not None and not _hidden(effect[name]) and (known or None) != (effect[name] or None):
                yield Problem(f"{here}/{name}", "its events say something else")
        if events[-1][1]["header"]["type"] != f"effect.{effect['state'].lower()}":
            yield Problem(f"{here}/state", f"its events end with {events[-1][1]['header']['type']}")
        if effect["payload_sha256"] is not None and digest(effect["payload"]) != effect["payload_sha256"]:
            yield Problem(f"{here}/payload_sha256", "it is not the hash of the payload")
    numbers = {effect["number"] for effect in one["effects"]}
    if one["number"] and one["effects"] and one["number"] not in numbers:
        yield Problem(f"{place}/number", "none of its effects has that number")


def _hidden(value: Json) -> bool:
    """Whether a part of it is not shown to this reader: then only the commitment can be compared."""
    parts = value.values() if isinstance(value, dict) else ()
    return any(isinstance(part, dict) and set(part) == {"hidden"} for part in parts)


def _last(events: Stream, name: str) -> Any:
    """What the shown events say of a field last; None where a later one is not shown and could say otherwise."""
    for _, one in reversed(events):
        if one["data"] is None:
            return None
        told = orjson.loads(one["data"])["set"]
        if name in told:
            return told[name]
    return None


def _decisions(found: Certificate) -> Iterator[Problem]:
    events = {one["header"]["position"]: one for one in found["events"]}
    for place, one in enumerate(found["decisions"]):
        event = events.get(one["event"])
        if event is None or event["header"]["type"] != one["what"]:
            yield Problem(f"/decisions/{place}/event", "the certificate does not hold that event")
        elif event["data"] is not None:
            about = orjson.loads(event["data"]).get("about", {})
            if any((about.get(name) or None) != one[name] for name in ("who", "why", "step", "item")):
                yield Problem(f"/decisions/{place}", "its event says something else")


# --- whose chain it is


def _head(found: Certificate, wanted: str) -> Iterator[Problem]:
    if wanted and found["head"]["hash"] != wanted.lower():
        yield Problem("/head/hash", f"it is not {wanted}")


def _signature(found: Certificate, wanted: str) -> Iterator[Problem]:
    signature = found.get(SIGNATURE)
    if signature is None:
        if wanted:
            yield Problem(f"/{SIGNATURE}", "it is not signed")
        return
    if wanted and signature["key"] != wanted.lower():
        yield Problem(f"/{SIGNATURE}/key", f"it is signed with another key than {wanted}")
    if set(signature) != {"algorithm", "key", "value"} or signature["algorithm"] != "Ed25519":
        yield Problem(f"/{SIGNATURE}", "this is no signature the hub makes")
    elif not holds(signature["key"], signature["value"], found["seal"]):
        yield Problem(f"/{SIGNATURE}/value", "it does not hold for this certificate")


def holds(key: str, value: str, seal: str) -> bool:
    """Whether that key signed that seal."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(value), bytes.fromhex(seal))
    except (InvalidSignature, ValueError):
        return False
    return True
