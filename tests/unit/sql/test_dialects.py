"""What contracts ask, in the words of servers; and what a SQL rule of a server may do."""

import pytest

from weft.errors import UserCodeError
from weft.sql.dialects import translated, walk_of
from weft.sql.patterns import Unsayable, pattern_for


def said(sql, dialect):
    """A query over the table `t` in the words of a server."""
    return translated(sql, dialect, {"t": "shop.t", "o": "(SELECT * FROM shop.o)"})


@pytest.mark.parametrize(
    ("sql", "postgres", "mysql"),
    [
        (
            'SELECT count_if("a" IS NULL) FROM "t"',
            'SELECT COUNT(CASE WHEN "a" IS NULL THEN 1 END) FROM shop.t AS "t"',
            "SELECT COUNT(CASE WHEN `a` IS NULL THEN 1 END) FROM shop.t AS `t`",
        ),
        (
            'SELECT sum("n") FILTER (WHERE "a" > 1) FROM "t"',
            'SELECT SUM(CASE WHEN "a" > 1 THEN "n" END) FROM shop.t AS "t"',
            "SELECT SUM(CASE WHEN `a` > 1 THEN `n` END) FROM shop.t AS `t`",
        ),
        (
            'SELECT "a" < TIMESTAMPTZ \'2026-01-01 00:00:00+00:00\' FROM "t"',
            'SELECT "a" < CAST(\'2026-01-01 00:00:00+00:00\' AS TIMESTAMPTZ) FROM shop.t AS "t"',
            "SELECT `a` < CAST('2026-01-01 00:00:00' AS DATETIME(6)) FROM shop.t AS `t`",
        ),
        (
            'SELECT count(*) FROM (SELECT "a" FROM "t")',
            'SELECT COUNT(*) FROM (SELECT "a" FROM shop.t AS "t") AS q1',
            "SELECT COUNT(*) FROM (SELECT `a` FROM shop.t AS `t`) AS q1",
        ),
        (
            'SELECT count(*) FROM (SELECT "a" AS k0 FROM "t") AS l ANTI JOIN (SELECT "b" AS k0 FROM "o") AS r'
            " ON l.k0 = r.k0",
            'SELECT COUNT(*) FROM (SELECT "a" AS k0 FROM shop.t AS "t") AS l WHERE NOT EXISTS(SELECT 1 FROM'
            ' (SELECT "b" AS k0 FROM (SELECT * FROM shop.o) AS "o") AS r WHERE l.k0 = r.k0)',
            "SELECT COUNT(*) FROM (SELECT `a` AS k0 FROM shop.t AS `t`) AS l WHERE NOT l.k0 IN (SELECT r.k0 FROM"
            " (SELECT `b` AS k0 FROM (SELECT * FROM shop.o) AS `o`) AS r WHERE NOT r.k0 IS NULL)",
        ),
    ],
)
def test_a_query_is_said_in_the_words_of_each_server(sql, postgres, mysql):
    assert said(sql, "postgres") == postgres
    assert said(sql, "mysql") == mysql


@pytest.mark.parametrize(
    ("sql", "postgres", "mysql"),
    [
        (
            """json_type(json_extract("d", '/a')) IN ('VARCHAR', 'BIGINT', 'DOUBLE')""",
            """JSONB_TYPEOF(JSONB_OBJECT_FIELD(CAST("d" AS JSONB), 'a')) IN ('string', 'number')""",
            """JSON_TYPE(JSON_EXTRACT(`d`, '$."a"')) IN ('STRING', 'INTEGER', 'DOUBLE', 'DECIMAL')""",
        ),
        (
            """(json_extract("d", '/a~1~0"b') ->> '$')""",
            """((JSONB_OBJECT_FIELD(CAST("d" AS JSONB), 'a/~"b') #>> '{}'))""",
            None,
        ),
        (
            """len(list_filter(json_keys("d"), lambda k: k IN ('a')))""",
            "(SELECT COUNT(*) FROM jsonb_object_keys(CASE WHEN JSONB_TYPEOF(CAST(\"d\" AS JSONB)) = 'object' THEN"
            " CAST(\"d\" AS JSONB) END) AS items1(k) WHERE k IN ('a'))",
            "(SELECT COUNT(*) FROM JSON_TABLE(JSON_KEYS(CASE WHEN JSON_TYPE(`d`) = 'OBJECT' THEN `d` END), '$[*]'"
            " COLUMNS(k JSON PATH '$')) AS items1 WHERE CAST(JSON_UNQUOTE(k) AS CHAR) IN ('a'))",
        ),
        (
            'TRY_CAST("t" AS TINYINT)',
            '(CASE WHEN CAST("t" AS DECIMAL) BETWEEN -128 AND 127 THEN CAST("t" AS DECIMAL) END)',
            "(CASE WHEN CAST(`t` AS DECIMAL(65, 0)) BETWEEN -128 AND 127 THEN CAST(`t` AS DECIMAL(65, 0)) END)",
        ),
    ],
)
def test_json_is_asked_in_the_words_of_each_server(sql, postgres, mysql):
    for dialect, expected in (("postgres", postgres), ("mysql", mysql)):
        if expected is not None:
            assert (
                said(f'SELECT {sql} FROM "t"', dialect).removeprefix("SELECT ").partition(" FROM shop.t")[0] == expected
            )


