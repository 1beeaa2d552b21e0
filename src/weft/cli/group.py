"""The command `weft` and its verbs, each imported only when it runs or its help is shown."""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path

import click

from weft import __version__

COMMANDS: dict[str, str] = {
    "demo": "Build the example mesh on real data and show what weft does.",
    "init": "Make a new mesh.",
    "new": "Add a domain or a data product to the mesh.",
    "doctor": "Say what is missing or wrong on this machine and in this mesh.",
    "schema": "Print the JSON schema of a kind of file, for editors.",
    "preview": "Run a model, or one of its CTEs, on a sample.",
    "check": "Say everything that can be said from the files alone.",
    "test": "Run the unit tests of models.",
    "plan": "Show what apply would do.",
    "apply": "Build, verify and publish what changed.",
    "env": "List and drop environments.",
    "diff-data": "Compare a port's rows in an environment with those in production.",
    "contract": "Draft, compare, check, import and export contracts.",
    "default": "Move the default major of a port.",
    "verify": "Check data against a contract.",
    "query": "Read published data with SQL.",
    "queries": "List saved queries, show one, or drop one of yours.",
    "search": "Find domains, products, ports and columns.",
    "show": "Show a domain, a product or a port.",
    "lineage": "Show what a port or column is made from, and what is made from it.",
    "classify": "Show which level and tags columns declare, inherit from what they are made from, and should have.",
    "history": "List the snapshots of a port.",
    "policy": "List, test and try policies, and show which hold for an address.",
    "violations": "List what violates policies, and show one with its history.",
    "waiver": "Let a subject off a policy for a while, list who is let off, and end it.",
    "governance": "Accept what violates policies now as known debt, which may only shrink.",
    "approvals": "List publications that a policy wants somebody to agree to, and decide on them.",
    "access": "Ask to read ports, decide on requests, and see who reads what and why.",
    "quarantine": "Show the rows that were left out of a port, with the rules that they break.",
    "rollback": "Make an earlier snapshot the current one, or release a rollback.",
    "runs": "List what ran.",
    "run": "Show one run with its checks, or with --log what it told on its worker.",
    "incidents": "List what is wrong, show one incident, and note who looks after it.",
    "usage": "Show what products cost: processor time, bytes and rows, day by day.",
    "quota": "Show what a domain may keep and what it keeps; operators give it other bounds.",
    "glossary": "List the terms that columns share, show one, and suggest which columns mean them.",
    "compliance": "Report which share of what policies ask is kept, today or on any day before.",
    "audit": "Show who has read what, and verify that the record of it was not changed.",
    "subscribe": "Have somebody told of what happens to a domain, product or port; `*` is everything.",
    "subscriptions": "List your subscriptions, and what owners are spared.",
    "unsubscribe": "End a subscription; what waits for it is not sent any more.",
    "mute": "Spare the owners of a domain what they are told without asking; their own subscriptions stay.",
    "deliveries": "List messages, newest first, or send one again that was given up.",
    "notices": "Watch, tell and deliver where no worker runs.",
    "schedule": "List, start, pause and resume what is applied by itself.",
    "jobs": "List what waits, runs and ran on workers.",
    "cancel": "End a job, or a backfill with all its pieces.",
    "backfill": "Compute a stretch of time of a product again, piece by piece, on workers.",
    "worker": "Run jobs: apply products when they are due.",
    "db": "Upgrade, back up and restore the registry.",
    "mcp": "Answer an AI assistant over standard input and output (Model Context Protocol).",
    "serve": "Serve the mesh to a company: registry and API over HTTP.",
    "user": "Make and change local users, on the server's machine.",
    "login": "Sign in to a server.",
    "logout": "Sign out of a server: its token is revoked and forgotten.",
    "workspace": "Keep tables of your own on a server for a while, and join them with what you may read.",
    "token": "Make, list and revoke tokens of a server.",
    "completion": "Print the script that completes commands in your shell.",
}
"""Every verb with the first line of its help. A test holds it equal to what the commands themselves say."""


class LazyGroup(click.Group):
    """A group that lists its commands from `COMMANDS` and imports only the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"weft.cli.commands.{cmd_name.replace('-', '_')}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of verbs, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name; an unknown one is answered with the nearest."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from weft.errors import UsageError, did_you_mean, error

            raise UsageError(
                error(
                    "WFT-CLI-001",
                    f"there is no command `{args[0]}`",
                    fix=did_you_mean(args[0], COMMANDS, otherwise="`weft --help` lists the commands"),
                )
            )
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="The mesh is the nearest folder upward that holds a weft.toml. `weft COMMAND --help` shows examples.",
    no_args_is_help=True,
)
@click.option(
    "-C",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Work in DIR instead of the current folder; other paths are then relative to it.",
)
@click.version_option(__version__, message="weft %(version)s")
@click.pass_context
def weft(context: click.Context, /, folder: Path | None) -> None:
    """A data mesh in files: declare data products, build, verify, publish and read them."""
    if folder is not None:
        if not folder.is_dir():
            raise click.BadParameter(f"there is no folder {folder}", context, param_hint="-C")
        context.with_resource(contextlib.chdir(folder))
