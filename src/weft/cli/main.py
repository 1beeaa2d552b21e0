"""The entrance of the command line: runs a command, turns what went wrong into diagnostics and an exit code."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from weft import __version__


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs `weft ARGUMENTS…` and exits: 0 good, 1 the answer is no, 2 to 5 see `weft.errors`, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        print(f"weft {__version__}")  # noqa: T201  answered before anything is imported
        sys.exit(0)
    from weft.cli.stopping import EXIT_INTERRUPTED, stop_when_told

    stop_when_told()
    try:
        code = run(words)
    except KeyboardInterrupt:  # before the command had begun
        code = EXIT_INTERRUPTED
    _end(code)


def _end(code: int) -> NoReturn:
    """Ends the process when all is closed and written, without taking the interpreter's objects apart one by one.

    That takes 0.1 CPU s after an apply, and a tenth of a command that reads.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # the other end of the pipe is gone
            stream.flush()
    os._exit(code)


def run(words: list[str]) -> int:
    """Runs a command line and returns its exit code; nothing escapes but a wish for a traceback."""
    # Reading commands are often one end of a pipe: `weft search x | head` must end quietly.
    try:
        code = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _run(words: list[str]) -> int:
    import gc

    import click

    from weft.cli.group import weft

    # A command ends soon: looking for cycles every 700 objects is 7 % of an apply that finds nothing to do.
    gc.set_threshold(100_000, 20, 20)

    if "_WEFT_COMPLETE" in os.environ:
        weft.main(words, prog_name="weft")
    try:
        with weft.make_context("weft", list(words)) as context:
            code = weft.invoke(context)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as e:
        return e.exit_code
    except click.exceptions.NoArgsIsHelpError as e:
        click.echo(e.format_message(), err=True)
        return 2
    except (KeyboardInterrupt, click.exceptions.Abort, EOFError):
        return _interrupted(words)
    except click.ClickException as e:
        return _misused(words, e)
    except BrokenPipeError:
        raise
    except Exception as e:  # noqa: BLE001  the entrance: a traceback is shown only to those who ask for it
        return _failure(words, e)


def _misused(words: list[str], failure: object) -> int:
    from weft.errors import UsageError, error

    return _failed(words, UsageError(error("WFT-CLI-001", _sentence(failure), fix=_help_of(failure))))


def _failure(words: list[str], failure: Exception) -> int:
    from weft.errors import PlatformError, WeftError, error, of_the_system

    if isinstance(failure, WeftError):
        return _failed(words, failure)
    if os.environ.get("WEFT_DEBUG") == "1":
        raise failure
    if isinstance(failure, OSError):
        return _failed(words, of_the_system(failure))
    return _failed(
        words,
        PlatformError(
            error(
                "WFT-CLI-003",
                # the text of an unforeseen exception may quote a row: only its type is shown
                f"weft itself failed: {type(failure).__name__}",
                why="this is a fault of weft, not of your files",
                fix="WEFT_DEBUG=1 shows the traceback, to go with a report of the fault",
            )
        ),
    )


def _failed(words: list[str], failure: object) -> int:
    from weft.cli.output import print_diagnostics, print_json
    from weft.errors import WeftError

    assert isinstance(failure, WeftError)
    if _wants_json(words):
        print_json({"diagnostics": [d.as_json() for d in failure.diagnostics]})
    else:
        print_diagnostics(failure.diagnostics)
    return failure.exit_code


def _interrupted(words: list[str]) -> int:
    from weft.cli.output import print_json, print_line
    from weft.cli.progress import published_so_far
    from weft.cli.stopping import EXIT_INTERRUPTED
    from weft.errors import error

    done = published_so_far()
    if done:
        ports = "1 port was" if done == 1 else f"{done} ports were"
        text = f"interrupted; {ports} published before, nothing else was; `weft apply` goes on from here"
    else:
        text = "interrupted; nothing was published"
    if _wants_json(words):
        print_json({"diagnostics": [error("WFT-RUN-003", text).as_json()]})
    else:
        print_line(text)
    return EXIT_INTERRUPTED


def _wants_json(words: list[str]) -> bool:
    heard = words[: words.index("--")] if "--" in words else words
    return "--format=json" in heard or any(a == "--format" and b == "json" for a, b in itertools.pairwise(heard))


def _sentence(failure: object) -> str:
    import click

    assert isinstance(failure, click.ClickException)
    text = failure.format_message().rstrip(".")
    return text[:1].lower() + text[1:] if text[:2] != text[:2].upper() else text


def _help_of(failure: object) -> str:
    context = getattr(failure, "ctx", None)
    return f"`{context.command_path if context else 'weft'} --help` shows how it is called"


if __name__ == "__main__":
    main()
