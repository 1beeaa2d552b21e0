"""What each page of the portal costs a server with a company's catalog.

    python benchmarks/portal.py [--folder FOLDER] [--products N] [--times N] [--write] [--only PATH]

Makes a registry of `catalogue.py` unless FOLDER has one, asks the standard policies of it once, starts `weft serve` on
it in a process of its own, and asks every page with a path of its own several times, each time of another product where
it is one of a product, for an owner of a domain or for an operator who leads governance. Prints CPU milliseconds of the
server for each page, beside those of whole requests on loopback, and how large it is; the 95th percentile of CPU is
held against 60. `--write` puts
the figures into RESULTS-portal.md. A page that no line of `PAGES` asks is an error.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from catalogue import generate
from run import compile_all
from server import Server, quantile
from targets import told

from weft.access.permissions import Role
from weft.api.governance.scans import scan
from weft.api.platform import Platform, open_platform
from weft.api.portal import ports as port_pages
from weft.api.portal import products as product_pages
from weft.project.standard_set import add_standard_set
from weft.server.portal.routes import ROUTERS

LIMIT_MS = 60.0
OPERATOR = "opal.operator"
HERE = Path(__file__).parent

PAGES: tuple[tuple[str, str], ...] = (
    ("/", "owner"),
    ("/", "operator"),
    ("/search", "owner"),
    ("/search?q={thing}", "owner"),
    ("/search?q={name}", "owner"),
    ("/search?q={thing}&domain={domain}&kind=column", "owner"),
    ("/palette?q={thing}", "owner"),
    ("/products", "owner"),
    ("/products?tag={thing}", "owner"),
    ("/domains/{domain}", "owner"),
    ("/teams/Team {domain}", "owner"),
    ("/people/{domain}_owner", "owner"),
    ("/people/{me}", "owner"),
    ("/tags/{thing}", "owner"),
    ("/glossary", "owner"),
    ("/glossary/nothing", "owner"),
    *((f"/products/{{domain}}/{{name}}?tab={tab}", "owner") for tab in product_pages.TABS),
    *((f"/ports/{{domain}}/{{name}}/{{port}}?tab={tab}", "owner") for tab in port_pages.TABS if tab != "sample"),
    ("/lineage", "owner"),
    ("/lineage?node={domain}.{name}", "owner"),
    ("/lineage?node={domain}.{name}&depth=2&lens=quality", "owner"),
    ("/lineage?node={domain}.{name}&view=impact", "owner"),
    ("/lineage/openlineage?node={domain}.{name}", "owner"),
    ("/lineage/names?node={thing}", "owner"),
    ("/workbench", "owner"),
    ("/workbench/tables?q={thing}", "owner"),
    ("/workbench/table?address={domain}.{name}.{port}", "owner"),
    ("/workbench/names?begun={domain}.", "owner"),
    ("/access", "owner"),
    ("/access/inbox", "owner"),
    ("/access/inbox", "operator"),
    ("/access/readers", "owner"),
    ("/access/readers", "operator"),
    ("/access/review", "owner"),
    ("/access/review", "operator"),
    ("/access/request?port={domain}.{name}.{port}", "owner"),
    ("/access/requests/a-unknown", "owner"),
    ("/runs", "owner"),
    ("/runs", "operator"),
    ("/runs?hours=24&until=2026-01-05T00:00:00Z", "operator"),
    ("/runs?hours=720&until=2026-01-20T00:00:00Z", "operator"),
    ("/runs/{run}", "owner"),
    ("/runs/{run}/log", "operator"),
    ("/backfills/nothing", "owner"),
    ("/schedule", "owner"),
    ("/incidents", "owner"),
    ("/incidents", "operator"),
    ("/incidents/nothing", "owner"),
    ("/governance", "owner"),
    ("/governance", "operator"),
    ("/governance/violations", "owner"),
    ("/governance/violations/{violation}", "owner"),
    ("/governance/violations?domain={domain}&state=open", "owner"),
    ("/governance/violations", "operator"),
    ("/governance/violations/nothing", "owner"),
    ("/governance/approvals", "owner"),
    ("/governance/approvals/nothing", "owner"),
    ("/governance/waivers", "operator"),
    ("/governance/debt", "operator"),
    ("/governance/policies", "operator"),
    ("/governance/policies/licence-is-stated", "operator"),
    ("/governance/classification", "operator"),
    ("/governance/audit", "operator"),
    ("/governance/audit/chains", "operator"),
    ("/governance/reports", "operator"),
    ("/governance/reports?regulation=gdpr", "operator"),
    ("/governance/reports?at=2026-06-01", "operator"),
    ("/administration", "owner"),
    ("/administration/domains", "owner"),
    ("/administration/domains", "operator"),
    ("/administration/tokens", "owner"),
    ("/administration/notices", "owner"),
    ("/administration/notices?everybody=true", "operator"),
    ("/administration/users", "operator"),
    ("/administration/connections", "operator"),
    ("/administration/health", "operator"),
    ("/feeds", "owner"),
    ("/notices", "owner"),
    ("/notices?unread=true", "owner"),
)  # fmt: skip
NOT_PAGES = {"/assets/{name}", "/feeds/catalog.jsonld", "/feeds/sitemap.xml", "/feeds/sitemap/{kind}"} | {
    "/feeds/changes.atom"
}

_VIOLATIONS = "SELECT violation_id FROM violations ORDER BY violation_id LIMIT 500"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a page costs."""

    path: str
    who: str
    status: int
    cpu_ms: tuple[float, ...]
    wall_ms: tuple[float, ...]
    packed_bytes: int

    @property
    def p95(self) -> float:
        """CPU milliseconds at the 95th percentile."""
        return quantile(list(self.cpu_ms), 0.95)


