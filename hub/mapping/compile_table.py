"""A table plan into one Python function: the paths, maps and conversions of all rows in a single body.

The body takes the common way only; at anything else it raises, and ``apply.apply_rows`` says what the record
means. So the two must agree wherever the body returns (``tests/unit/mapping_runtime`` holds them together).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any

from hub.mapping.apply import ABSENT, RowPlan, TablePlan, apply_rows, canonical_text, via_of, walk_steps
from hub.mapping.compile_common import spelt_out
from hub.mapping.compile_head import id_lines, only_of
from hub.mapping.compiled import CompiledTable
from hub.mapping.convert import Unconvertible
from hub.mapping.convert.make import is_plain_text, zone_of
from hub.mapping.expression import infer, parse, record_scope
from hub.mapping.expression.emit import FALLBACK, Names, emit
from hub.mapping.expression.runtime import RUNTIME
from hub.mapping.rates import Rated
from hub.mapping.table import Path, TableDef
from hub.model.record import Lookup, Mapped, Record, Refused, path_text


class Uncommon(Exception):
    """The generated body met what it was not written for."""


class Nulls(dict[str, Any]):
    """What is below null: null at every name."""

    def get(self, key: str, default: Any = None) -> Any:
        return None


def compile_table(plan: TablePlan, integration: str, logic: str) -> CompiledTable:
    """The table's two functions and their source."""
    writer = _Writer(plan)
    source = writer.source()
    namespace = writer.namespace
    exec(compile(source, f"<{plan.definition.name}>", "exec"), namespace)
    accepts: Callable[[Record], bool] = namespace["accepts"]
    apply: Callable[[Record], Mapped | Refused] = namespace["apply"]
    if plan.definition.key_mode == "link":
        apply = _with_via(plan.definition, apply)
    return CompiledTable(plan.definition, integration, logic, accepts, apply, source, plan)


def _with_via(table: TableDef, apply: Callable[[Record], Mapped | Refused]) -> Callable[[Record], Mapped | Refused]:
    """What is keyed by its link also says what finds its entity."""

    def linked(record: Record) -> Mapped | Refused:
        seen = apply(record)
        return seen if seen.via is not None else replace(seen, via=via_of(table, record))

    return linked


@dataclass(slots=True)
class _Block:
    """Lines of one indentation, and the containers already read in it."""

    indent: str
    lines: list[str] = field(default_factory=list)
    containers: dict[tuple[str, ...], str] = field(default_factory=dict)

    def add(self, *lines: str) -> None:
        self.lines += [self.indent + line for line in lines]


