"""`weft policy test`: policies on the rows that their tests give."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import counted


@click.command(
    "test",
    help="Run the tests that policies carry: given rows, expected violations. A policy that has none is asked of a "
    "mesh in which nothing is, so that one that cannot be asked is told.",
    epilog=examples("weft policy test", "weft policy test owner-is-named", "weft policy test --format json"),
)
@click.argument("policy", nargs=-1, metavar="[POLICY…]")
@format_option()
def test(policy: tuple[str, ...], form: str) -> int:
    from weft.api.governance.policies import policies_at_hand

    with policies_at_hand() as policies:
        report = policies.test(policy)
    if form == "json":
        print_json(report)
    else:
        for one in report["tests"]:
            if not one["passed"]:
                print_text(f"failed  {one['policy']}: {one['test']} ({one['file']}:{one['line']})")
                if one["refused"]:
                    print_text(f"        it cannot be asked: {one['refused']}")
                for subject in one["missing"]:
                    print_text(f"        expected and not found: {subject}")
                for subject in one["unexpected"]:
                    print_text(f"        found and not expected: {subject}")
        refused = {one["policy"]: one for one in report["refused"]}
        for untested in report["untested"]:
            print_text(f"no test {untested}")
            if untested in refused:
                one = refused[untested]
                print_text(f"        it cannot be asked: {one['why']} ({one['file']}:{one['line']})")
        passed = sum(one["passed"] for one in report["tests"])
        none = len(report["untested"])
        without = f"{counted(none, 'policy', 'policies')} {'has' if none == 1 else 'have'} none"
        print_text(f"{passed} of {counted(len(report['tests']), 'test')} passed, {without}")
    return 0 if report["passed"] else 1
