"""Writes the pages of docs/reference that are made from code; with --check says whether they are stale."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
sys.path.insert(0, str(ROOT / "src"))

ODCS = "https://bitol-io.github.io/open-data-contract-standard/"
NOTICE = "<!-- Made by `make docs` from the code: change it there. -->"


def cli_page() -> str:
    """Every command with its arguments, options and help."""
    from weft.cli.group import weft

    lines = [
        "# Command line",
        "",
        NOTICE,
        "",
        "How commands end: 0 done and good · 1 the answer is “no” · 2 wrong use or broken input · 3 not allowed ·",
        "4 conflict, try again · 5 the platform failed · 130 interrupted. `--format json` prints one JSON document on",
        "standard output and nothing else; progress and messages go to standard error.",
        "",
    ]
    for path, command in walk(weft):
        context = click.Context(
            command,
            info_name=path,
            help_option_names=weft.context_settings["help_option_names"],
            max_content_width=100,
            terminal_width=100,
        )
        lines += [f"{'##' if path.count(' ') < 2 else '###'} `{path}`", "", "```text"]
        lines += [line.rstrip() for line in command.get_help(context).splitlines()]
        lines += ["```", ""]
    return "\n".join(lines)


def walk(command: click.Command, path: str = "weft") -> Iterator[tuple[str, click.Command]]:
    """A command and all below it, with the words that call them."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield from walk(inner, f"{path} {name}")


def settings_page() -> str:
    """Every setting with its default, its environment twin and its meaning."""
    from weft.config import describe_connections, describe_settings

    lines = [
        "# Settings",
        "",
        NOTICE,
        "",
        "A flag wins over the environment, the environment over `weft.toml`, `weft.toml` over the default. Lists in",
        "the environment are separated by commas. Relative paths belong to the folder of `weft.toml`.",
        "",
        "| setting | default | environment | |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{key}` | `{default}` | `{twin}` | {_cell(meaning)} |"
        for key, default, twin, meaning in describe_settings()
    ]
    lines += [
        "",
        "## `[connections.NAME]`",
        "",
        "A database or a store that [sources](../how-to/declare-a-source.md) name. A secret never stands in the file:",
        'it is a reference, `{ env = "VARIABLE" }` or `{ file = "PATH" }`. The environment twin of a key is',
        "`WEFT_CONNECTIONS__NAME__KEY`.",
        "",
        "| key | kinds | |",
        "|---|---|---|",
    ]
    lines += [f"| `{key}` | {kinds} | {_cell(meaning)} |" for key, kinds, meaning in describe_connections()]
    return "\n".join([*lines, ""])


def files_page() -> str:
    """Every kind of file of ours with its fields; a contract's are the standard's own."""
    from weft.project.schema import KINDS, json_schema

    lines = ["# Files", "", NOTICE, "", "`weft schema KIND` prints the JSON schema of a kind, for editors.", ""]
    for kind in KINDS:
        lines += [f"## `{kind}`", ""]
        if kind == "contract":
            lines += [
                f"A contract follows the Open Data Contract Standard, whose fields are explained at <{ODCS}>.",
                "",
            ]
            continue
        schema = json_schema(kind)
        described = schema.get("description") or schema.get("title")
        lines += [described, ""] if described else []
        lines += ["| field | type | | |", "|---|---|---|---|"]
        for name, entry, needed in _fields(schema):
            about = _cell(entry.get("description", ""))
            lines.append(f"| `{name}` | {_cell(_type(entry))} | {'required' if needed else ''} | {about} |")
        lines.append("")
    return "\n".join(lines)