def test_len_is_of_arrays_and_length_of_texts_even_where_a_text_says_len():
    found = said("""SELECT count_if(len("a") > 2), count_if(length("b") > 2), 'len(x)' FROM "t\"""", "postgres")

    assert 'CARDINALITY("a")' in found.upper().replace('"A"', '"a"')
    assert 'LENGTH("b")' in found
    assert "'len(x)'" in found


@pytest.mark.parametrize(
    ("sql", "dialect", "what"),
    [
        ('SELECT struct_extract("a", \'b\') FROM "t"', "postgres", "PostgreSQL has no words for fields of an object"),
        ('SELECT len("a") FROM "t"', "mysql", "MySQL has no words for arrays"),
        (
            'SELECT json_extract("a", \'/b~1c\') FROM "t"',
            "mysql",
            "the field `b/c`, which documents spell in more than",
        ),
        ('SELECT TRY_CAST("a" AS BLOB) FROM "t"', "postgres", "values of BLOB in JSON"),
        ('SELECT list_max("a") FROM "t"', "postgres", "of arrays or objects"),
        ('SELECT hash("a") FROM "t"', "postgres", "`hash`"),
        ('SELECT 1 FROM "elsewhere"', "postgres", "the table `elsewhere`"),
        ('SELECT count_if(regexp_matches("a", \'\\\\p{L}\')) FROM "t"', "postgres", "a pattern with"),
    ],
)
def test_what_has_no_words_is_an_error_and_no_guess(sql, dialect, what):
    with pytest.raises(UserCodeError, match="WFT-SQL-013") as caught:
        said(sql.replace("\\\\", "\\"), dialect)

    assert what in caught.value.diagnostics[0].what


@pytest.mark.parametrize(
    ("pattern", "postgres", "mysql"),
    [
        (r"^\d+$", "(?:^[0-9]+$)", r"(?:^[0-9]+\z)"),
        (r"[\w.-]", r"(?:[0-9A-Za-z_.-])", r"(?:[0-9A-Za-z_.-])"),
        (r"a.b", r"(?:a[^\n]b)", r"(?:a[^\n]b)"),
        (r"(?i)a|b", r"(?i)(?:a|b)", r"(?i)(?:a|b)"),
        (r"(?<year>\d)", r"(?:([0-9]))", r"(?:([0-9]))"),
        (r"[[:digit:]]", r"(?:[0-9])", r"(?:[0-9])"),
        (r"é\/", r"(?:é/)", r"(?:é/)"),
        ("", "(?:)", "(?:)"),
    ],
)
def test_a_pattern_is_written_as_the_server_reads_it(pattern, postgres, mysql):
    assert (pattern_for(pattern, "postgres"), pattern_for(pattern, "mysql")) == (postgres, mysql)


@pytest.mark.parametrize("pattern", ["a\\", "[a", "[]", "a++", r"[\D]", r"\cA", "(?#x)", "(?im)a", r"\Qx\E"])
def test_a_pattern_that_a_server_would_read_otherwise_is_refused(pattern):
    with pytest.raises(Unsayable):
        pattern_for(pattern, "postgres")


@pytest.mark.parametrize(
    ("sql", "dialect"),
    [
        ("SELECT count(*) FROM t WHERE a ~ 'x' AND b->>'c' = 'd'", "postgres"),
        ("SELECT count(*) FROM t WHERE to_char(a, 'YYYY') IN ('x') AND a > now() - interval '1 day'", "postgres"),
        ("SELECT count(*) FILTER (WHERE a IS NULL) FROM t", "postgres"),
        ("SELECT COUNT(*) FROM `t` WHERE a REGEXP 'x' AND DATE_FORMAT(b, '%Y') = '2026'", "mysql"),
        ("WITH x AS (SELECT a FROM t) SELECT max(a) FROM x", "mysql"),
        ("SELECT COUNT(*) FROM t WHERE CAST(a AS UNSIGNED) > 3 -- as a number", "mysql"),
        ("SELECT max(a::jsonb ->> 'x') FROM t", "postgres"),
    ],
)
def test_one_select_that_computes_may_run(sql, dialect):
    assert walk_of(sql, dialect) == ()


