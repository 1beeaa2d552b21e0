# ruff: noqa: E501
"""Tables of the shapes and sizes of TPC-H with values drawn by DuckDB, and its 22 queries.

dbgen is not used: distributions are plain, texts are short, keys fit one another. Figures of two systems over these
tables can be held against one another, but not against published results of TPC-H.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

_WORDS = "['almond','antique','aquamarine','azure','beige','bisque','black','blanched','blue','blush','brown','forest']"
_TYPES = "['ECONOMY','LARGE','MEDIUM','PROMO','SMALL','STANDARD']"
_FINISH = "['ANODIZED','BRUSHED','BURNISHED','PLATED','POLISHED']"
_METAL = "['BRASS','COPPER','NICKEL','STEEL','TIN']"
_BOX = "['SM','MED','LG','JUMBO','WRAP']"
_CASE = "['BAG','BOX','CAN','CASE','DRUM','JAR','PACK','PKG']"
_MODES = "['AIR','FOB','MAIL','RAIL','REG AIR','SHIP','TRUCK']"
_NATIONS = (
    "['ALGERIA','ARGENTINA','BRAZIL','CANADA','EGYPT','ETHIOPIA','FRANCE','GERMANY','INDIA','INDONESIA','IRAN','IRAQ',"
    "'JAPAN','JORDAN','KENYA','MOROCCO','MOZAMBIQUE','PERU','CHINA','ROMANIA','SAUDI ARABIA','VIETNAM','RUSSIA',"
    "'UNITED KINGDOM','UNITED STATES']"
)


def _one_of(words: str, number: str, salt: int) -> str:
    return f"({words})[1 + (hash({number}, {salt}) % len({words})::UBIGINT)::INTEGER]"


def _number(low: int, high: int, number: str, salt: int) -> str:
    return f"({low} + (hash({number}, {salt}) % {high - low + 1})::BIGINT)"


def tables(scale: float) -> dict[str, str]:
    """The SELECT of each table."""
    suppliers, parts, customers, orders = (int(n * scale) for n in (10_000, 200_000, 150_000, 1_500_000))
    day = "date '1992-01-01' + (hash(o, 1) % 2406)::INTEGER"
    return {
        "region": "select i::INTEGER as r_regionkey, (['AFRICA','AMERICA','ASIA','EUROPE','MIDDLE EAST'])[i + 1]"
        " as r_name from range(5) t(i)",
        "nation": f"select i::INTEGER as n_nationkey, ({_NATIONS})[i + 1] as n_name, (i % 5)::INTEGER as n_regionkey"
        " from range(25) t(i)",
        "supplier": f"""select i as s_suppkey, 'Supplier#' || i as s_name, 'street ' || i as s_address,
            {_number(0, 24, "i", 2)}::INTEGER as s_nationkey, '{{}}-' || i as s_phone,
            ({_number(-99999, 999999, "i", 3)} / 100)::DECIMAL(15, 2) as s_acctbal,
            case when i % 500 = 0 then 'Customer had Complaints' else 'goods ' || i end as s_comment
            from range(1, {suppliers + 1}) t(i)""",
        "part": f"""select i as p_partkey, {_one_of(_WORDS, "i", 4)} || ' ' || {_one_of(_WORDS, "i", 5)} as p_name,
            'Manufacturer#' || {_number(1, 5, "i", 6)} as p_mfgr,
            'Brand#' || {_number(1, 5, "i", 6)} || {_number(1, 5, "i", 7)} as p_brand,
            {_one_of(_TYPES, "i", 8)} || ' ' || {_one_of(_FINISH, "i", 9)} || ' ' || {_one_of(_METAL, "i", 10)}
            as p_type, {_number(1, 50, "i", 11)}::INTEGER as p_size,
            {_one_of(_BOX, "i", 12)} || ' ' || {_one_of(_CASE, "i", 13)} as p_container,
            (900 + i % 1000)::DECIMAL(15, 2) as p_retailprice from range(1, {parts + 1}) t(i)""",
        "partsupp": f"""select p as ps_partkey, 1 + (p * 7 + s * {suppliers // 4}) % {suppliers} as ps_suppkey,
            {_number(1, 9999, "p * 4 + s", 14)}::INTEGER as ps_availqty,
            ({_number(100, 100000, "p * 4 + s", 15)} / 100)::DECIMAL(15, 2) as ps_supplycost
            from range(1, {parts + 1}) a(p), range(4) b(s)""",
        "customer": f"""select i as c_custkey, 'Customer#' || i as c_name, 'street ' || i as c_address,
            {_number(0, 24, "i", 16)}::INTEGER as c_nationkey,
            (10 + {_number(0, 24, "i", 16)}) || '-' || {_number(100, 999, "i", 17)} || '-' || i as c_phone,
            ({_number(-99999, 999999, "i", 18)} / 100)::DECIMAL(15, 2) as c_acctbal,
            {_one_of("['AUTOMOBILE','BUILDING','FURNITURE','HOUSEHOLD','MACHINERY']", "i", 19)} as c_mktsegment,
            'comment ' || i as c_comment from range(1, {customers + 1}) t(i)""",
        "orders": f"""select o as o_orderkey, 1 + 3 * (hash(o, 20) % {customers // 3})::BIGINT as o_custkey,
            case when {day} < date '1995-06-17' then 'F' else 'O' end as o_orderstatus,
            ({_number(90000, 50000000, "o", 21)} / 100)::DECIMAL(15, 2) as o_totalprice, {day} as o_orderdate,
            {_one_of("['1-URGENT','2-HIGH','3-MEDIUM','4-NOT SPECIFIED','5-LOW']", "o", 22)} as o_orderpriority,
            'Clerk#' || o % 1000 as o_clerk, 0 as o_shippriority,
            case when o % 90 = 0 then 'special packages requests' else 'order ' || o end as o_comment
            from range(1, {orders + 1}) t(o)""",
        "lineitem": f"""select o as l_orderkey, 1 + (hash(o, n, 23) % {parts})::BIGINT as l_partkey,
            1 + ((1 + (hash(o, n, 23) % {parts})::BIGINT) * 7 + (hash(o, n) % 4)::BIGINT * {suppliers // 4})
            % {suppliers} as l_suppkey, n::INTEGER as l_linenumber,
            (1 + hash(o, n, 24) % 50)::DECIMAL(15, 2) as l_quantity,
            ((90000 + (hash(o, n, 25) % 10000000)::BIGINT) / 100)::DECIMAL(15, 2) as l_extendedprice,
            ((hash(o, n, 26) % 11)::BIGINT / 100)::DECIMAL(15, 2) as l_discount,
            ((hash(o, n, 27) % 9)::BIGINT / 100)::DECIMAL(15, 2) as l_tax,
            case when {day} < date '1995-06-17' then (['A','R'])[1 + (hash(o, n, 28) % 2)::INTEGER] else 'N' end
            as l_returnflag, case when {day} < date '1995-06-17' then 'F' else 'O' end as l_linestatus,
            {day} + 1 + (hash(o, n, 29) % 121)::INTEGER as l_shipdate,
            {day} + 30 + (hash(o, n, 30) % 61)::INTEGER as l_commitdate,
            {day} + 2 + (hash(o, n, 29) % 121)::INTEGER + (hash(o, n, 31) % 30)::INTEGER as l_receiptdate,
            {_one_of("['COLLECT COD','DELIVER IN PERSON','NONE','TAKE BACK RETURN']", "o * 8 + n", 32)}
            as l_shipinstruct, {_one_of(_MODES, "o * 8 + n", 33)} as l_shipmode
            from range(1, {orders + 1}) a(o), range(1, 8) b(n) where n <= 1 + (hash(o, 34) % 7)::BIGINT""",
    }


def generate(folder: Path, scale: float) -> dict[str, Path]:
    """The tables as Parquet files, made where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    with duckdb.connect() as made:
        for name, sql in tables(scale).items():
            file = folder / f"{name}.parquet"
            if not file.exists():
                made.execute(f"COPY ({sql}) TO '{file}.part' (FORMAT parquet, COMPRESSION zstd)")
                Path(f"{file}.part").rename(file)
            found[name] = file
    return found


QUERIES = (
    """select l_returnflag, l_linestatus, sum(l_quantity) as q, sum(l_extendedprice) as p,
    sum(l_extendedprice * (1 - l_discount)) as d, sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as c,
    avg(l_quantity) as aq, avg(l_extendedprice) as ap, avg(l_discount) as ad, count(*) as n from {lineitem}
    where l_shipdate <= date '1998-09-02' group by all order by 1, 2""",
    """select s_acctbal, s_name, n_name, p_partkey, p_mfgr, s_address, s_phone, s_comment
    from {part}, {supplier}, {partsupp}, {nation}, {region} where p_partkey = ps_partkey and s_suppkey = ps_suppkey
    and p_size = 15 and p_type like '%BRASS' and s_nationkey = n_nationkey and n_regionkey = r_regionkey
    and r_name = 'EUROPE' and ps_supplycost = (select min(ps_supplycost) from {partsupp}, {supplier}, {nation}, {region}
    where p_partkey = ps_partkey and s_suppkey = ps_suppkey and s_nationkey = n_nationkey
    and n_regionkey = r_regionkey and r_name = 'EUROPE') order by s_acctbal desc, n_name, s_name, p_partkey limit 100""",
    """select l_orderkey, sum(l_extendedprice * (1 - l_discount)) as revenue, o_orderdate, o_shippriority
    from {customer}, {orders}, {lineitem} where c_mktsegment = 'BUILDING' and c_custkey = o_custkey
    and l_orderkey = o_orderkey and o_orderdate < date '1995-03-15' and l_shipdate > date '1995-03-15'
    group by l_orderkey, o_orderdate, o_shippriority order by revenue desc, o_orderdate limit 10""",
    """select o_orderpriority, count(*) as n from {orders} where o_orderdate >= date '1993-07-01'
    and o_orderdate < date '1993-10-01' and exists (select * from {lineitem} where l_orderkey = o_orderkey
    and l_commitdate < l_receiptdate) group by 1 order by 1""",
    """select n_name, sum(l_extendedprice * (1 - l_discount)) as revenue from {customer}, {orders}, {lineitem},
    {supplier}, {nation}, {region} where c_custkey = o_custkey and l_orderkey = o_orderkey and l_suppkey = s_suppkey
    and c_nationkey = s_nationkey and s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = 'ASIA'
    and o_orderdate >= date '1994-01-01' and o_orderdate < date '1995-01-01' group by 1 order by 2 desc""",
    """select sum(l_extendedprice * l_discount) as revenue from {lineitem} where l_shipdate >= date '1994-01-01'
    and l_shipdate < date '1995-01-01' and l_discount between 0.05 and 0.07 and l_quantity < 24""",
    """select a, b, y, sum(v) as revenue from (select n1.n_name as a, n2.n_name as b, year(l_shipdate) as y,
    l_extendedprice * (1 - l_discount) as v from {supplier}, {lineitem}, {orders}, {customer}, {nation} n1, {nation} n2
    where s_suppkey = l_suppkey and o_orderkey = l_orderkey and c_custkey = o_custkey and s_nationkey = n1.n_nationkey
    and c_nationkey = n2.n_nationkey and ((n1.n_name = 'FRANCE' and n2.n_name = 'GERMANY')
    or (n1.n_name = 'GERMANY' and n2.n_name = 'FRANCE')) and l_shipdate between date '1995-01-01'
    and date '1996-12-31') group by all order by all""",
    """select y, sum(case when nation = 'BRAZIL' then v else 0 end) / sum(v) as share from (select year(o_orderdate) as y,
    l_extendedprice * (1 - l_discount) as v, n2.n_name as nation from {part}, {supplier}, {lineitem}, {orders},
    {customer}, {nation} n1, {nation} n2, {region} where p_partkey = l_partkey and s_suppkey = l_suppkey
    and l_orderkey = o_orderkey and o_custkey = c_custkey and c_nationkey = n1.n_nationkey
    and n1.n_regionkey = r_regionkey and r_name = 'AMERICA' and s_nationkey = n2.n_nationkey
    and o_orderdate between date '1995-01-01' and date '1996-12-31' and p_type = 'ECONOMY ANODIZED STEEL')
    group by y order by y""",
    """select n_name, year(o_orderdate) as y, sum(l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity) as p
    from {part}, {supplier}, {lineitem}, {partsupp}, {orders}, {nation} where s_suppkey = l_suppkey
    and ps_suppkey = l_suppkey and ps_partkey = l_partkey and p_partkey = l_partkey and o_orderkey = l_orderkey
    and s_nationkey = n_nationkey and p_name like '%black%' group by all order by 1, 2 desc""",
    """select c_custkey, c_name, sum(l_extendedprice * (1 - l_discount)) as revenue, c_acctbal, n_name, c_address,
    c_phone, c_comment from {customer}, {orders}, {lineitem}, {nation} where c_custkey = o_custkey
    and l_orderkey = o_orderkey and o_orderdate >= date '1993-10-01' and o_orderdate < date '1994-01-01'
    and l_returnflag = 'R' and c_nationkey = n_nationkey group by all order by revenue desc limit 20""",
    """select ps_partkey, sum(ps_supplycost * ps_availqty) as v from {partsupp}, {supplier}, {nation}
    where ps_suppkey = s_suppkey and s_nationkey = n_nationkey and n_name = 'GERMANY' group by 1
    having sum(ps_supplycost * ps_availqty) > (select sum(ps_supplycost * ps_availqty) * 0.0001 from {partsupp},
    {supplier}, {nation} where ps_suppkey = s_suppkey and s_nationkey = n_nationkey and n_name = 'GERMANY')
    order by v desc""",
    """select l_shipmode, sum(case when o_orderpriority in ('1-URGENT', '2-HIGH') then 1 else 0 end) as high,
    sum(case when o_orderpriority not in ('1-URGENT', '2-HIGH') then 1 else 0 end) as low from {orders}, {lineitem}
    where o_orderkey = l_orderkey and l_shipmode in ('MAIL', 'SHIP') and l_commitdate < l_receiptdate
    and l_shipdate < l_commitdate and l_receiptdate >= date '1994-01-01' and l_receiptdate < date '1995-01-01'
    group by 1 order by 1""",
    """select n, count(*) as d from (select c_custkey, count(o_orderkey) as n from {customer} left join {orders}
    on c_custkey = o_custkey and o_comment not like '%special%requests%' group by 1) group by n order by d desc, n desc""",
    """select 100.00 * sum(case when p_type like 'PROMO%' then l_extendedprice * (1 - l_discount) else 0 end)
    / sum(l_extendedprice * (1 - l_discount)) as promo from {lineitem}, {part} where l_partkey = p_partkey
    and l_shipdate >= date '1995-09-01' and l_shipdate < date '1995-10-01'""",
    """with revenue as (select l_suppkey as s, sum(l_extendedprice * (1 - l_discount)) as t from {lineitem}
    where l_shipdate >= date '1996-01-01' and l_shipdate < date '1996-04-01' group by 1) select s_suppkey, s_name,
    s_address, s_phone, t from {supplier}, revenue where s_suppkey = s and t = (select max(t) from revenue) order by 1""",
    """select p_brand, p_type, p_size, count(distinct ps_suppkey) as n from {partsupp}, {part}
    where p_partkey = ps_partkey and p_brand <> 'Brand#45' and p_type not like 'MEDIUM POLISHED%'
    and p_size in (49, 14, 23, 45, 19, 3, 36, 9) and ps_suppkey not in (select s_suppkey from {supplier}
    where s_comment like '%Customer%Complaints%') group by all order by n desc, 1, 2, 3""",
    """select sum(l_extendedprice) / 7.0 as y from {lineitem}, {part} where p_partkey = l_partkey
    and p_brand = 'Brand#23' and p_container = 'MED BOX' and l_quantity < (select 0.2 * avg(l_quantity)
    from {lineitem} where l_partkey = p_partkey)""",
    """select c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice, sum(l_quantity) as q from {customer}, {orders},
    {lineitem} where o_orderkey in (select l_orderkey from {lineitem} group by 1 having sum(l_quantity) > 280)
    and c_custkey = o_custkey and o_orderkey = l_orderkey group by all order by o_totalprice desc, o_orderdate
    limit 100""",
    """select sum(l_extendedprice * (1 - l_discount)) as r from {lineitem}, {part} where p_partkey = l_partkey
    and l_shipmode in ('AIR', 'REG AIR') and l_shipinstruct = 'DELIVER IN PERSON' and ((p_brand = 'Brand#12'
    and p_container like 'SM%' and l_quantity between 1 and 11 and p_size between 1 and 5) or (p_brand = 'Brand#23'
    and p_container like 'MED%' and l_quantity between 10 and 20 and p_size between 1 and 10) or (p_brand = 'Brand#34'
    and p_container like 'LG%' and l_quantity between 20 and 30 and p_size between 1 and 15))""",
    """select s_name, s_address from {supplier}, {nation} where s_suppkey in (select ps_suppkey from {partsupp}
    where ps_partkey in (select p_partkey from {part} where p_name like 'forest%') and ps_availqty >
    (select 0.5 * sum(l_quantity) from {lineitem} where l_partkey = ps_partkey and l_suppkey = ps_suppkey
    and l_shipdate >= date '1994-01-01' and l_shipdate < date '1995-01-01')) and s_nationkey = n_nationkey
    and n_name = 'CANADA' order by s_name""",
    """select s_name, count(*) as n from {supplier}, {lineitem} l1, {orders}, {nation} where s_suppkey = l1.l_suppkey
    and o_orderkey = l1.l_orderkey and o_orderstatus = 'F' and l1.l_receiptdate > l1.l_commitdate and exists
    (select * from {lineitem} l2 where l2.l_orderkey = l1.l_orderkey and l2.l_suppkey <> l1.l_suppkey) and not exists
    (select * from {lineitem} l3 where l3.l_orderkey = l1.l_orderkey and l3.l_suppkey <> l1.l_suppkey
    and l3.l_receiptdate > l3.l_commitdate) and s_nationkey = n_nationkey and n_name = 'SAUDI ARABIA' group by 1
    order by n desc, 1 limit 100""",
    """select code, count(*) as n, sum(bal) as t from (select substring(c_phone, 1, 2) as code, c_acctbal as bal
    from {customer} where substring(c_phone, 1, 2) in ('13', '31', '23', '29', '30', '18', '17') and c_acctbal >
    (select avg(c_acctbal) from {customer} where c_acctbal > 0.00 and substring(c_phone, 1, 2) in ('13', '31', '23',
    '29', '30', '18', '17')) and not exists (select * from {orders} where o_custkey = c_custkey)) group by 1 order by 1""",
)
"""The 22 queries, with the tables in braces."""
