"""Where a contract and the columns of a model differ."""

from __future__ import annotations

from tests.unit.contracts.support import a_contract, col, custom
from weft.contracts.agreement import agree
from weft.errors import Severity, Where
from weft.model.column import Column


def test_a_renamed_column_is_missing_and_extra_and_the_hint_says_so() -> None:
    contract = a_contract(col("tail_number", "string"), col("year", "integer"))

    found = agree(contract, [Column("tailnumber", "VARCHAR"), Column("year", "BIGINT")])

    assert [d.code for d in found] == ["WFT-CON-001", "WFT-CON-002"]
    assert '`"tailnumber" as "tail_number"`' in (found[0].fix or "")
    assert found[0].where is not None and found[0].where.file == "t.odcs.yaml"


def test_another_type_names_the_cast() -> None:
    (found,) = agree(a_contract(col("n", "integer")), [Column("n", "VARCHAR")])

    assert found.code == "WFT-CON-003"
    assert '`"n"::BIGINT as "n"`' in (found.fix or "")


def test_what_a_model_gives_is_shown_in_the_model_and_what_it_does_not_give_in_the_contract() -> None:
    contract = a_contract(col("tail_number", "string"), col("n", "integer"), col("zzz", "date"))
    given = [Column("tailnumber", "VARCHAR"), Column("n", "VARCHAR"), Column("more", "DATE")]
    lines = {"tailnumber": 1, "n": 2, "more": 3}

    found = agree(contract, given, lambda column: Where("m.sql", lines[column]))

    shown = [(d.code, d.where.file, d.where.line) for d in found if d.where is not None]
    missing = next(d for d in found if "`zzz`" in d.what)
    assert ("WFT-CON-001", "m.sql", 1) in shown  # renamed: the column that it may have become
    assert missing.where == contract.where(("schema", 0, "properties", 2))
    assert ("WFT-CON-002", "m.sql", 3) in shown
    assert ("WFT-CON-003", "m.sql", 2) in shown
    assert [str(contract.where(("schema", 0, "properties", 1)))] == [
        d.why.partition("(")[2].rstrip(")") for d in found if d.code == "WFT-CON-003" and d.why
    ]


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