def main() -> None:
    """Runs all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "weft-bench-portal")
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    _every_page_is_asked()
    if not (asked.folder / "weft.toml").exists():
        print(f"making {asked.products:,} products in {asked.folder}")
        generate(asked.folder, asked.products, 30)
    compile_all()
    catalog, secrets = _people(asked.folder)
    with Server(asked.folder) as server:
        server.wait_until_ready()
        time.sleep(2)
        costs = []
        for path, who in PAGES:
            if path.startswith(asked.only):
                costs.append(_cost(server, path, who, secrets[who], catalog, asked.times))
                print(_line(costs[-1]), flush=True)
    by_cost = sorted(costs, key=lambda cost: cost.p95)
    for cost in by_cost[-3:]:
        told(f"CPU of the server for `{cost.path}`, p95", cost.p95, LIMIT_MS, "ms")
    missed = sum(cost.p95 > LIMIT_MS for cost in costs)
    told(f"pages of {len(costs)} that take more, with {len(catalog):,} products", missed, 0, "")
    if asked.write:
        (HERE / "RESULTS-portal.md").write_text(_report(costs, len(catalog)), encoding="utf-8")


def _every_page_is_asked() -> None:
    """Ends where a route of a page has no line.

    Raises:
        SystemExit: with the routes.
    """
    from starlette.routing import compile_path

    asked = [path.partition("?")[0].replace("{", "x").replace("}", "x") for path, _ in PAGES]
    routes = {r.path for router in ROUTERS for r in router.routes if "GET" in r.methods} - NOT_PAGES  # type: ignore[attr-defined]
    missing = [route for route in sorted(routes) if not any(compile_path(route)[0].match(path) for path in asked)]
    if missing:
        raise SystemExit(f"no line of PAGES asks {', '.join(missing)}")


def _people(folder: Path) -> tuple[list[dict[str, str]], dict[str, str]]:
    """What pages are about, and a token for each person who asks."""
    add_standard_set(folder)
    platform = open_platform(folder)
    now = dt.datetime.now(dt.UTC)
    places = []
    for address in platform.rooms.production.products():
        domain, name = address.domain, address.product
        _, thing, number = name.split("_")
        places.append({"domain": domain, "name": name, "port": f"{thing}s", "thing": thing, "run": f"run-{number}"})
    places.sort(key=lambda place: place["run"])
    if not _violations(platform):
        print("asking the standard policies of all products")
        scan(platform.rooms, platform.governance.known())
    found = _violations(platform)
    places = [{**place, "violation": found[i % len(found)]} for i, place in enumerate(places)]
    owner = f"{places[0]['domain']}_owner"
    people = {"owner": owner, "operator": OPERATOR}
    if platform.identity.users.user(OPERATOR) is None:
        roles = [Role.OPERATOR.value, Role.GOVERNANCE_LEAD.value]
        platform.identity.user_verbs.add(OPERATOR, "a password of benchmarks", roles, actor="benchmark")
    secrets = {}
    for role, name in people.items():
        _, secrets[role] = platform.identity.tokens.create(
            kind="personal",
            owner=name,
            label="pages",
            domain=None,
            actions=None,
            at=now,
            expires_at=now + dt.timedelta(days=1),
        )
    platform.close()
    return [{**place, "me": owner} for place in places], secrets


def _violations(platform: Platform) -> list[str]:
    with platform.database.reading() as registry:
        return [str(row[0]) for row in registry.rows(_VIOLATIONS)]


def _cost(server: Server, path: str, who: str, secret: str, catalog: list[dict[str, str]], times: int) -> Cost:
    dice = random.Random(path)
    headers = {"Authorization": f"Bearer {secret}", "Accept": "text/html", "Accept-Encoding": "identity"}
    cpu, wall, size, status = [], [], 0, 0
    with httpx.Client(base_url=server.url, headers=headers, timeout=120) as client:
        for number in range(times + 2):
            filled = path.format(**dice.choice(catalog))
            before, began = server.cpu_ms(), time.perf_counter()
            answer = client.get(filled)
            took, spent = (time.perf_counter() - began) * 1000, server.cpu_ms() - before
            if number >= 2:  # the first meet code and statements that nobody has asked for yet
                cpu.append(spent)
                wall.append(took)
            size, status = max(size, len(gzip.compress(answer.content, 6))), answer.status_code
    return Cost(path, who, status, tuple(cpu), tuple(wall), size)


def _line(cost: Cost) -> str:
    judged = "" if cost.p95 <= LIMIT_MS else "  MISSED"
    middle = statistics.median(cost.cpu_ms)
    walls = list(cost.wall_ms)
    return (
        f"{cost.path:62} {cost.who:9}{cost.status:4} CPU {middle:6.1f} p95 {cost.p95:6.1f}  "
        f"wall {statistics.median(walls):6.1f} p95 {quantile(walls, 0.95):6.1f}  "
        f"{cost.packed_bytes / 1000:6.1f} kB{judged}"
    )


def _report(costs: list[Cost], products: int) -> str:
    return "\n".join(_lines(costs, products)) + "\n"


def _lines(costs: list[Cost], products: int) -> Iterator[str]:
    yield "# Results of the portal's pages"
    yield ""
    yield f"Measured by `benchmarks/portal.py` on {dt.date.today()}, with {products:,} products of 30 columns."
    yield "Milliseconds of CPU of the server (all of its threads), and of whole requests on loopback; asked: at most"
    yield f"{LIMIT_MS:.0f} at the 95th percentile. `kB`: the page itself, packed, without the scripts and styles that"
    yield "it shares with all others."
    yield ""
    yield "| page | for | answer | CPU, middle | CPU, p95 | whole, middle | whole, p95 | kB | |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for cost in costs:
        walls = list(cost.wall_ms)
        figures = (statistics.median(cost.cpu_ms), cost.p95, statistics.median(walls), quantile(walls, 0.95))
        shown = " | ".join(f"{figure:.1f}" for figure in figures)
        judged = "" if cost.p95 <= LIMIT_MS else "MISSED"
        yield f"| `{cost.path}` | {cost.who} | {cost.status} | {shown} | {cost.packed_bytes / 1000:.1f} | {judged} |"


if __name__ == "__main__":
    main()
