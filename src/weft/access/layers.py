"""Layers: what one right shows of a port once the policies are put on it, and what several show together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from weft.access.masks import ITEMS, NULL, Mask, at_least_as_mild, fitted, inside, milder, stricter
from weft.access.policies import Policies, Rule
from weft.access.principals import PrincipalKind
from weft.access.rights import Label, Reader, Right
from weft.access.row_filters import Unusable, bound
from weft.model.classification import Classification
from weft.model.document import words
from weft.model.odcs import Contract, Property
from weft.model.publication import PortState
from weft.model.type_text import TypeText, parse_type


class Reason(Struct, frozen=True):
    """Why something is as it is.

    Attributes:
        about: the column (or the field of one); empty: the port's rows.
        effect: `deny`, `mask`, `filter`, `grant`, or `inherit` where a column is held for more than it declares.
        rule: the rule's id, `default`, `lineage`, or the grant's.
        file: where it stands; empty for what stands in no file.
    """

    about: str
    effect: str
    rule: str
    file: str
    sentence: str


class Cell(Struct, frozen=True):
    """How the values of a column are shown: the mask, and the salt of the grant."""

    mask: Mask | None
    salt: str | None = None


class Layer(Struct, frozen=True):
    """What one right gives, or several that show the same rows.

    Attributes:
        cells: by column; a column that is not here is not shown.
        condition: which rows; None: all.
    """

    right: Right
    cells: Mapping[str, Cell]
    condition: str | None = None
    reasons: tuple[Reason, ...] = ()

    @property
    def shown(self) -> tuple[tuple[tuple[str, Cell], ...], str | None]:
        """Everything that bears on what is shown."""
        return tuple(sorted(self.cells.items(), key=lambda item: item[0])), self.condition


def layer_of(
    reader: Reader,
    right: Right,
    port: PortState,
    contract: Contract,
    policies: Policies,
    inherited: Mapping[str, Label] | None = None,
) -> Layer | Reason:
    """What a right shows, or the rule that denies the port.

    Args:
        inherited: what columns inherit: such a column is shown no milder than one that declares it.
    """
    labels = inherited or {}
    rules = policies.about(port.address)
    if reader.principal.kind is PrincipalKind.PRODUCT:
        # what a product makes of classified columns is classified itself: only rules that name products mean it
        rules = tuple(rule for rule in rules if rule.when.products)
    tags = _tags(contract)
    held = [r for r in rules if _holds(r, reader, right)]
    reasons = [Reason("", "grant", right.grant or "role", "", right.why)]
    for rule in held:
        if rule.effect == "deny" and not rule.of_columns:
            return _reason("", rule, f"`{reader.principal.name}` may not read `{port.address}`")
    conditions = []
    for rule in held:
        if rule.effect == "filter" and _filters(rule, contract, tags, labels):
            try:
                conditions.append(bound(rule.condition or "", reader.words))
            except Unusable as e:
                return _reason("", rule, f"its filter cannot be used: {e}")
            reasons.append(_reason("", rule, "not all rows are shown"))
    columns = _Columns(reader, right, [r for r in rules if r.effect != "filter"], policies, reasons, labels)
    cells = {}
    for column in port.columns:
        if right.columns is not None and column.name not in right.columns:
            continue
        prop = contract.table.property(column.name) if contract.objects else None
        cell = columns.cell(column.name, column.type, prop, tags)
        if cell is not None:
            cells[column.name] = cell
    condition = " AND ".join(f"({one})" for one in dict.fromkeys(conditions)) or None
    return Layer(right, cells, condition, tuple(reasons))


def united(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """What several rights show together: for each set of rows one layer, without those of which nothing is left.

    Of a column that more than one of them shows in the same rows, the milder mask is taken. A cell is never shown
    milder than one right by itself shows it.
    """
    by_rows: dict[str | None, Layer] = {}
    for layer in layers:
        known = by_rows.get(layer.condition)
        by_rows[layer.condition] = layer if known is None else _together(known, layer)
    every = by_rows.get(None)
    kept = [
        one
        for one in by_rows.values()
        if one is every or every is None or not all(_covers(every, name, cell) for name, cell in one.cells.items())
    ]
    return tuple(kept)


def _covers(every: Layer, name: str, cell: Cell) -> bool:
    shown = every.cells.get(name)
    return shown is not None and at_least_as_mild(shown.mask, cell.mask)


def _together(one: Layer, other: Layer) -> Layer:
    cells = dict(one.cells)
    for name, cell in other.cells.items():
        mine = cells.get(name)
        if mine is not None:
            mask = milder(mine.mask, cell.mask)
            # the salt of the older grant, so that another one does not move what was joined
            cell = Cell(mask, cell.salt if mask == cell.mask and mask != mine.mask else mine.salt or cell.salt)
        cells[name] = cell
    return Layer(one.right, cells, one.condition, one.reasons)


def _holds(rule: Rule, reader: Reader, right: Right, column: str | None = None) -> bool:
    if not reader.matches(rule.when, right, column=column, strictly=False):
        return False
    return rule.unless.nobody or not reader.matches(rule.unless, right, column=column, strictly=True)


def _filters(rule: Rule, contract: Contract, tags: tuple[str, ...], inherited: Mapping[str, Label]) -> bool:
    """Whether a filter that names levels or tags is about this contract: some column has or inherits them."""
    if not rule.of_columns or not contract.objects:
        return True
    return any(rule.about_column(path, level, found) for path, level, found in _all(contract, tags, inherited))


def _all(
    contract: Contract, tags: tuple[str, ...], inherited: Mapping[str, Label]
) -> Iterator[tuple[str, Classification, tuple[str, ...]]]:
    """Every column and field with its level and tags: as they are declared, and with what they inherit."""

    def below(
        prop: Property, path: str, level: Classification | None, outer: tuple[str, ...]
    ) -> Iterator[tuple[str, Classification, tuple[str, ...]]]:
        own = _level(prop, level)
        found = (*outer, *words(prop.data, "tags"))
        yield path, own, found
        for part in prop.parts:
            yield from below(part, path if part is prop.items else f"{path}.{part.name}", own, found)

    for prop in contract.table.properties:
        yield from below(prop, prop.name, None, tags)
        label = inherited.get(prop.name)
        if label is not None:
            yield prop.name, max(prop.classification, label.level), (*tags, *words(prop.data, "tags"), *label.tags)


class _Columns:
    """Puts rules on columns, and notes why."""

    def __init__(
        self,
        reader: Reader,
        right: Right,
        rules: Sequence[Rule],
        policies: Policies,
        reasons: list[Reason],
        inherited: Mapping[str, Label],
    ) -> None:
        self._reader = reader
        self._right = right
        self._rules = rules
        self._policies = policies
        self._reasons = reasons
        self._inherited = inherited

    def cell(self, name: str, type_name: str, prop: Property | None, tags: tuple[str, ...]) -> Cell | None:
        """How a column is shown; None: not at all."""
        if prop is None:  # nothing is promised of it, so nobody has said that it may be seen
            return Cell(self._part(name, name, Classification.RESTRICTED, tags)[0], self._right.salt)
        level, found = _level(prop, None), (*tags, *words(prop.data, "tags"))
        cell = self._held(prop, name, type_name, level, found)
        label = self._inherited.get(name)
        more = [tag for tag in label.tags if tag not in found] if label is not None else []
        if cell is None or label is None or (label.level <= level and not more):
            return cell
        self._reasons.append(_inherits(name, level, label, more))
        # both ways, and the stricter counts: what a column inherits never shows more of it, whatever rules say
        raised = self._held(prop, name, type_name, max(level, label.level), (*found, *more))
        return Cell(fitted(stricter(cell.mask, raised.mask), type_name), cell.salt) if raised is not None else None

    def _held(
        self, prop: Property, name: str, type_name: str, level: Classification, tags: tuple[str, ...]
    ) -> Cell | None:
        """How a column of a level, with tags, is shown; None: not at all."""
        mask, denied = self._part(name, name, level, tags)
        if denied:
            return None
        whole = self._whole(prop, name, name, (level, tags), parse_type(type_name), mask)
        return Cell(fitted(whole, type_name), self._right.salt)

    def _whole(
        self,
        prop: Property,
        name: str,
        path: str,
        held: tuple[Classification, tuple[str, ...]],
        kind: TypeText | None,
        mask: Mask | None,
    ) -> Mask | None:
        """The mask of a column or field together with those of what is in it."""
        if mask is not None and kind is not None:
            mask = fitted(mask, str(kind))
        if mask == NULL or not prop.parts:
            return mask
        parts: dict[str, Mask | None] = {}
        for part in prop.parts:
            inner_path = path if part is prop.items else f"{path}.{part.name}"
            inner_held = _level(part, held[0]), (*held[1], *words(part.data, "tags"))
            inner_type = kind.element if kind is not None and part is prop.items else kind and kind.part(part.name)
            inner, denied = (None, False)
            if part is not prop.items or inner_held != held:
                inner, denied = self._part(name, inner_path, *inner_held)
            found = NULL if denied else self._whole(part, name, inner_path, inner_held, inner_type or None, inner)
            if found is not None and part in (prop.key, prop.value):
                return NULL  # a map is shown in whole or not at all
            parts[ITEMS if part is prop.items else part.name] = found
        if kind is not None and kind.name == "STRUCT":
            known = {part.name for part in prop.parts}
            parts |= {label: NULL for label, _ in kind.parts if label not in known}
        return stricter(mask, inside(parts))

    def _part(self, name: str, path: str, level: Classification, tags: tuple[str, ...]) -> tuple[Mask | None, bool]:
        """What the rules put on a column or field by itself, and whether they deny it."""
        found: Mask | None = None
        governed = False
        for rule in self._rules:
            if not rule.about_column(path, level, tags) or (rule.effect == "deny" and not rule.of_columns):
                continue
            if rule.effect == "mask" and rule.domain is None:
                governed |= self._reader.matches(rule.when, self._right, column=name, strictly=True)
            if not _holds(rule, self._reader, self._right, name):
                continue
            if rule.effect == "deny":
                self._reasons.append(_reason(path, rule, "the column is not shown"))
                return None, True
            found = stricter(found, rule.mask)
            self._reasons.append(_reason(path, rule, f"shown as {rule.mask}"))
        return found if governed else stricter(found, self._default(name, path, level)), False

    def _default(self, name: str, path: str, level: Classification) -> Mask | None:
        default = self._policies.defaults.get(level)
        if default is None or default.mask is None or not self._right.defaults or self._right.clearance >= level:
            return None
        if default.clear_when_named and self._right.names(name):
            return None
        sentence = f"it is {level}, which is shown as {default.mask} unless a policy says otherwise"
        self._reasons.append(Reason(path, "mask", "default", self._policies.file, sentence))
        return default.mask


def _level(prop: Property, outer: Classification | None) -> Classification:
    """The level of a column, or of a field, which has at least that of what it is in."""
    if outer is None:
        return prop.classification
    return max(outer, prop.classification) if prop.data.get("classification") is not None else outer


def _inherits(name: str, level: Classification, label: Label, more: Sequence[str]) -> Reason:
    """That a column is held for more than it declares. Of what it is made is not said: the reader may not know it."""
    said = [f"{label.level} by what it is made from, and declares {level}"] if label.level > level else []
    said += [f"tagged {', '.join(more)} by what it is made from"] if more else []
    return Reason(name, "inherit", "lineage", "", f"it is {'; '.join(said)}")


def _tags(contract: Contract) -> tuple[str, ...]:
    return (*contract.tags, *(words(contract.table.data, "tags") if contract.objects else ()))


def _reason(about: str, rule: Rule, otherwise: str) -> Reason:
    return Reason(about, rule.effect, rule.rule_id, f"{rule.file}:{rule.line}", rule.sentence or otherwise)
