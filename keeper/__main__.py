"""Entry point: runs a command and turns what went wrong into one line, one document and one exit code."""

import errno
import json
import os
import sys

from keeper.errors import KeeperError, RetryLater

GLOBAL_OPTIONS = frozenset({"--config", "-c", "--log-level", "--log-format"})
USAGE = 2
INTERRUPTED = 130
CODES = {1: "Unexpected", 2: "ConfigError", 3: "Findings", 4: "RetryLater", 5: "Refused"}
"""Names of the exit codes of interfaces.md 10, for ``error.code``."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = hoisted(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    as_json = "--json" in arguments
    from typer import Abort, Exit
    from typer.main import get_command

    from keeper.cli.app import app

    command = get_command(app)
    try:
        code = command.main(args=arguments, prog_name="keeper", standalone_mode=False)
        sys.stdout.flush()
    except KeeperError as error:
        return _fail(error.exit_code, error.message, error.hint, getattr(error, "problems", ()), as_json=as_json)
    except Exit as done:
        return done.exit_code
    except (KeyboardInterrupt, EOFError, Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return _pipe_closed()
    except (MemoryError, ImportError, OSError, RuntimeError) as error:
        if not (starved := _starvation(error)):
            raise
        return _fail(RetryLater.exit_code, *starved, (), as_json=as_json)
    except SystemExit as stop:
        # typer ends with 1 when the pipe closes while a command writes.
        if isinstance(stop.__context__, BrokenPipeError):
            return _pipe_closed()
        raise
    except _usage_errors() as error:
        return _fail(
            USAGE,
            " ".join(getattr(error, "format_message", error.__str__)().split()),
            "see keeper --help",
            (),
            as_json=as_json,
        )
    return code if isinstance(code, int) else 0


def hoisted(arguments: list[str]) -> list[str]:
    """Move global options in front of the command, so that they may stand anywhere."""
    front, rest = [], []
    waiting = iter(arguments)
    for argument in waiting:
        if argument in GLOBAL_OPTIONS:
            front += [argument, *([value] if (value := next(waiting, None)) is not None else [])]
        elif argument.partition("=")[0] in GLOBAL_OPTIONS:
            front.append(argument)
        else:
            rest.append(argument)
    return front + rest


def _usage_errors() -> type[Exception]:
    from typer import BadParameter

    # typer brings its own copy of click or uses the installed one; its errors share this base either way.
    base: type[Exception] = BadParameter.__mro__[2]
    return base


def _starvation(error: Exception) -> tuple[str, str] | None:
    """(what the system refuses, remedy) when that is what the error means."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or number == errno.ENOMEM or "map segment" in str(error):
        return "the system gives no more memory", "allow more: MemoryMax, ulimit -v"
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return (
            "the system gives no more threads",
            "allow more, or memory for their stacks: TasksMax, ulimit -u, ulimit -v",
        )
    if number in {errno.EMFILE, errno.ENFILE}:
        return "the system gives no more file descriptors", "allow more: LimitNOFILE, ulimit -n"
    return None


def _pipe_closed() -> int:
    # Whoever read our output has seen enough; that is no failure.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
    return 0


def _fail(code: int, message: str, hint: str, problems: tuple[str, ...], *, as_json: bool) -> int:
    if as_json:
        error: dict[str, object] = {"code": CODES.get(code, CODES[1]), "message": message, "hint": hint}
        if problems:
            error["problems"] = list(problems)
        try:
            sys.stdout.write(json.dumps({"schemaVersion": 1, "error": error}, ensure_ascii=False) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            _pipe_closed()
        return code
    lines = problems or (f"{message} ({hint})" if hint else message,)
    for line in lines:
        sys.stderr.write(f"error: {line}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
