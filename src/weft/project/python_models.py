"""Python models: one function in a file, read without running it."""

from __future__ import annotations

import ast
import hashlib
import json
from pathlib import Path

from weft.errors import Diagnostic, Where, did_you_mean, error
from weft.model.mesh import Model, Reference
from weft.model.python_code import Form, PythonCode
from weft.project.cache import Cache
from weft.project.models import ReadModel
from weft.project.python_headers import Header, read_header

_READING = "1"
"""Goes up when the same file is read as something else."""


def read_python_model(path: Path, name: str, root: Path, cache: Cache) -> ReadModel:
    """The model of a Python file. Nothing in it is run."""
    file = path.relative_to(root).as_posix()
    try:
        digest = cache.digest_of(path)
        content = path.read_bytes()
    except OSError as e:
        return ReadModel(None, (error("WFT-PRJ-001", f"`{file}` cannot be read: {e.strerror}", Where(file)),))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line, fix = content[: e.start].count(b"\n") + 1, "save it as UTF-8"
        return ReadModel(None, (error("WFT-PRJ-021", f"`{file}` is not UTF-8 text", Where(file, line), fix=fix),))
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        place = Where(file, e.lineno, e.offset) if isinstance(e, SyntaxError) and e.lineno else Where(file, 1)
        why = e.msg if isinstance(e, SyntaxError) else str(e) or "it is nested too deep"
        what = f"`{file}` is no Python that can be read"
        return ReadModel(None, (error("WFT-PYM-001", what, place, why=why),))
    problems: list[Diagnostic] = []
    header = read_header(text.replace("\r\n", "\n"), file, problems)
    function = _function(tree, name, file, problems)
    if function is None:
        return ReadModel(None, tuple(problems))
    references, forms = _arguments(function, _names(tree), file, problems)
    code = PythonCode(function.name, function.lineno, forms, header.dependencies, header.requires_python, header.places)
    settings = dict(header.settings)
    model = Model(name, file, text, 1, settings, tuple(references), _digest(tree, header), digest, python=code)
    return ReadModel(model, tuple(problems))


def _digest(tree: ast.Module, header: Header) -> str:
    """Hash of what the file means: comments and layout do not change it, a dependency does."""
    needs = [header.dependencies, header.requires_python]
    text = json.dumps([_READING, ast.dump(tree), needs])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _function(tree: ast.Module, name: str, file: str, problems: list[Diagnostic]) -> ast.FunctionDef | None:
    """The function that gives the rows: the one named like the model, else the only public one."""
    base = name.partition("@")[0]
    public: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
    }
    found = public.get(base) or (next(iter(public.values())) if len(public) == 1 else None)
    if found is None:
        listed = ", ".join(f"`{n}`" for n in public)
        what = f"which function of `{file}` gives the rows? {listed}" if public else f"`{file}` has no public function"
        second = list(public.values())[1].lineno if len(public) > 1 else 1
        problems.append(
            error(
                "WFT-PYM-002",
                what,
                Where(file, second),
                why="a Python model is one function, named like its file or the only one without `_` before its name",
                fix=f"name it `{base}`; begin the names of the others with `_`" if public else f"write `def {base}(…)`",
            )
        )
        return None
    if isinstance(found, ast.AsyncFunctionDef):
        what = f"`{found.name}` is an async function"
        problems.append(error("WFT-PYM-002", what, Where(file, found.lineno), fix="write `def` alone"))
        return None
    return found


def _arguments(
    function: ast.FunctionDef, names: dict[str, str], file: str, problems: list[Diagnostic]
) -> tuple[list[Reference], dict[str, Form]]:
    """What the function reads, with places, and as what it wants each."""
    listed = function.args
    for odd in (listed.vararg, listed.kwarg, *listed.posonlyargs):
        if odd is not None:
            what = f"argument `{odd.arg}` of `{function.name}` cannot be given by its name"
            fix = "name each input as an argument of its own, without `*` and `/`"
            problems.append(error("WFT-PYM-003", what, Where(file, odd.lineno, odd.col_offset + 1), fix=fix))
    references, forms = [], {}
    for argument in (*listed.args, *listed.kwonlyargs):
        where = Where(file, argument.lineno, argument.col_offset + 1)
        references.append(Reference(argument.arg, where))
        form = Form.ARROW
        if argument.annotation is not None:
            found = _form(argument.annotation, names)
            if found is None:
                shown = ast.unparse(argument.annotation).strip("'\"")
                problems.append(_no_form(argument.arg, shown, Where(file, argument.lineno, argument.col_offset + 1)))
            form = found or form
        forms[argument.arg] = form
    return references, forms


def _form(annotation: ast.expr, names: dict[str, str]) -> Form | None:
    """What an annotation means, by the imports of the file."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return None
    parts: list[str] = []
    node = annotation
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    full = ".".join([names.get(node.id, node.id), *parts])
    for form in Form:
        # a class may be imported from a module inside its package: `from pyarrow.lib import Table`
        if full == form.value or (full.startswith(f"{form.package}.") and full.endswith(form.value.rpartition(".")[2])):
            return form
    return None


def _no_form(name: str, shown: str, where: Where) -> Diagnostic:
    full = [str(form) for form in Form]
    short = shown.rpartition(".")[2]
    near = [f for f in full if f.endswith(f".{short}")]
    known = ", ".join(f"`{f}`" for f in full)
    return error(
        "WFT-PYM-004",
        f"argument `{name}` is annotated with `{shown}`, as which no table can be given",
        where,
        why=f"an input is given as one of {known}",
        fix=f"write `{near[0]}`, and import its package"
        if near
        else did_you_mean(shown, full, otherwise="write one of them; without annotation it is a `pyarrow.Table`"),
    )


def _names(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for, also one that is imported only for annotations."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                found[one.asname or one.name.partition(".")[0]] = one.name if one.asname else one.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                found[one.asname or one.name] = f"{node.module}.{one.name}"
    return found
