"""Where a contract and the columns of a model differ."""

from __future__ import annotations

from tests.unit.contracts.support import a_contract, col, custom
from weft.contracts.agreement import agree
from weft.errors import Severity
from weft.model.column import Column


def test_a_renamed_column_is_missing_and_extra_and_the_hint_says_so() -> None:
    contract = a_contract(col("tail_number", "string"), col("year", "integer"))

    found = agree(contract, [Column("tailnumber", "VARCHAR"), Column("year", "BIGINT")])

    assert [d.code for d in found] == ["WFT-CON-001", "WFT-CON-002"]
    assert "`tailnumber as tail_number`" in (found[0].fix or "")
    assert found[0].where is not None and found[0].where.file == "t.odcs.yaml"


def test_another_type_names_the_cast() -> None:
    (found,) = agree(a_contract(col("n", "integer")), [Column("n", "VARCHAR")])

    assert found.code == "WFT-CON-003"
    assert "`n::BIGINT`" in (found.fix or "")


def test_extra_columns_are_an_error_a_warning_or_nothing() -> None:
    columns = [Column("n", "BIGINT"), Column("more", "DATE")]

    def severities(policy: str) -> list[Severity]:
        contract = a_contract(col("n", "integer"), customProperties=custom(extraColumns=policy))
        return [d.severity for d in agree(contract, columns)]

    assert [severities(p) for p in ("forbid", "warn", "allow")] == [[Severity.ERROR], [Severity.WARNING], []]


def test_all_disagreements_are_told_at_once() -> None:
    contract = a_contract(col("a", "integer"), col("b", "date"), col("c", "string"))

    found = agree(contract, [Column("c", "DATE"), Column("d", "DATE")])

    assert sorted(d.code for d in found) == ["WFT-CON-001", "WFT-CON-001", "WFT-CON-002", "WFT-CON-003"]