@pytest.mark.parametrize(
    ("sql", "dialect", "code"),
    [
        ("DELETE FROM t", "postgres", "WFT-SQL-002"),
        ("SELECT 1; SELECT 2", "postgres", "WFT-SQL-002"),
        ("SELECT 1 INTO x FROM t", "postgres", "WFT-SQL-004"),
        ("SELECT a FROM t FOR UPDATE", "postgres", "WFT-SQL-004"),
        ("WITH x AS (DELETE FROM t RETURNING 1) SELECT count(*) FROM x", "postgres", "WFT-SQL-004"),
        ("SELECT count(*) FROM pg_catalog.pg_shadow", "postgres", "WFT-SQL-007"),
        ("SELECT count(*) FROM generate_series(1, 9)", "postgres", "WFT-SQL-007"),
        ("SELECT pg_sleep(1)", "postgres", "WFT-SQL-005"),
        ("SELECT \"pg_read_file\"('/etc/passwd')", "postgres", "WFT-SQL-005"),
        ("SELECT pg_catalog.pg_sleep(1)", "postgres", "WFT-SQL-005"),
        ("SELECT LOAD_FILE('/etc/passwd')", "mysql", "WFT-SQL-005"),
        ("SELECT SLEEP (1)", "mysql", "WFT-SQL-005"),
        ("SELECT @@datadir", "mysql", "WFT-SQL-004"),
        ("SELECT FROM WHERE", "mysql", "WFT-SQL-001"),
        ("SELECT 1 /*! , SLEEP(1) */", "mysql", "WFT-SQL-004"),
        ("SELECT 1 /* /* */ , SLEEP(1) -- */", "mysql", "WFT-SQL-004"),
        ("SELECT 1--SLEEP(1)", "mysql", "WFT-SQL-004"),
        ("SELECT '\\'', SLEEP(1), '\\''", "mysql", "WFT-SQL-005"),
    ],
)
def test_whatever_does_more_is_refused(sql, dialect, code):
    assert code in {problem.code for problem in walk_of(sql, dialect)}


@pytest.mark.parametrize(
    ("sql", "dialect", "refused"),
    [
        ("SELECT count(*) FROM t WHERE id NOT IN (SELECT id FROM Orders)", "postgres", []),
        ("WITH other AS (SELECT id FROM t) SELECT count(*) FROM other", "mysql", []),
        ("SELECT count(*) FROM other", "postgres", ["other"]),
        ("SELECT count(*) FROM `other`", "mysql", ["other"]),
        ("SELECT count(*) FROM t WHERE EXISTS (TABLE other)", "postgres", ["other"]),
        ("WITH other AS (SELECT * FROM other) SELECT count(*) FROM other", "postgres", ["other"]),
        ("SELECT count(*) FROM (WITH other AS (SELECT 1) TABLE other) AS x, other", "postgres", ["other"]),
        ("WITH a AS (SELECT * FROM b), b AS (SELECT 1 AS x) SELECT count(*) FROM a, b", "postgres", ["b"]),
        ("WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a WHERE n < 3) TABLE a", "postgres", []),
    ],
)
def test_a_rule_reads_no_table_that_its_contract_does_not_name(sql, dialect, refused):
    problems = walk_of(sql, dialect, ["t", "orders"])

    assert [p.code for p in problems] == ["WFT-SQL-007"] * len(refused)
    assert all(f"`{name}`" in p.what for name, p in zip(refused, problems, strict=True))


@pytest.mark.parametrize(
    ("sql", "dialect"),
    [
        ("SELECT current_user", "postgres"),
        ("SELECT session_user", "postgres"),
        ("SELECT user", "postgres"),
        ("SELECT current_schema", "postgres"),
        ("SELECT CURRENT_USER", "mysql"),
        ("SELECT CURRENT_ROLE", "mysql"),
    ],
)
def test_a_rule_does_not_learn_who_asks(sql, dialect):
    assert walk_of(sql, dialect)


def test_a_column_may_have_the_name_of_such_a_word():
    assert walk_of('SELECT count(*) FROM t WHERE t.user IS NULL AND "current_role" = 1', "postgres") == ()
    assert walk_of("SELECT count(*) FROM t WHERE user IS NULL", "mysql") == ()