def compatibility_page() -> str:
    """Every rule by which two contracts are compared, from the examples that the tests hold to their word."""
    from weft.contracts.comparing.verdicts import GROUPS

    lines = [
        "# What a change of a contract means",
        "",
        NOTICE,
        "",
        "`weft contract diff OLD NEW` gives each difference a verdict. **breaking** withdraws or weakens a promise and",
        "needs a new major version (before 1.0.0 a minor one), **compatible** adds or strengthens one and needs a",
        "minor version, **patch** changes texts and may be published under the same version, **none** says the same in",
        "other words.",
        "",
        "*Readers* of the data rely on promises: a raised maximum may break what they built, a stricter rule does not.",
        "*Producers* have to keep them (`--view producer`): for them it is the other way round.",
        "",
    ]
    for group, examples in GROUPS.items():
        lines += [f"## {group}", "", "| change | for readers | for producers |", "|---|---|---|"]
        lines += [f"| {e.what} | {e.consumer} | {e.producer} |" for e in examples]
        lines.append("")
    lines += [
        "A column that is removed while one alike in name and type is added is told as removed, with the guess that it",
        "was renamed: only an `id` in both makes a rename certain. Nested fields are compared as columns are.",
        "",
    ]
    return "\n".join(lines)


def permissions_page() -> str:
    """Who may do what on the platform, and what each role has to do."""
    from weft.access.duties import DUTIES
    from weft.access.permissions import PERMISSIONS, Role

    lines = [
        "# Permissions",
        "",
        NOTICE,
        "",
        "Who may do what on a server. What is not in the table nobody may. A role in a domain counts in that domain",
        "alone; [Roles](../explanation/roles.md) explains where roles come from. Reading rows goes by grants, not by",
        "this table.",
        "",
        "| action | lets one | who |",
        "|---|---|---|",
    ]
    for action, line in PERMISSIONS.items():
        who = ", ".join(f"`{role.value}`" for role in Role if role in line.roles)
        if line.everybody:
            who = "everybody, also who is not known" if line.strangers else "everybody who is known"
        lines.append(f"| `{action.value}` | {_cell(line.what)} | {who} |")
    lines += [
        "",
        "A token of a domain has there what a `developer` has. A token may be limited to some of these actions; it",
        "never has more than whoever made it.",
        "",
        "## Roles",
        "",
        "What everybody may who is known is not said again.",
        "",
    ]
    for role, duty in DUTIES.items():
        may = [line.what for line in PERMISSIONS.values() if role in line.roles]
        lines += [f"### `{role.value}`", "", f"{duty.title}: a role in {duty.of}.", ""]
        lines += ["**May**", "", *(f"- {what}" for what in may), ""] if may else []
        lines += ["**Must**", "", *(f"- {what}" for what in duty.must), ""]
    return "\n".join(lines)


def queries_page() -> str:
    """What SQL of models and queries may use."""
    from weft.sql.allowed import INSTEAD, NOT_IN_QUERIES, SAMPLE_INSTEAD, names
    from weft.sql.tree import QUERIES, TABLES

    lines = [
        "# What SQL may use",
        "",
        NOTICE,
        "",
        "Models and queries are one SELECT in DuckDB's dialect, made of what stands here. Everything else is refused,",
        "also what a later version of DuckDB adds. [One door](../explanation/one-door.md) says why.",
        "",
        "Tables are addresses of ports in a query, and names of input ports and models in a model. There are joins of",
        "all kinds, subqueries, `WITH` (also recursive), `UNION`, `INTERSECT` and `EXCEPT`, `VALUES`, `PIVOT` and",
        "`UNPIVOT` with listed values, window functions, `QUALIFY`, lambdas, and lists, structs and maps.",
        "",
        f"In DuckDB's parse tree: {', '.join(f'`{kind}`' for kind in sorted((*QUERIES, *TABLES)))}.",
        "",
    ]
    kinds = {
        "scalar_functions": "Functions",
        "aggregate_functions": "Aggregates",
        "window_functions": "Window functions",
        "table_functions": "Table functions",
        "types": "Types",
    }
    for kind, title in kinds.items():
        spelled = [f"`{name}`" for name in sorted(names(kind)) if re.fullmatch(r"[a-z_][a-z0-9_ ]*", name)]
        lines += [f"## {title}", "", *_wrapped(spelled), ""]
        signs = [f"`` {name} ``" for name in sorted(names(kind)) if not re.fullmatch(r"[a-z_][a-z0-9_ ]*", name)]
        lines += ["Operators, also as functions in quotes:", "", *_wrapped(signs), ""] if signs else []
    lines += [
        "## Not in queries of others",
        "",
        "Models, and the owner of the folder on their own machine, may use these. Queries of others may not: their",
        "values have no bounds, or depend on rows that the reader does not see. Nor may they draw samples; instead:",
        f"{SAMPLE_INSTEAD}.",
        "",
        "| not | instead |",
        "|---|---|",
        *(f"| `{name}` | {_cell(instead)} |" for name, instead in NOT_IN_QUERIES.items()),
        "",
        "## Instead of what is refused",
        "",
        "| not | instead |",
        "|---|---|",
        *(f"| `{name}` | {_cell(instead)} |" for name, instead in sorted(INSTEAD.items())),
    ]
    return "\n".join([*lines, ""])


