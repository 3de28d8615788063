"""A closing certificate: what it holds, who sees what of it, and that no byte of it can be changed unseen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.cli.app import run
from hub.cli.prove import proved
from hub.cli.verify import checked
from hub.errors import ConfigError, FatalError
from hub.history.certificate import sealed, written
from hub.history.certificate_html import inside, page
from hub.history.signing import signed
from hub.history.verify import Verdict, verify
from tests.closings import Closings

SECRET = "11" * 32
PUBLIC = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(SECRET)).public_key().public_bytes_raw().hex()
PRIVATE = ("150.00", "120.00", "60450.00", "E1002")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Closings]:
    """One closing: a purchase somebody approved, a reimbursement, an asset entry that was waived, a comment."""
    made = Closings(tmp_path)
    made.issue(10_000, "Epic", **made._project(0))
    made.item(10_001, 10_000, 400)
    made.item(10_002, 10_000, 3)
    made.expense(10_005, 10_000, 120)
    made.project(1)
    made.settle()
    made.close(0)
    made.settle(approve=False)
    made.person("waive", made.loop_of(0), "asset")
    made.settle()
    yield made
    made.close_store()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[bytes]:
    made = Closings(tmp_path)
    made.issue(10_000, "Epic", **{**made._project(1), "assignee": None})
    made.settle()
    made.close(0, customfield_10202={"value": "Software"}, assignee=None)
    made.settle()
    yield written(proved(made.workspace, "OPS-10000", ""))
    made.close_store()


def certificate(stage: Closings, person: str = "E1003") -> dict[str, Any]:
    return proved(stage.workspace, "OPS-10000", person)


def changed(made: Mapping[str, Any], path: str, value: Any) -> bytes:
    """The certificate with one value set and everything sealed again, as a forger would."""
    copy = orjson.loads(written({name: part for name, part in made.items() if name not in ("digests", "seal")}))
    *steps, last = path.strip("/").split("/")
    place = copy
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[int(last) if isinstance(place, list) else last] = value
    return written(sealed(copy))


def places(verdict: Verdict) -> list[str]:
    return [one.place for one in verdict.problems]


# --- what it holds


def test_it_says_what_was_owed_and_what_became_of_each(stage: Closings) -> None:
    made = certificate(stage)
    told = [(one["step"], one["item"], one["state"], bool(one["number"])) for one in made["obligations"]]
    assert told == [
        ("purchase", None, "done", True),
        ("reimburse", "jira:10005", "done", True),
        ("asset", None, "waived", False),
        ("tell", None, "done", True),
    ]
    purchase = made["obligations"][0]
    assert (purchase["approval"]["who"], purchase["approval"]["state"]) == ("E1003", "approved")
    assert purchase["effects"][0]["read_back"] == {"total": {"amount": "60450.00", "currency": "CNY"}}
    assert [(one["what"], one["who"]) for one in made["decisions"]] == [
        ("loop.waived", "E1007"),
        ("loop.approved", "E1003"),
    ]
    assert {row["field"]: row["from"] for row in made["obligations"][1]["rows"]}["amount"] == ["expense.amount"]
    assert all(re.fullmatch(r"rd-close\.yaml:\d+", row["at"]) for one in made["obligations"] for row in one["rows"])
    assert made["mapping"]["logic"] == stage.catalog.integrations["rd-close"].definition.logic


def test_every_event_of_the_closing_and_what_caused_it_is_proved_to_lie_in_the_log(stage: Closings) -> None:
    made = certificate(stage)
    streams = {one["header"]["stream"].partition("/")[0] for one in made["events"]}
    assert streams == {"project", "purchase_item", "expense", "loop", "effect"}
    refs = {one["header"]["ref"] for one in made["deliveries"]}
    assert {one["header"]["delivery"] for one in made["events"] if one["header"]["delivery"]} == refs
    assert verify(written(made)).ok


def test_a_closing_that_has_not_taken_its_lists_has_nothing_to_prove(stage: Closings) -> None:
    stage.issue(10_050, "Epic", **{**stage._project(5), "customfield_10201": None})
    stage.close(5, customfield_10201=None)
    stage.settle()
    assert run(["prove", "OPS-10050", "-w", str(stage.workspace.root)]) == 2


# --- who sees what


def test_nobody_in_particular_sees_no_private_value_anywhere(stage: Closings) -> None:
    made = certificate(stage, "")
    text = written(made).decode() + page(made, "en").decode()
    assert [value for value in PRIVATE if value in text.replace(",", "")] == []
    assert made["obligations"][1]["effects"][0]["payload"]["amount"] == {"hidden": "finance"}
    assert made["obligations"][1]["effects"][0]["payload_sha256"] is None
    assert verify(written(made)).ok


def test_a_reader_sees_what_the_roles_allow_and_no_more(stage: Closings) -> None:
    finance = certificate(stage, "E1003")["obligations"]
    assert finance[1]["effects"][0]["payload"]["amount"] == {"amount": "120.00", "currency": "CNY"}
    assert finance[0]["effects"][0]["payload"]["requester"] == {"hidden": "personal"}
    pmo = certificate(stage, "E1001")["obligations"]
    assert pmo[0]["effects"][0]["payload"]["requester"] == "E1001"
    assert pmo[1]["effects"][0]["payload"]["amount"] == {"hidden": "finance"}


def test_what_is_not_shown_cannot_be_found_by_trying_values(stage: Closings) -> None:
    """The commitment of a hidden event is salted: whoever guesses its data cannot check the guess."""
    from hub.model.chain import commitment

    hidden = next(one for one in certificate(stage, "")["events"] if one["data"] is None)
    shown = certificate(stage, "E1003")["events"]
    same = next(one for one in shown if one["header"]["id"] == hidden["header"]["id"])
    assert hidden["salt"] is None
    assert same["commitment"] == hidden["commitment"]
    if same["data"] is not None:
        assert commitment(b"", same["data"].encode()).hex() != hidden["commitment"]


# --- no byte


def test_each_flipped_byte_fails_and_the_place_is_named(small: bytes) -> None:
    assert verify(small).ok
    for at in range(len(small)):
        broken = bytearray(small)
        broken[at] ^= 1 << (at % 8)
        found = verify(bytes(broken))
        assert found.problems, f"byte {at} {small[at - 20 : at + 20]!r}"
        assert found.problems[0].place, at


def test_the_place_named_is_the_part_the_byte_lies_in(stage: Closings) -> None:
    data = written(certificate(stage))
    for word, place in [
        (b'"loop.approved"', "/decisions/1"),
        (b'"effect.confirmed"', "/events/"),
        (b'"webhook"', "/deliveries/0"),
        (b'"rd-close"', "/closing"),
        (b'"N-00001"', "/obligations/"),
    ]:
        broken = bytearray(data)
        broken[data.index(word) + 2] ^= 1
        assert places(verify(bytes(broken)))[0].startswith(place), word


@pytest.mark.parametrize("change", [lambda d: d + b"\n", lambda d: d.replace(b"  ", b"   ", 1), lambda d: b" " + d])
def test_a_space_more_is_a_change_too(small: bytes, change: Any) -> None:
    assert places(verify(change(small)))[0].startswith("line ")


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b'{"format": "x"}', b"\xff", b"<html></html>"])
def test_what_is_no_certificate_is_told_so(data: bytes) -> None:
    assert not checked(data).ok


def test_each_changed_part_of_the_page_fails(small: bytes) -> None:
    made = orjson.loads(small)
    data = page(made, "zh")
    assert checked(data).ok
    for at in [*range(0, len(data), 601), len(data) - 2]:
        broken = bytearray(data)
        broken[at] ^= 1
        assert not checked(bytes(broken)).ok, data[at - 20 : at + 20]


# --- forgers who seal again


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("/obligations/0/number", "PR-OTHER", "/obligations/0/number"),
        ("/obligations/0/effects/0/state", "MISMATCH", "/obligations/0/effects/0/state"),
        ("/obligations/1/effects/0/payload/amount/amount", "999.00", "/obligations/1/effects/0/payload"),
        ("/obligations/1/effects/0/number", "N-99999", "/obligations/1/effects/0/number"),
        ("/obligations/1/effects/0/key", "00" * 32, "/obligations/1/effects/0"),
        ("/closing/state", "running", "/closing/state"),
        ("/closing/id", "close-out-0000000000", "/closing/id"),
        ("/mapping/logic", "00" * 32, "/mapping/logic"),
        ("/decisions/0/who", "E1002", "/decisions/0"),
        ("/decisions/1/event", 1, "/decisions/1/event"),
        ("/events/0/header/recorded", 5, "/events/0"),
        ("/events/0/index", 3, "/events/0"),
        ("/events/0/commitment", "00" * 32, "/events/0"),
        ("/deliveries/0/header/received_at", 5, "/deliveries/0"),
        ("/deliveries/0/block", 99, "/deliveries/0/block"),
        ("/blocks/0/root", "00" * 32, "/events/0"),
        ("/head/hash", "00" * 32, "/head"),
        ("/head/sealed_at", "2020-01-01T00:00:00.000Z", "/head"),
    ],
)
def test_a_part_that_was_changed_and_sealed_again_contradicts_another(
    stage: Closings, path: str, value: Any, place: str
) -> None:
    found = places(verify(changed(certificate(stage), path, value)))
    assert any(one.startswith(place) for one in found), found


def test_an_event_that_was_left_out_is_missed(stage: Closings) -> None:
    made = certificate(stage)
    events = [one for one in made["events"] if one["header"]["type"] != "effect.confirmed"]
    found = places(verify(changed(made, "/events", events)))
    assert found
    events = [one for n, one in enumerate(made["events"]) if n != 0]
    assert any(one.startswith("/events/") for one in places(verify(changed(made, "/events", events))))


def test_an_obligation_that_was_left_out_is_missed(small: bytes) -> None:
    made = orjson.loads(small)
    kept = [one for one in made["obligations"] if one["step"] != "tell"]
    assert "/obligations" in places(verify(changed(made, "/obligations", kept)))


# --- whose it is


def test_a_signature_holds_for_its_key_and_for_nothing_else(stage: Closings) -> None:
    made = signed(certificate(stage), SECRET)
    data = written(made)
    assert verify(data, key=PUBLIC).signed_by == PUBLIC
    assert places(verify(data, key="22" * 32)) == ["/signature/key"]
    assert places(verify(written(certificate(stage)), key=PUBLIC)) == ["/signature"]
    forged = {**orjson.loads(changed(made, "/made/at", "2020-01-01T00:00:00.000Z")), "signature": made["signature"]}
    assert places(verify(written(forged))) == ["/signature/value"]
    assert checked(page(made, "en"), PUBLIC).ok


def test_a_key_that_is_none_is_refused_with_how_to_make_one(stage: Closings) -> None:
    with pytest.raises(ConfigError, match="no Ed25519 key") as raised:
        signed(certificate(stage), "secret")
    assert "token_hex(32)" in raised.value.fix


def test_the_head_can_be_compared_with_one_kept_elsewhere(stage: Closings) -> None:
    data = written(certificate(stage))
    head = orjson.loads(data)["head"]["hash"]
    assert verify(data, head=head).ok
    assert places(verify(data, head="00" * 32)) == ["/head/hash"]


def test_nothing_is_proved_from_a_log_that_was_changed(stage: Closings) -> None:
    certificate(stage)
    stage.store.write_now(lambda t: t.db.execute("UPDATE event SET type = 'x' WHERE position = 2"))  # type: ignore[attr-defined]
    with pytest.raises(FatalError, match="sealed log was changed"):
        certificate(stage)


# --- the page


def test_the_page_holds_the_certificate_and_nothing_from_outside(stage: Closings) -> None:
    made = certificate(stage)
    data = page(made, "en")
    assert written(orjson.loads(inside(data) or b"")) == written(made)
    text = data.decode()
    assert re.findall(r"(?:src|href|url)\s*[=(]", text.partition("<script")[0]) == []
    assert text.count("<script") == 1


def test_names_of_projects_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    stage = Closings(tmp_path)
    evil = '</script><script>alert(1)</script>"><img src=x onerror=alert(1)>'
    stage.issue(10_000, "Epic", **{**stage._project(1), "summary": evil})
    stage.settle()
    stage.close(0, summary=evil, customfield_10202={"value": "Software"})
    stage.settle()
    made = proved(stage.workspace, "OPS-10000", "E1001")
    data = page(made, "zh")
    stage.close_store()
    assert data.count(b"<script") == 1
    assert b"<img" not in data
    assert checked(data).ok


# --- the commands


def test_the_commands_write_both_files_and_check_them_without_a_workspace(
    stage: Closings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = str(stage.workspace.root)
    assert run(["prove", "OPS-10000", "--out", str(tmp_path / "out"), "-w", root, "--format", "json"]) == 0
    said = orjson.loads(capsys.readouterr().out)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    for name in ("json", "html"):
        assert run(["verify", said[name], "--offline"]) == 0
        assert "nothing was changed" in capsys.readouterr().out
    assert run(["verify", said["json"], "-w", root, "--format", "json"]) == 0
    assert orjson.loads(capsys.readouterr().out)["at_home"] is True
    file = Path(said["json"])
    file.write_bytes(file.read_bytes().replace(b"E1007", b"E1002", 1))
    assert run(["verify", str(file), "--offline"]) == 1
    assert "/decisions/0: it was changed after it was sealed" in capsys.readouterr().out


def test_a_log_that_was_changed_stops_all_sending(stage: Closings, capsys: pytest.CaptureFixture[str]) -> None:
    from hub.store.blocks import seal_all
    from hub.store.halts import halts

    root = str(stage.workspace.root)
    seal_all(stage.store, stage.clock.now())
    assert run(["verify", "--store", "-w", root]) == 0
    stage.store.write_now(lambda t: t.db.execute("DELETE FROM event WHERE position = 4"))  # type: ignore[attr-defined]
    capsys.readouterr()
    assert run(["verify", "--store", "-w", root]) == 1
    out = capsys.readouterr().out
    assert "event 4: it is missing" in out
    assert "ACTION REQUIRED" in out
    assert {name: one.kind for name, one in halts(stage.store).items()} == {
        "event-budget": "invariant",
        "rd-close": "invariant",
    }
