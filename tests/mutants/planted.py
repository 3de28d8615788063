"""Planted bugs as small edits of one file, each with the test that must fail when it is there.

``python -m tests.mutants`` plants each and runs its catcher; ``docs/reliability.md`` shows the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Planted:
    """``old`` stands exactly once in ``file`` and becomes ``new``; ``catcher`` is a test, or the linter's rule."""

    name: str
    about: str
    file: str
    old: str
    new: str
    kind: Literal["unit", "contract", "lint"]
    catcher: str


_ALL = (
    Planted(
        "float-money",
        "numbers of the source go through floats",
        "hub/model/source_json.py",
        'float_mode="decimal"',
        'float_mode="float"',
        "unit",
        "tests/unit/mapping_runtime/test_source_json.py"
        "::test_a_body_two_readers_could_read_differently_is_refused_with_its_reason",
    ),
    Planted(
        "last-key-wins",
        "an object that names a key twice is believed",
        "hub/model/source_json.py",
        "catch_duplicate_keys=True",
        "catch_duplicate_keys=False",
        "unit",
        "tests/unit/mapping_runtime/test_source_json.py"
        "::test_a_body_two_readers_could_read_differently_is_refused_with_its_reason",
    ),
    Planted(
        "nan-is-a-number",
        "NaN and Infinity are read as numbers",
        "hub/model/source_json.py",
        "allow_inf_nan=False",
        "allow_inf_nan=True",
        "unit",
        "tests/unit/mapping_runtime/test_source_json.py"
        "::test_a_body_two_readers_could_read_differently_is_refused_with_its_reason",
    ),
    Planted(
        "default-on-unknown-enum",
        "a value no row names is kept instead of set aside",
        "hub/mapping/compile_table.py",
        "}[plan.row.otherwise.kind]",
        "}[plan.row.otherwise.kind.replace('quarantine', 'keep')]",
        "unit",
        "tests/unit/mapping_runtime/test_tables.py::test_values_compare_canonical_text_and_null_skips_the_map",
    ),
    Planted(
        "verify-parsed-body",
        "the signature is checked over the body parsed and written again",
        "connectors/jira/connector.py",
        "hmac.digest(secret.encode(), request.body, ",
        "hmac.digest(secret.encode(), __import__('orjson').dumps(__import__('orjson').loads(request.body)), ",
        "contract",
        "tests/unit/jira/test_jira_suites.py::TestJiraWebhook::test_a_body_parsed_and_written_again_is_refused",
    ),
    Planted(
        "accept-empty-secret",
        "an empty secret signs",
        "connectors/jira/connector.py",
        "good |= bool(secret) and ",
        "good |= ",
        "contract",
        "tests/unit/jira/test_jira_suites.py::TestJiraWebhook::test_without_a_secret_nothing_is_accepted",
    ),
    Planted(
        "equals-on-signatures",
        "a signature is compared with ==, which tells how much of it was right",
        "connectors/jira/connector.py",
        "hmac.compare_digest(given, expected)",
        "given == expected",
        "lint",
        "tests/mutants/test_lint_rules.py::test_what_is_secret_is_compared_in_constant_time",
    ),
    Planted(
        "follow-redirects",
        "the HTTP client follows where an answer sends it",
        "hub/connector/http.py",
        "allow_redirects=False",
        "allow_redirects=True",
        "unit",
        "tests/unit/connector/test_http.py::test_each_answer_to_a_write_has_its_verdict",
    ),
    Planted(
        "private-addresses",
        "a name that leads inside is called",
        "hub/connector/guard.py",
        "return address.is_global and not address.is_multicast",
        "return not address.is_multicast",
        "unit",
        "tests/unit/connector/test_guard.py::test_inner_and_disguised_addresses_are_not_public",
    ),
    Planted(
        "unescaped-cell",
        "what systems say goes into the page as it is",
        "hub/health/html.py",
        "autoescape=True",
        "autoescape=False",
        "unit",
        "tests/unit/health/test_health.py::test_html_is_one_file_without_script_or_request_and_escapes_what_it_shows",
    ),
    Planted(
        "local-time",
        "an instant is written in the zone of the machine",
        "hub/model/clock.py",
        "when.astimezone(UTC).replace(tzinfo=None)",
        "datetime.fromtimestamp(when.timestamp())",
        "lint",
        "ruff DTZ",
    ),
    Planted(
        "swallow-exception",
        "an unexpected error while sending is ignored",
        "hub/effect/attempt.py",
        '        except Exception as error:\n            logger.exception("connector failed while sending"',
        "        except Exception:\n            pass\n        except ValueError as error:\n"
        '            logger.exception(""',
        "lint",
        "ruff S110",
    ),
    Planted(
        "unflushed-commits",
        "a commit is answered before the disk has it",
        "hub/store/hot_sqlite.py",
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = NORMAL",
        "unit",
        "tests/unit/store/test_schema.py::test_the_file_has_large_pages_and_a_write_ahead_log",
    ),
    Planted(
        "undo-forgotten",
        "what a failed decision wrote stays when it fails",
        "hub/store/writer.py",
        '    db.execute("ROLLBACK TO work")\n',
        "",
        "contract",
        "tests/contract/store/test_store.py::test_a_closure_that_raises_takes_nobody_with_it",
    ),
    Planted(
        "retry-a-refusal",
        "what the target refused is sent again",
        "hub/connector/verdict.py",
        "if 400 <= status < 500 and status != 408:",
        "if 400 <= status < 400 and status != 408:",
        "unit",
        "tests/unit/connector/test_http.py::test_each_answer_to_a_write_has_its_verdict",
    ),
    Planted(
        "wait-as-told",
        "a target may make us wait ten years",
        "hub/connector/verdict.py",
        "return min(float(value[:12]), RETRY_AFTER_SECONDS_MAX)",
        "return float(value[:12])",
        "unit",
        "tests/unit/connector/test_http.py::test_retry_after_is_read_in_both_forms_and_capped",
    ),
    Planted(
        "keys-live-for-ever",
        "the same bytes go out again after the target forgot our key",
        "hub/effect/timing.py",
        "return now < first + int(action.key_life_seconds * KEY_LIFE_SHARE) * SECOND",
        "return True",
        "unit",
        "tests/unit/effect/test_executor.py"
        "::test_class_a_never_resends_when_the_key_has_lived_four_fifths_of_its_life",
    ),
    Planted(
        "every-record-is-a-change",
        "a record that says nothing new makes a new version",
        "hub/model/entity.py",
        '    return Folded(after, changed, "applied" if changed else "unchanged")',
        '    return Folded(after, changed, "applied")',
        "unit",
        "tests/unit/model/test_fold.py::test_a_record_that_changes_nothing_is_unchanged_and_moves_the_mark",
    ),
)
PLANTED: dict[str, Planted] = {one.name: one for one in _ALL}