def _wrapped(words: list[str]) -> list[str]:
    kept = ", ".join(word.replace(" ", "\0") for word in words)
    lines = textwrap.wrap(kept, 118, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]


def api_page() -> str:
    """Every route of the server with its parameters and answers, and the shapes of what it answers."""
    import tempfile

    from weft.api.platform import open_platform
    from weft.server.app import create_app

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "weft.toml").write_text('[mesh]\nname = "mesh"\n', encoding="utf-8")
        platform = open_platform(folder)
        document = create_app(platform).openapi()
        platform.close()
    lines = [
        "# API of the server",
        "",
        NOTICE,
        "",
        "What [`weft serve`](../how-to/serve-the-mesh.md) answers. The whole document, for programs, is at",
        "`/api/v1/openapi.json`. A token goes into the header `Authorization: Bearer …`; pages of the server send the",
        "session's cookie instead, with `X-CSRF-Token` where something is changed. What goes wrong is answered",
        "with a `Problem` (RFC 9457), whose diagnostics are those of [errors](errors.md).",
        "",
    ]
    for tag in document["tags"]:
        lines += [f"## {tag['name'].capitalize()}", "", f"{tag['description']}.", ""]
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    lines += _operation(path, method, operation)
    lines += ["## Shapes", ""]
    for name, shape in sorted(document["components"]["schemas"].items()):
        lines += [f"### `{name}`", "", _cell(shape.get("description", "")), "", "| field | type |", "|---|---|"]
        lines += [f"| `{field}` | {_shape(entry)} |" for field, entry in shape.get("properties", {}).items()]
        lines.append("")
    return "\n".join(lines)


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"### `{method.upper()} {path}`", "", operation["description"], "")
    if operation.get("parameters"):
        yield from ("| parameter | type | |", "|---|---|---|")
        for one in operation["parameters"]:
            needed = "required" if one.get("required") else ""
            about = ", ".join(filter(None, (needed, _cell(one.get("description", "")))))
            yield f"| `{one['name']}` | {_shape(one['schema'])} | {about} |"
        yield ""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        body = _shape(content.get("schema", {})) if kind == "application/json" else f"`{kind}`"
        yield from (f"Body: {body}", "")
    for status, answer in operation["responses"].items():
        found = answer.get("content", {}).get("application/json", {}).get("schema", {})
        shape = f": {_shape(found)}" if found else ""
        yield f"- {status}{shape or ': ' + _cell(answer['description'])}"
    yield ""


def _shape(entry: Mapping[str, Any]) -> str:
    """The type of a field in short, with links to shapes."""
    if "$ref" in entry:
        name = entry["$ref"].rpartition("/")[2]
        return f"[`{name}`](#{name.lower().replace('.', '')})"
    if "anyOf" in entry:
        return " or ".join(_shape(one) for one in entry["anyOf"])
    if "prefixItems" in entry:
        return f"list of {' and '.join(_shape(one) for one in entry['prefixItems'])}"
    if entry.get("type") == "array":
        return f"list of {_shape(entry.get('items', {}))}"
    return _type(entry) or "anything"


