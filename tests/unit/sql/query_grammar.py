"""Queries put together at random from the parts that SQL has, over the small tables of the oracle; all of integers."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from msgspec import Struct

BASES = {"t": ("id", "a", "b"), "u": ("id", "c", "d"), "n": ("id",)}


_KINDS = (
    *("plain", "plain", "join", "using", "group", "rollup", "window", "union", "name", "minus", "distinct", "cte"),
    *("lateral", "unnest", "struct", "qualify", "star", "semi", "pivot", "unpivot", "recursive"),
)


class Made(Struct, frozen=True):
    """A query and the names of its columns."""

    sql: str
    columns: tuple[str, ...]


class _Writer:
    """Draws one query; names are numbered so that none is written twice."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._numbers = 0

    def name(self, prefix: str) -> str:
        self._numbers += 1
        return f"{prefix}{self._numbers}"

    def pick(self, of: Sequence[str]) -> str:
        return self._draw(st.sampled_from(list(of)))

    def query(self, depth: int) -> Made:
        """A SELECT, or two of them put together."""
        if depth <= 0:
            table = self.pick(list(BASES))
            return Made(f"select * from {table}", BASES[table])
        kind = self.pick(_KINDS)
        made: Made = getattr(self, f"_{kind}")(depth - 1)
        return made

    def value(self, columns: Sequence[str], depth: int = 2) -> str:
        """An expression over columns."""
        one, other, third = (self.pick(columns) for _ in range(3))
        forms = (
            one,
            f"{one} + {other}",
            f"coalesce({one}, {other})",
            f"case when {one} > {other} then {third} else 0 end",
            f"case {one} when 1 then {other} when 2 then {third} end",
            f"if({one} is null, {other}, {third})",
            f"greatest({one}, {other})",
            f"({one} in ({other}, 3))::int",
            f"list_sum([x + {other} for x in [{one}, 2] if x <> {third}])::int",
            f"list_sum(list_transform([{one}, {other}], lambda x: x + 1))::int",
            f"({{'p': {one}, 'q': {other}}}).p",
            f"[{one}, {other}][1]",
            f"length({one}::varchar)::int",
        )
        nested = (
            f"(select max(c) from u where u.id = {one})",
            f"(select count(*) from t where t.a > {one})",
            f"(exists (select 1 from u where u.d = {one} and u.c > 2))::int",
            f"({one} in (select id from n))::int",
        )
        return self.pick(forms + nested if depth else forms)

    def condition(self, columns: Sequence[str]) -> str:
        one, other = self.pick(columns), self.pick(columns)
        return self.pick(
            (
                f"{one} > 2",
                f"{one} is distinct from {other}",
                f"{one} between 1 and {other}",
                f"({one} > 1 or {other} < 4)",
                f"{one} in (select c from u where d > 1)",
                f"not exists (select 1 from n where n.id = {one})",
                f"{one} >= (select min(id) from t)",
            )
        )

    def _values(self, columns: Sequence[str]) -> tuple[str, tuple[str, ...]]:
        names = [self.name("c") for _ in range(self._draw(st.integers(1, 3)))]
        return ", ".join(f"{self.value(columns)} as {name}" for name in names), tuple(names)

    def _plain(self, depth: int) -> Made:
        inner, alias = self.query(depth), self.name("q")
        listed, names = self._values(self._of(alias, inner))
        where = f" where {self.condition(self._of(alias, inner))}" if self._draw(st.booleans()) else ""
        return Made(f"select {listed} from ({inner.sql}) {alias}{where}", names)

    def _join(self, depth: int) -> Made:
        left, right = self.query(depth), self.query(0)
        one, other = self.name("q"), self.name("q")
        columns = [*self._of(one, left), *self._of(other, right)]
        side = self.pick(("", "left ", "right ", "full ", "inner "))
        on = f"{one}.{self.pick(left.columns)} = {other}.{self.pick(right.columns)}"
        listed, names = self._values(columns)
        return Made(f"select {listed} from ({left.sql}) {one} {side}join ({right.sql}) {other} on {on}", names)

    def _using(self, depth: int) -> Made:
        left, table = self.query(depth), self.pick(list(BASES))
        one, key = self.name("q"), self.pick(left.columns)
        side = self.pick(("", "left ", "right ", "full "))
        rest = self.name("c")
        right = f"select {BASES[table][-1]} as {key}, {BASES[table][0]} as {rest} from {table}"
        listed, names = self._values([key, rest])
        return Made(f"select {listed} from ({left.sql}) {one} {side}join ({right}) using ({key})", names)

    def _semi(self, depth: int) -> Made:
        left, right = self.query(depth), self.query(0)
        one, other = self.name("q"), self.name("q")
        kind = self.pick(("semi", "anti"))
        on = f"{one}.{self.pick(left.columns)} = {other}.{self.pick(right.columns)}"
        return Made(f"select {one}.* from ({left.sql}) {one} {kind} join ({right.sql}) {other} on {on}", left.columns)

    def _group(self, depth: int, by: str = "{}") -> Made:
        inner, alias = self.query(depth), self.name("q")
        columns = self._of(alias, inner)
        key, total, n = self.name("c"), self.name("c"), self.name("c")
        grouped = self.pick(inner.columns)
        function = self.pick(("sum", "max", "min", "count", "count(distinct "))
        call = (
            f"{function}({self.value(columns, 0)})"
            if not function.endswith(" ")
            else f"{function}{self.pick(columns)})"
        )
        kept = f" filter (where {self.pick(columns)} > 1)" if self._draw(st.booleans()) else ""
        having = f" having max({self.pick(columns)}) > 1" if self._draw(st.booleans()) else ""
        return Made(
            f"select {alias}.{grouped} as {key}, ({call}{kept})::bigint as {total}, count(*) as {n} "
            f"from ({inner.sql}) {alias} group by {by.format(f'{alias}.{grouped}')}{having}",
            (key, total, n),
        )

    def _rollup(self, depth: int) -> Made:
        return self._group(depth, self.pick(("rollup ({})", "cube ({})", "grouping sets (({}), ())", "1", "all")))

    def _window(self, depth: int) -> Made:
        inner, alias = self.query(depth), self.name("q")
        columns = self._of(alias, inner)
        function = self.pick((f"sum({self.pick(columns)})", f"max({self.pick(columns)})", "rank()", "count(*)"))
        over = f"partition by {self.pick(columns)} order by {self.pick(columns)}"
        name = self.name("c")
        return Made(
            f"select {alias}.*, ({function} over ({over}))::bigint as {name} from ({inner.sql}) {alias}",
            (*inner.columns, name),
        )

    def _qualify(self, depth: int) -> Made:
        inner, alias = self.query(depth), self.name("q")
        one, other = self.pick(inner.columns), self.pick(inner.columns)
        return Made(
            f"select * from ({inner.sql}) {alias} qualify rank() over (partition by {one} order by {other}) = 1",
            inner.columns,
        )

    def _union(self, depth: int) -> Made:
        left, right = self.query(depth), self.query(0)
        how = self.pick(("union all", "union"))
        one, other = self.name("c"), self.pick(right.columns)
        return Made(
            f"select {self.pick(left.columns)} as {one} from ({left.sql}) {how} select {other} from ({right.sql})",
            (one,),
        )

    def _name(self, depth: int) -> Made:
        left, right = self.query(depth), self.query(0)
        one, other = self.name("c"), self.name("c")
        first = f"select {self.pick(left.columns)} as {one}, {self.pick(left.columns)} as {other} from ({left.sql})"
        second = f"select {self.pick(right.columns)} as {other} from ({right.sql})"
        return Made(f"{first} union all by name {second}", (one, other))

    def _minus(self, depth: int) -> Made:
        left, right = self.query(depth), self.query(0)
        how = self.pick(("except", "intersect", "except all"))
        one = self.name("c")
        return Made(
            f"select {self.pick(left.columns)} as {one} from ({left.sql}) {how} "
            f"select {self.pick(right.columns)} from ({right.sql})",
            (one,),
        )

    def _distinct(self, depth: int) -> Made:
        inner, alias = self.query(depth), self.name("q")
        listed, names = self._values(self._of(alias, inner))
        return Made(f"select distinct {listed} from ({inner.sql}) {alias}", names)

    def _cte(self, depth: int) -> Made:
        inner, cte, one, other = self.query(depth), self.name("w"), self.name("q"), self.name("q")
        key = self.pick(inner.columns)
        listed, names = self._values([*self._of(one, inner), *self._of(other, inner)])
        return Made(
            f"with {cte} as ({inner.sql}) select {listed} from {cte} {one} "
            f"join {cte} {other} on {one}.{key} = {other}.{key}",
            names,
        )

    def _lateral(self, depth: int) -> Made:
        inner, alias, other = self.query(depth), self.name("q"), self.name("q")
        new = self.name("c")
        given = self.pick(self._of(alias, inner))
        return Made(
            f"select {alias}.*, {other}.{new} from ({inner.sql}) {alias}, "
            f"lateral (select max(a) as {new} from t where t.b = {given}) {other}",
            (*inner.columns, new),
        )

    def _unnest(self, depth: int) -> Made:
        inner, alias, new = self.query(depth), self.name("q"), self.name("c")
        columns = self._of(alias, inner)
        listed = f"[{self.pick(columns)}, {self.pick(columns)}]"
        kept = self.pick(inner.columns)
        if self._draw(st.booleans()):
            return Made(f"select {kept}, unnest({listed}) as {new} from ({inner.sql}) {alias}", (kept, new))
        other = self.name("q")
        return Made(
            f"select {alias}.{kept}, {other}.{new} from ({inner.sql}) {alias}, unnest({listed}) as {other}({new})",
            (kept, new),
        )

    def _struct(self, depth: int) -> Made:
        inner, alias, one = self.query(depth), self.name("q"), self.name("c")
        columns = self._of(alias, inner)
        packed = f"select {{'p': {self.pick(columns)}, 'q': {self.value(columns)}}} as s from ({inner.sql}) {alias}"
        return Made(f"select s.{self.pick('pq')} as {one} from ({packed})", (one,))

    def _star(self, depth: int) -> Made:
        inner, alias, new = self.query(depth), self.name("q"), self.name("c")
        dropped = self.pick(inner.columns)
        if len(inner.columns) > 1 and self._draw(st.booleans()):
            kept = tuple(c for c in inner.columns if c != dropped)
            return Made(f"select * exclude ({dropped}) from ({inner.sql}) {alias}", kept)
        replaced = self.value([f"{alias}.{c}" for c in inner.columns])
        return Made(
            f"select * replace ({replaced} as {dropped}), 1 as {new} from ({inner.sql}) {alias}", (*inner.columns, new)
        )

    def _pivot(self, depth: int) -> Made:
        inner = self.query(depth)
        on, of = self.pick(inner.columns), self.pick(inner.columns)
        flat = f"select {on} as p, {of} as v, {self.pick(inner.columns)} as g from ({inner.sql})"
        one, other, key = (self.name("c") for _ in range(3))
        pivoted = f"select * from ({flat}) pivot (sum(v) for p in (1 as x, 2 as y) group by g)"
        return Made(f"select g as {key}, x::bigint as {one}, y::bigint as {other} from ({pivoted})", (key, one, other))

    def _unpivot(self, depth: int) -> Made:
        inner, value, label = self.query(depth), self.name("c"), self.name("c")
        one, other = self.pick(inner.columns), self.pick(inner.columns)
        flat = f"select {one}::bigint as x, {other}::bigint as y from ({inner.sql})"
        return Made(
            f"select v as {value}, length(k) as {label} from ({flat}) unpivot (v for k in (x, y))", (value, label)
        )

    def _recursive(self, depth: int) -> Made:
        inner, cte, one, step = self.query(depth), self.name("w"), self.name("c"), self.name("c")
        start = f"select {self.pick(inner.columns)}::bigint as {one}, 0::bigint as {step} from ({inner.sql})"
        again = f"select u.c::bigint, {cte}.{step} + 1 from {cte} join u on u.d = {cte}.{one} where {cte}.{step} < 2"
        return Made(f"with recursive {cte} as ({start} union {again}) select {one}, {step} from {cte}", (one, step))

    @staticmethod
    def _of(alias: str, made: Made) -> list[str]:
        return [f"{alias}.{column}" for column in made.columns]


@st.composite
def queries(draw: st.DrawFn) -> str:
    """One query of up to four layers."""
    return _Writer(draw).query(draw(st.integers(1, 4))).sql