class _Writer:
    def __init__(self, plan: TablePlan) -> None:
        self.plan, self.table = plan, plan.definition
        self.names = Names("d")
        self.homes: dict[str, tuple[_Block, str]] = {}
        """each variable -> (the block it lives in, its Python name)"""
        self.main = _Block("        ")
        self.count = 0
        every = _every(plan.rows)
        self.looks = any(row.seek is not None for row in every)
        self.rates = any(row.rated is not None for row in every)
        self.inside: tuple[str, ...] = ()
        """Code of the way to the nested rows being written: names and the numbers of list elements."""
        self.namespace: dict[str, Any] = {
            "__builtins__": {one.__name__: one for one in (any, all, str, int, list, dict, tuple, len)},
            **RUNTIME,
            "_A": ABSENT,
            "_NULLS": Nulls(),
            "_NOTHING": {},
            "_Uncommon": Uncommon,
            "_GIVE_UP": (*FALLBACK, Unconvertible, Uncommon),
            "_FALLBACK": FALLBACK,
            "_Decimal": Decimal,
            "_Mapped": Mapped,
            "_Lookup": Lookup,
            "_Rated": Rated,
            "_path_text": path_text,
            "_text": canonical_text,
            "_walk": walk_steps,
            "_exactly": partial(apply_rows, plan),
            "_only": only_of(self.table),
        }

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def bound(self, prefix: str, value: Any) -> str:
        """A name in the namespace for an object."""
        name = self.fresh(f"_{prefix}")
        self.namespace[name] = value
        return name

    # -- the two functions

    def source(self) -> str:
        self.key_and_label()
        if self.looks:
            self.main.add("looks = []")
        if self.rates:
            self.main.add("rates = {}")
        refs = self.rows(self.plan.rows, "f", self.main, inner=False)
        looked = f", {'tuple(looks)' if self.looks else '()'}, rates or None" if self.rates else ", tuple(looks)"
        looked = looked if self.looks or self.rates else ""
        self.main.add(f"return _Mapped({self.table.entity!r}, key, label, f, {refs}{looked})")
        body = "\n".join(self.main.lines)
        text = (
            f"# {self.table.name}, generated from {self.table.place.file}\n\n{self.accepts()}\n\n"
            f'def apply(record):\n    d = record.data\n    snapshot = record.op != "partial"\n    try:\n{body}\n'
            "    except _GIVE_UP:\n        return _exactly(record)\n"
        )
        self.namespace.update(self.names.constants)
        return text

    def accepts(self) -> str:
        only = self.table.only
        if only is None:
            return "def accepts(record):\n    return True\n"
        typing = infer(parse(only), record_scope(()))
        code = emit(typing, self.names, zone_of(self.table.zone), condition=True)
        steps = "\n        _steps = _Steps()" if code.steps else ""
        return (
            f"def accepts(record):\n    d = record.data\n    try:{steps}\n        return {code.fast}\n"
            "    except _FALLBACK:\n        return _only(d)\n"
        )

    def key_and_label(self) -> None:
        block = self.main
        block.add('if record.op == "delete":', "    return _exactly(record)")
        key = self.get(self.table.key, block)
        block.add(f"key = {key}", *id_lines("key", "raise _Uncommon"))
        if self.table.key_mode != "shared":
            block.add(f"key = {self.table.connection + ':'!r} + key")
        if self.table.label is None:
            block.add("label = None")
        else:
            label = self.get(self.table.label, block)
            block.add(f"label = {label}", *id_lines("label", "raise _Uncommon", "label is _A or label is None"))
        block.add("f = {}")

    # -- paths

    def get(self, path: Path, block: _Block) -> str:
        """Code for the value at a path; containers on the way are read once per block."""
        home, root, steps = self.home(path)
        if not steps:
            return root
        names = tuple(step for step in steps[:-1] if isinstance(step, str))
        if isinstance(steps[-1], str) and len(names) == len(steps) - 1:
            return f"{self.container(home, root, names)}.get({steps[-1]!r}, _A)"
        return f"_walk({root}, {tuple(steps)!r})"

    def home(self, path: Path) -> tuple[_Block, str, tuple[str | int | None, ...]]:
        if path.steps[0] in self.homes:
            block, name = self.homes[str(path.steps[0])]
            return block, name, path.steps[1:]
        return self.main, "d", path.steps

    def container(self, home: _Block, root: str, names: tuple[str, ...]) -> str:
        """A variable holding the object at ``root.names``: ``_NULLS`` below null, ``_NOTHING`` below absent."""
        if not names and root == "d":
            return "d"
        known = home.containers.get((root, *names))
        if known is not None:
            return known
        read = root if not names else f"{self.container(home, root, names[:-1])}.get({names[-1]!r}, _A)"
        name = self.fresh("c")
        home.add(
            f"{name} = {read}",
            f"if {name}.__class__ is not dict:",
            f"    {name} = _NULLS if {name} is None else _NOTHING",
        )
        home.containers[root, *names] = name
        return name

    # -- rows

    def rows(self, rows: Sequence[RowPlan], into: str, block: _Block, *, inner: bool) -> str:
        """All rows; gives the code of the refs among them."""
        entities = {plan.row.field: plan.entity for plan in rows if plan.entity}
        for plan in rows:
            block.add(f"# {plan.row.place.line}: {plan.row.field}")
            self.row(plan, into, block, inner=inner)
        if not entities:
            return "{}"
        if len(entities) == 1:
            return f"{self.bound('refs', entities)} if {next(iter(entities))!r} in {into} else {{}}"
        return f"{{name: kind for name, kind in {tuple(entities.items())!r} if name in {into}}}"

    def row(self, plan: RowPlan, into: str, block: _Block, *, inner: bool) -> None:
        if plan.nested:
            self.nested(plan, into, block, inner=inner)
            return
        row, target = plan.row, f"{into}[{plan.row.field!r}]"
        if plan.seek is not None:
            self.lookup(plan, target, block, inner=inner)
            return
        if row.has_const and row.values is None and row.currency is None and not row.required:
            block.add(f"{target} = {self.literal(plan.constant)}")
            return
        self.value(plan, block)
        snapshot = "True" if inner else "snapshot"
        if row.has_default:
            absent = "v is _A" if inner else "(v is _A and snapshot)"
            block.add(f'if v is None or v == "" or {absent}:', f"    v = {self.literal(row.default)}")
        if is_plain_text(plan.convert) and plan.mapped is None and plan.currency_of is None and plan.rated is None:
            self.text(plan, target, block, snapshot, inner=inner)
        else:
            self.converted(plan, target, block, snapshot, inner=inner)

    def lookup(self, plan: RowPlan, target: str, block: _Block, *, inner: bool) -> None:
        """A value that is another entity's: what to look for is handed on."""
        self.value(plan, block)
        found = f"v.placed({self.way(plan)})" if self.inside else "v"
        block.add(
            f"v = {self.bound('seek', plan.seek)}(v)", "if v.__class__ is _Lookup:", f"    looks.append({found})"
        )
        if self.inside:
            block.add(f"    {target} = None")
        if plan.row.required:
            block.add("else:" if inner else "elif v is not _A or snapshot:", "    raise _Uncommon")
        else:
            block.add("else:" if inner else "elif v is not _A:", f"    {target} = None")

    def way(self, plan: RowPlan) -> str:
        """Code of the place of a nested row's value."""
        return f"({', '.join((*self.inside, repr(plan.row.field)))})"

    def value(self, plan: RowPlan, block: _Block) -> None:
        """``v``: the source value."""
        if plan.typing is not None:
            names = Names("d", {name: python for name, (_, python) in self.homes.items()}, self.names.constants)
            code = emit(plan.typing, names, zone_of(plan.row.zone or self.table.zone))
            block.add(*(["_steps = _Steps()"] if code.steps else []), f"v = {code.fast}")
            return
        sources = plan.row.sources if plan.row.lookup is None else plan.row.lookup.sources
        if not sources:
            block.add(f"v = {self.literal(plan.row.const) if plan.row.has_const else '_A'}")
            return
        first, *others = [self.get(path, block) for path in sources]
        block.add(f"v = {first}")
        for other in others:
            block.add(
                'if v is None or v is _A or v == "":',
                f"    w = {other}",
                '    if v is _A or (w is not None and w is not _A and w != ""):',
                "        v = w",
            )

    def text(self, plan: RowPlan, target: str, block: _Block, snapshot: str, *, inner: bool) -> None:
        """The commonest row: a text that stays as it is."""
        if plan.row.required:
            block.add("if v.__class__ is str and v:", f"    {target} = v")
        else:
            block.add("if v.__class__ is str or v is None:", f"    {target} = v")
        if inner and not plan.row.required:
            block.add("elif v is _A:", f"    {target} = None", "else:", "    raise _Uncommon")
        else:
            strict = f" or {snapshot}" if plan.row.required else ""
            block.add(f"elif v is not _A{strict}:", "    raise _Uncommon")

    def converted(self, plan: RowPlan, target: str, block: _Block, snapshot: str, *, inner: bool) -> None:
        required = plan.row.required
        lines = self.conversion(plan, block)  # first: the containers of its paths are read outside of the if
        empty = ["raise _Uncommon"] if required else [f"{target} = None"]
        if inner and not required:
            block.add("if v is None or v is _A:", f"    {target} = None", "else:")
        else:
            block.add("if v is None:", *(f"    {line}" for line in empty), "elif v is not _A:")
        block.add(*(f"    {line}" for line in lines))
        if required:
            block.add('    if v is None or v == "":', "        raise _Uncommon")
        block.add(f"    {target} = v")
        if required:
            block.add(f"elif {snapshot}:", "    raise _Uncommon")

    def conversion(self, plan: RowPlan, block: _Block) -> list[str]:
        """Lines that turn ``v`` into its canonical value."""
        if plan.rated is not None:
            return self.rate(plan, block)
        call = f"v = {self.bound('convert', plan.convert)}(v)"
        if plan.currency_of is not None and plan.row.currency is not None:
            currency = self.get(plan.row.currency, block)
            call = f"v = {self.bound('currency', plan.currency_of)}(v, {currency})"
        if plan.mapped is None:
            return spelt_out(plan, call)
        otherwise = {
            "keep": call,
            "null": "v = None",
            "const": f"v = {self.literal(plan.constant)}",
            "quarantine": "raise _Uncommon",
        }[plan.row.otherwise.kind]
        mapped = self.bound("values", plan.mapped)
        return [
            f"w = {mapped}.get(v if v.__class__ is str else _text(v), _A)",
            "if w is not _A:",
            "    v = w",
            "else:",
            f"    {otherwise}",
        ]

    def rate(self, plan: RowPlan, block: _Block) -> list[str]:
        """Lines that turn ``v`` into money by a table of rates, and keep how."""
        name = f"_path_text({self.way(plan)})" if self.inside else repr(plan.row.field)
        paths = (plan.row.currency, plan.row.dated)
        read = [None if path is None else self.get(path, block) for path in paths]
        said = ["None" if code is None else f"(None if (w := {code}) is _A else w)" for code in read]
        return [
            f"v = {self.bound('rated', plan.rated)}(v, {said[0]}, {said[1]})",
            "if v.__class__ is _Rated:",
            f"    rates[{name}] = v.about",
            "    v = v.money",
        ]

    def literal(self, value: Any) -> str:
        """Code of a literal of the file; objects are bound, and copied nowhere: nobody changes them."""
        if value is None or isinstance(value, str | bool | int):
            return repr(value)
        return self.bound("const", value)

    # -- nested rows

    def nested(self, plan: RowPlan, into: str, block: _Block, *, inner: bool) -> None:
        if plan.row.each is None:
            self.object(plan, into, block, inner=inner)
        else:
            self.list(plan, into, block, inner=inner)

    def object(self, plan: RowPlan, into: str, block: _Block, *, inner: bool) -> None:
        made, target = self.fresh("o"), f"{into}[{plan.row.field!r}]"
        block.add(f"{made} = {{}}")
        outside, self.inside = self.inside, (*self.inside, repr(plan.row.field))
        self.rows(plan.nested, made, block, inner=inner)
        self.inside = outside
        parts = ", ".join(f"{part.row.field!r}: {made}.get({part.row.field!r})" for part in plan.nested)
        block.add(f"if {made}:", f"    {target} = {{{parts}}}")
        if plan.row.required:
            block.add("elif snapshot:", "    raise _Uncommon")
        elif inner:
            block.add("else:", f"    {target} = None")

    def list(self, plan: RowPlan, into: str, block: _Block, *, inner: bool) -> None:
        name, path = plan.row.each or ("", Path((), "", plan.row.place))
        target, values, made, one = f"{into}[{plan.row.field!r}]", *map(self.fresh, ("l", "g", "e"))
        body = _Block(block.indent + "        ")
        read = self.get(path, block)
        before = self.homes.get(name)
        self.homes[name] = (body, one)
        element = self.fresh("o")
        body.add(f"{element} = {{}}")
        outside, self.inside = self.inside, (*self.inside, repr(plan.row.field), f"len({made})")
        self.rows(plan.nested, element, body, inner=True)
        self.inside = outside
        body.add(f"{made}.append({element})")
        self.homes = {**self.homes, name: before} if before else {k: v for k, v in self.homes.items() if k != name}
        empty = "raise _Uncommon" if plan.row.required else f"{target} = None"
        absent = " or v is _A" if inner and not plan.row.required else ""
        block.add(f"v = {values} = {read}", f"if v is None{absent}:", f"    {empty}", "elif v is not _A:")
        block.add(f"    if {values}.__class__ is not list:", "        raise _Uncommon", f"    {made} = []")
        block.add(f"    for {one} in {values}:")
        block.lines += body.lines
        block.add(f"    {target} = {made}")
        if plan.row.required:
            block.add(f"elif {'True' if inner else 'snapshot'}:", "    raise _Uncommon")


def _every(rows: Sequence[RowPlan]) -> list[RowPlan]:
    """Rows with all nested ones."""
    return [one for row in rows for one in (row, *_every(row.nested))]