def access_page() -> str:
    """Files of access policies with every field, the masks, and what members of a domain are shown."""
    from weft.access.masks import KINDS as MASKS
    from weft.access.rights import ROLE_READS
    from weft.project.schema import json_schema

    schema = json_schema("access")
    rule, requests = schema["$defs"]["rule"], schema["properties"]["requests"]
    lines = [
        "# Access policies",
        "",
        NOTICE,
        "",
        "`governance/access.yaml` holds for the whole mesh; files of `kind: access` in a domain's `policies` folder",
        "add rules for its own ports. What they mean together: [What a reader sees](../explanation/deciding.md).",
        "`weft schema access` prints the JSON schema, `weft check` says what is wrong.",
        "",
    ]
    parts = [
        ("A file", schema),
        ("A rule", rule),
        ("`when` and `unless`", rule["properties"]["unless"]),
        ("A level under `defaults`", schema["$defs"]["default"]),
        ("An entry of `readers`", schema["properties"]["readers"]["items"]),
        ("`requests`", requests),
    ]
    for title, part in parts:
        lines += [f"## {title}", "", "| field | |", "|---|---|"]
        lines += [f"| `{name}` | {_about(entry)} |" for name, entry in part["properties"].items()]
        lines.append("")
        if part is rule:
            lines += [
                "A rule has exactly one of `deny`, `mask` and `filter`. `when` has no `named` and no `clearance`.",
                "",
            ]
    lines += [
        "## Filters",
        "",
        "A filter is one condition in DuckDB's SQL on the columns of the port, without queries and comments. Whoever",
        "reads is `user.name` and `user.kind` (texts), `user.teams` and `user.domains` (lists), and `user.NAME` for",
        "each attribute that the mesh gives to readers: a list, empty for those who do not have it.",
        "`region IN user.region` asks whether a value is in a list.",
        "",
        "## Masks",
        "",
        "From what shows most to what shows least. A mask keeps the type of its column; what a type cannot take is",
        "`null`.",
        "",
        "| mask | shows | of |",
        "|---|---|---|",
    ]
    for name, kind in sorted(MASKS.items(), key=lambda item: item[1].rank):
        types = ", ".join(sorted(kind.types)) or "every type"
        written = "no name: made of the masks of fields" if name == "inside" else f"`{name}`"
        lines.append(f"| {written} | {_cell(kind.shows)} | {types} |")
    lines += ["", "## Members of the domain", "", "| role | is shown its domain's ports up to |", "|---|---|"]
    lines += [f"| `{role.value}` | {level} |" for role, level in ROLE_READS.items()]
    return "\n".join(
        [*lines, "", "Columns above that are masked as for everybody; a role that is not here reads no rows.", ""]
    )


def relations_page() -> str:
    """The relations that the SQL of a policy reads, one row for each column."""
    from weft.governance.relations import RELATIONS

    lines = [
        "# Relations of the mesh",
        "",
        NOTICE,
        "",
        "What the SQL of a policy can read, and nothing else: `columns` or `mesh.columns`. The SQL is SQLite's.",
        "Relations and columns may be added; none is renamed or taken away. A `boolean` is 0 or 1, a `time` is a text",
        "in ISO 8601.",
        "",
    ]
    for relation in RELATIONS:
        lines += [
            f"## `{relation.name}`",
            "",
            f"A row is {relation.meaning}." + " Known to scans: empty while an author plans." * relation.living,
            "",
            "| column | type | |",
            "|---|---|---|",
        ]
        lines += [f"| `{c.name}` | {c.type} | {_cell(c.meaning)} |" for c in relation.columns]
        lines.append("")
    return "\n".join(lines)


