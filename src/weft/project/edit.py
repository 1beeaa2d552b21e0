"""Edits of a person's YAML: what is missing is added, what is written stays, comments and order included."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weft.model.document import Pointer
from weft.project.documents import dump, yaml_writer

_NAMES = ("name", "property", "id", "metric")
"""Fields by which an entry of a list is known again."""


def merged(text: str, drafted: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The text with everything of the draft that it lacked, and notes of what was added.

    >>> merged("a: 1  # mine\\n", {"a": 2, "b": 3})
    ('a: 1  # mine\\nb: 3\\n', ['added `b`'])
    """
    if not text.strip():
        return dump(drafted), ["drafted the whole document"]
    editor = yaml_writer()
    document = editor.load(text)
    notes: list[str] = []
    _fill(document, drafted, "", notes)
    if not notes:
        return text, []
    out = io.StringIO()
    editor.dump(document, out)
    return out.getvalue(), notes


def written_field(text: str, name: str, value: str) -> str:
    """The text with another value of one field of its own, everything else untouched.

    >>> written_field("id: x\\nversion: 1.0.0  # ours\\n", "version", "1.1.0")
    'id: x\\nversion: 1.1.0  # ours\\n'
    """
    found = _fields(_composed(text)).get(name)
    return _put(text, found, value) if found is not None else merged(text, {name: value})[0]


def written_port_version(text: str, contract_id: str, version: str) -> str:
    """A product's descriptor with another version of the output port that a contract promises."""
    ports = _fields(_composed(text)).get("outputPorts")
    for entry in ports.value if ports is not None else ():
        fields = _fields(entry)
        if "version" in fields and "contractId" in fields and fields["contractId"].value == contract_id:
            text = _put(text, fields["version"], version)
            break
    return text


def put_text(text: str, pointer: Pointer, value: str) -> str | None:
    """The text with another value of what stands at a place, everything else untouched; None where nothing does."""
    node = _composed(text)
    for step in pointer:
        if isinstance(step, int):
            entries = node.value if isinstance(node.value, list) else []
            node = entries[step] if step < len(entries) else None
        else:
            node = _fields(node).get(step)
        if node is None:
            return None
    return _put(text, node, value) if isinstance(node.value, str) and node.value else None


def _composed(text: str) -> Any:
    from ruamel.yaml import YAML

    return YAML(pure=True).compose(text)


def _fields(node: Any) -> dict[str, Any]:
    return {key.value: value for key, value in node.value}


def _put(text: str, node: Any, value: str) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    quote = text[start] if text[start : start + 1] in ("'", '"') else ""
    return f"{text[:start]}{quote}{value}{quote}{text[end:]}"


def write_whole(path: Path, text: str) -> None:
    """Writes a file so that nobody ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)


def _fill(document: Any, drafted: Mapping[str, Any], at: str, notes: list[str]) -> None:
    for key, value in drafted.items():
        place = f"{at}.{key}" if at else str(key)
        if key not in document or document[key] is None:
            document[key] = value
            notes.append(f"added `{place}`")
        elif isinstance(value, Mapping) and isinstance(document[key], Mapping):
            _fill(document[key], value, place, notes)
        elif isinstance(value, list) and isinstance(document[key], list):
            _fill_list(document[key], value, place, notes)


def _fill_list(entries: Any, drafted: list[Any], at: str, notes: list[str]) -> None:
    """Fills entries that are known again by name, and adds the others; plain values are a person's."""
    for value in drafted:
        if not isinstance(value, Mapping):
            continue
        known = next((e for e in entries if _same(e, value)), None)
        name = next((str(value[n]) for n in _NAMES if n in value), "")
        if known is None:
            if len(drafted) == len(entries) == 1:
                known = entries[0]
            else:
                entries.append(value)
                notes.append(f"added `{at}` `{name}`")
                continue
        _fill(known, value, f"{at}[{name}]", notes)


def _same(entry: Any, value: Mapping[str, Any]) -> bool:
    if not isinstance(entry, Mapping):
        return False
    return any(n in entry and n in value and entry[n] == value[n] for n in _NAMES)
