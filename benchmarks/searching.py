"""How well search finds what people mean, and how long it takes.

    python benchmarks/searching.py [--entries N] [--sizes N N] [--write]

The judged set (`search/judged.txt`) is asked of a catalog of 50,000 entries (`search/company.py`): mean reciprocal rank
of what is meant, and nDCG at 10, by kind of search. Speed is measured on a vocabulary in which most words stand in many
places (`catalogue.py`), of 100,000 and 1,000,000 entries, in a file that is read through SQLite. `--write` puts the
figures into RESULTS-search.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from catalogue import _ENDS, _QUALITIES, _THINGS, generate
from search.company import Judged, glossary, judged, publish
from targets import told

from weft.api.platform import open_platform
from weft.catalog.index import opened
from weft.catalog.search import found_in
from weft.catalog.terms import synonyms_of

HERE = Path(__file__).parent
LIMITS_MS = {100_000: 30.0, 1_000_000: 120.0}
_FIRST = 10
_OF_A_PRODUCT = 32
"""Entries that a product of `catalogue.py` with 30 columns makes."""

Find = Callable[[str], Sequence[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=50_000)
    parser.add_argument("--sizes", type=int, nargs="*", default=list(LIMITS_MS))
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    lines = quality(asked.entries)
    for size in asked.sizes:
        lines += speed(size)
    print("\n".join(lines))
    if asked.write:
        head = f"# Results of search\n\nMeasured by `benchmarks/searching.py` on {dt.date.today()}.\n"
        (HERE / "RESULTS-search.md").write_text("\n".join([head, *lines, ""]), encoding="utf-8")


def quality(entries: int) -> list[str]:
    """The judged set over a catalog of that size, as a table."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "weft.toml").write_text('[mesh]\nname = "company"\n')
        platform = open_platform(root)
        try:
            made = publish(platform.rooms.production, entries)
            synonyms = synonyms_of(glossary())
            with opened(root / "index.db", platform.rooms.production) as connection:

                def find(words: str) -> list[str]:
                    found = found_in(connection, words, limit=_FIRST, synonyms=synonyms).results
                    return [unpinned(hit.address) for hit in found]

                return table(judged(), find, f"{made:,} entries")
        finally:
            platform.close()


def table(every: Sequence[Judged], find: Find, of: str) -> list[str]:
    """What is meant first and what is good among the first ten, by kind of search."""
    scored = [(one, reciprocal_rank(one, find(one.words)), gain(one, find(one.words))) for one in every]
    lines = [
        f"## {len(every)} judged searches over {of}",
        "",
        "| what is typed | searches | MRR | nDCG@10 |",
        "|---|---|---|---|",
    ]
    for kind in dict.fromkeys(one.kind for one in every):
        mine = [(rank, good) for one, rank, good in scored if one.kind == kind]
        lines.append(f"| {kind} | {len(mine)} | {_mean(r for r, _ in mine):.3f} | {_mean(g for _, g in mine):.3f} |")
    all_ranks, all_gains = [r for _, r, _ in scored], [g for _, _, g in scored]
    lines += [f"| **all** | {len(every)} | **{_mean(all_ranks):.3f}** | **{_mean(all_gains):.3f}** |", ""]
    return lines


def reciprocal_rank(one: Judged, found: Sequence[str]) -> float:
    """1 over the place of the first that is meant; 0 where none is among the first ten."""
    return next((1 / place for place, address in enumerate(found, 1) if one.grades.get(address) == 3), 0.0)


def gain(one: Judged, found: Sequence[str]) -> float:
    """Discounted gain of the first ten against that of the best order (nDCG, with 2^grade - 1)."""

    def summed(grades: Sequence[int]) -> float:
        return sum((2**grade - 1) / math.log2(place + 1) for place, grade in enumerate(grades, 1))

    best = sorted(one.grades.values(), reverse=True)[:_FIRST]
    return summed([one.grades.get(address, 0) for address in found[:_FIRST]]) / summed(best)


def speed(entries: int) -> list[str]:
    """How long searches take in a catalog of that size."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        generate(root, entries // _OF_A_PRODUCT, _OF_A_PRODUCT - 2)
        platform = open_platform(root)
        try:
            began = time.process_time()
            with opened(root / "index.db", platform.rooms.production) as connection:
                indexed = time.process_time() - began
                rows = connection.execute("SELECT count(*) FROM entry").fetchone()[0]
                dice, times, spent = random.Random(3), [], []
                for words in [_words(dice) for _ in range(50)] + [_words(dice) for _ in range(400)]:
                    began, began_cpu = time.perf_counter(), time.process_time()
                    found_in(connection, words)
                    times.append((time.perf_counter() - began) * 1000)
                    spent.append((time.process_time() - began_cpu) * 1000)
        finally:
            platform.close()
    times, spent = sorted(times[50:]), sorted(spent[50:])
    p95, p95_cpu = (every[int(len(every) * 0.95)] for every in (times, spent))
    limit = LIMITS_MS.get(entries)
    promised = ""
    if limit is not None:
        promised = f", at most {limit:.0f}: {told(f'search in {rows:,} entries: p95', p95, limit, 'ms').verdict}"
    return [
        f"{rows:,} entries, indexed in {indexed:.0f} s of CPU: a search takes {statistics.median(times):.1f} ms in the "
        f"middle and {p95:.1f} ms at the 95th percentile{promised}; of CPU {statistics.median(spent):.1f} and "
        f"{p95_cpu:.1f} ms.",
        "",
    ]


def _words(dice: random.Random) -> str:
    """What somebody types: a word, two or three, one of them cut short or mistyped now and then."""
    words = [dice.choice(_THINGS), *dice.sample(_QUALITIES + _ENDS, dice.randint(0, 2))]
    dice.shuffle(words)
    last = words[-1]
    match dice.randint(0, 4):
        case 0:
            words[-1] = last[: max(2, len(last) // 2)]
        case 1 if len(last) > 4:
            at = dice.randrange(1, len(last) - 2)
            words[-1] = last[:at] + last[at + 1] + last[at] + last[at + 2 :]
    return " ".join(words)


def unpinned(address: str) -> str:
    """An address without its major.

    >>> unpinned("sales.orders.orders@1.net_amount")
    'sales.orders.orders.net_amount'
    """
    head, at, rest = address.partition("@")
    return head + rest.lstrip("0123456789") if at else head


def _mean(values: object) -> float:
    return statistics.fmean(values)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
