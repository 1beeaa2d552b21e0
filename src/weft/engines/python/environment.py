"""What a Python model needs of the interpreter's environment, and what is there."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from weft.errors import Diagnostic, Where, error
from weft.model.mesh import Model

_EXTRAS = {"polars": "weft[polars]", "pandas": "weft[pandas]"}


def problems_of(model: Model) -> tuple[Diagnostic, ...]:
    """What a Python model needs and this environment has not."""
    code = model.python
    assert code is not None, "asked of Python models alone"
    found = [_python(model, code.requires_python)] if code.requires_python else []
    where = Where(model.file, code.place("dependencies"))
    needed, wrong = _requirements(code.dependencies, where)
    found += wrong
    for requirement in needed:
        found.append(_unfit(requirement, where))
    declared = {canonicalize_name(r.name) for r in needed}
    for package in sorted({form.package for form in code.forms.values()} - declared):
        if _version(package) is None:
            what = f"model `{model.name}` is given data frames of `{package}`, which is not installed"
            fix = f"`pip install '{_EXTRAS.get(package, package)}'`"
            found.append(error("WFT-PYM-006", what, Where(model.file, code.line), fix=fix))
    return tuple(d for d in found if d is not None)


def digest_of(models: Iterable[Model]) -> str | None:
    """Hash of the interpreter and of the packages that Python models name; None when none is in Python."""
    codes = [m.python for m in models if m.python is not None]
    if not codes:
        return None
    names = {form.package for code in codes for form in code.forms.values()}
    for code in codes:
        names |= {canonicalize_name(r.name) for r in _requirements(code.dependencies, None)[0]}
    versions = {name: _version(name) for name in sorted(names)}
    parts = [platform.python_implementation(), platform.python_version(), versions]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _requirements(texts: Iterable[str], where: Where | None) -> tuple[list[Requirement], list[Diagnostic]]:
    """Requirements that matter on this system, and texts that are none."""
    found, problems = [], []
    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            what, fix = f"`{text}` is no requirement", 'write it like "scikit-learn>=1.5"'
            problems.append(error("WFT-PYM-005", what, where, fix=fix))
            continue
        if requirement.marker is None or requirement.marker.evaluate():
            found.append(requirement)
    return found, problems


def _python(model: Model, specifier: str) -> Diagnostic | None:
    assert model.python is not None, "asked of Python models alone"
    where = Where(model.file, model.python.place("requires-python"))
    try:
        fits = SpecifierSet(specifier).contains(platform.python_version(), prereleases=True)
    except InvalidSpecifier:
        what = f"`requires-python = {specifier!r}` names no versions"
        return error("WFT-PYM-005", what, where, fix='write it like ">=3.11"')
    if fits:
        return None
    what = f"model `{model.name}` needs Python {specifier}, this is {platform.python_version()}"
    return error("WFT-PYM-006", what, where, fix="install weft with such a Python, or widen `requires-python`")


def _unfit(requirement: Requirement, where: Where) -> Diagnostic | None:
    installed = _version(requirement.name)
    fix = f"`pip install '{requirement}'`"
    if installed is None:
        return error("WFT-PYM-006", f"the package `{requirement.name}` is not installed", where, fix=fix)
    if requirement.url is None and not requirement.specifier.contains(installed, prereleases=True):
        what = f"the package `{requirement.name}` is installed as {installed}, needed is {requirement.specifier}"
        return error("WFT-PYM-006", what, where, fix=fix)
    return None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
