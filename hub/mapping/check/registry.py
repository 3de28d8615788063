"""Every rule by its id, written out: a rule that is not listed does not exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Protocol

from hub.mapping.check import (
    ambiguous_scalar,
    anchor,
    bad_expression,
    bad_literal,
    bad_lookup,
    bad_path,
    bad_pattern,
    bad_rates,
    bad_sync,
    constant_condition,
    currency_mismatch,
    dead_row,
    duplicate_key,
    duplicate_name,
    duplicate_table,
    duplicate_target,
    each_needs_key,
    expect_unknown_field,
    expression_type,
    loop_cycle,
    missing_frequency,
    missing_key,
    missing_owner,
    mixed_currencies,
    payload_missing_field,
    payload_type,
    payload_unknown_field,
    prefer_conflict,
    required_unfilled,
    row_source,
    sensitive_unmarked,
    shadowed_name,
    shadowed_path,
    slo_below_poll,
    step_cycle,
    step_unreachable_read,
    syntax,
    tag,
    type_mismatch,
    uncovered_case,
    undo_missing,
    unknown_action,
    unknown_converter,
    unknown_entity,
    unknown_field,
    unknown_file,
    unknown_function,
    unknown_key,
    unknown_name,
    unknown_role,
    unknown_step,
    unknown_stream,
    unknown_system,
    unknown_undo,
    unknown_value_target,
    unproduced_value,
    unquoted_expression,
    unreachable_otherwise,
    unused_related,
    wrong_shape,
)
from hub.mapping.check.checked import Checked
from hub.model.diagnostic import Diagnostic


class Rule(Protocol):
    """A module: its docstring is the manual page."""

    ID: str
    __doc__: str | None

    def check(self, checked: Checked) -> Iterator[Diagnostic]: ...


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        rule.ID: rule
        for rule in (
            ambiguous_scalar,
            anchor,
            bad_expression,
            bad_literal,
            bad_lookup,
            bad_path,
            bad_pattern,
            bad_rates,
            bad_sync,
            constant_condition,
            currency_mismatch,
            dead_row,
            duplicate_key,
            duplicate_name,
            duplicate_table,
            duplicate_target,
            each_needs_key,
            expect_unknown_field,
            expression_type,
            loop_cycle,
            missing_frequency,
            missing_key,
            missing_owner,
            mixed_currencies,
            payload_missing_field,
            payload_type,
            payload_unknown_field,
            prefer_conflict,
            required_unfilled,
            row_source,
            sensitive_unmarked,
            shadowed_name,
            shadowed_path,
            slo_below_poll,
            step_cycle,
            step_unreachable_read,
            syntax,
            tag,
            type_mismatch,
            uncovered_case,
            undo_missing,
            unknown_action,
            unknown_converter,
            unknown_entity,
            unknown_field,
            unknown_file,
            unknown_function,
            unknown_key,
            unknown_name,
            unknown_role,
            unknown_step,
            unknown_stream,
            unknown_system,
            unknown_undo,
            unknown_value_target,
            unproduced_value,
            unquoted_expression,
            unreachable_otherwise,
            unused_related,
            wrong_shape,
        )
    }
)
