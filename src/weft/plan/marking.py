"""Text in a Markdown comment: nothing in it becomes markup, a tag or a call of somebody's name."""

from __future__ import annotations

import html
import re

_SPECIAL = re.compile(r"([\\*~\[\]#|])|(?<![^\W_])(_)|(_)(?![^\W_])")
_RUNS = re.compile(r"`+")


def code(text: str) -> str:
    """A name as code, also in a cell of a table.

    >>> print(code("a|b"), code("tick`s"))
    `a\\|b` `` tick`s ``
    """
    flat = " ".join(text.split("\n")).replace("|", "\\|")
    longest = max((len(run) for run in _RUNS.findall(flat)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {flat} {fence}" if longest else f"{fence}{flat}{fence}"


def prose(text: str) -> str:
    """A sentence, also in a cell of a table; what stands in backticks stays code.

    >>> print(prose("`a|b` of <b>@ops</b> is *gone*, see my_file"))
    `a\\|b` of &lt;b&gt;&#64;ops&lt;/b&gt; is \\*gone\\*, see my_file
    """
    parts = " ".join(text.split("\n")).split("`")
    if len(parts) % 2 == 0:
        return _plain("`".join(parts)).replace("`", "\\`")
    return "".join(f"`{part.replace('|', chr(92) + '|')}`" if i % 2 else _plain(part) for i, part in enumerate(parts))


def tagged(text: str) -> str:
    """A text between HTML tags."""
    return html.escape(" ".join(text.split("\n")), quote=False).replace("@", "&#64;")


def _plain(text: str) -> str:
    marked = _SPECIAL.sub(lambda found: f"\\{found[0]}", html.escape(text, quote=False))
    return re.sub(r"(?<!\w)@", "&#64;", marked)