def policies_page() -> str:
    """Files of policies with every field, and the policies that weft ships."""
    from weft.governance.policy_files import policies_of
    from weft.project.policies import fresh, read_policies
    from weft.project.schema import json_schema
    from weft.project.standard_set import FOLDER

    schema = json_schema("policy")
    lines = [
        "# Policies",
        "",
        NOTICE,
        "",
        "`governance/policies/*.yaml` holds for the whole mesh, `policies/*.yaml` in the folder of a domain or product",
        "for that one. How to write one: [Write a policy](../how-to/write-a-policy.md); what its SQL reads:",
        "[Relations of the mesh](policy-relations.md). `weft schema policy` prints the JSON schema.",
        "",
        "## A file",
        "",
        "`id`, `title`, `kind`, `severity`, `asks` and `check` have to be there; in a file that makes another policy",
        "stricter, `tightens`.",
        "",
        "| field | |",
        "|---|---|",
    ]
    for name, entry, _ in _fields(schema):
        entry = schema["$defs"]["severity"] if name == "severity" else entry
        lines.append(f"| `{name}` | {_about(entry)} |")
    for title, part in (
        ("A parameter under `overridable`", schema["properties"]["overridable"]["additionalProperties"]),
        ("A test", schema["properties"]["tests"]["items"]),
    ):
        lines += ["", f"## {title}", "", "| field | |", "|---|---|"]
        lines += [f"| `{name}` | {_about(entry)} |" for name, entry in part["properties"].items()]
    policies = policies_of(read_policies(FOLDER / "policies", fresh(FOLDER), []), {}, {}).policies.values()
    lines += [
        "",
        "## The standard set",
        "",
        "What `weft init --governance standard` writes. Those without `plan` are asked of the living mesh alone.",
    ]
    for kind in dict.fromkeys(p.kind for p in sorted(policies, key=lambda p: p.kind)):
        lines += [
            "",
            f"### {kind.capitalize()}",
            "",
            "| id | severity | asks | serves | due in days | when | may be set below |",
            "|---|---|---|---|---|---|---|",
        ]
        for p in sorted((p for p in policies if p.kind is kind), key=lambda p: (p.severity.rank, p.id)):
            bounds = ", ".join(f"`{name}`: {bound}" for name, bound in p.overridable.items())
            serves, when = ", ".join(p.regulations), ", ".join(p.when)
            cells = (f"`{p.id}`", p.severity, _cell(p.asks), serves, str(p.due_days), when, bounds)
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _about(entry: Mapping[str, Any]) -> str:
    """What a field of a policy means, with the values that it may have."""
    branches = [entry, *entry.get("anyOf", ())]
    values = next((b["enum"] for b in branches if "enum" in b), ())
    told = _cell(entry.get("description", ""))
    if "$ref" in entry:
        told = {"mask": "A mask.", "rule": "Rules."}.get(entry["$ref"].rpartition("/")[2], told)
    listed = ", ".join(f"`{value}`" for value in values if value is not None)
    return f"{told} {listed}".strip()


PAGES: dict[str, Callable[[], str]] = {
    "access-policies.md": access_page,
    "permissions.md": permissions_page,
    "cli.md": cli_page,
    "settings.md": settings_page,
    "files.md": files_page,
    "compatibility.md": compatibility_page,
    "api.md": api_page,
    "sql.md": queries_page,
    "policy-relations.md": relations_page,
    "policies.md": policies_page,
}


def _fields(schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    required = schema.get("required", ())
    for name, entry in schema.get("properties", {}).items():
        if not isinstance(entry, Mapping):
            continue
        yield f"{prefix}{name}", entry, name in required
        # one level of sections (as in weft.toml) is shown; what is deeper stands in the schema
        if not prefix and entry.get("properties"):
            yield from _fields(entry, f"{name}.")


def _type(entry: Mapping[str, Any]) -> str:
    if "enum" in entry:
        return " or ".join(f"`{value}`" for value in entry["enum"])
    if "const" in entry:
        return f"`{entry['const']}`"
    kind = entry.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> int:
    """Writes the pages, or with --check compares them: 1 when one is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; end with 1 when a page is stale")
    check = parser.parse_args().check
    REFERENCE.mkdir(parents=True, exist_ok=True)
    stale = []
    for name, make in PAGES.items():
        page = REFERENCE / name
        text = make()
        if page.is_file() and page.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            page.write_text(text, encoding="utf-8")
    for name in stale:
        sys.stderr.write(f"docs/reference/{name} {'is stale: `make docs` writes it again' if check else 'written'}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
