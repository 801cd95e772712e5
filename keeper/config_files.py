"""Checks of the files that hold secrets: who may read them, and whether what they hold can be used."""

import os
from collections.abc import Mapping
from pathlib import Path

from keeper.config_schema import Problem
from keeper.errors import ConfigError


def check_secret_file(key: str, file: Path) -> list[Problem]:
    """It exists, and nobody else can read it."""
    if str(file.parent) == os.environ.get("CREDENTIALS_DIRECTORY"):
        # systemd keeps these to the service by an access list, whose mask looks like a group that may read.
        return [] if file.is_file() else [Problem(key, f"{file} cannot be opened", "name it in LoadCredential")]
    try:
        mode = file.stat().st_mode & 0o777
    except OSError:
        return [Problem(key, f"{file} cannot be opened", "write the path of an existing file")]
    if mode & 0o077:
        return [Problem(key, f"{file} has mode {mode:04o}, so others can read the secret", f"run: chmod 600 {file}")]
    return []


def check_notify(file: Path | None, variable: str, environment: Mapping[str, str]) -> list[Problem]:
    """Faults of the notification URLs; none of them is repeated."""
    texts = [("monitor.notify_file", file.read_text("utf-8", "replace"))] if file else []
    texts += [(variable, environment[variable])] if environment.get(variable) else []
    if not texts:
        return []
    from keeper.monitor.notify import parse_sinks

    problems = []
    for source, text in texts:
        try:
            parse_sinks(text, source)
        except ConfigError as error:
            for line in error.problems:
                what, _, remedy = line.removeprefix(f"{source}: ").partition("; ")
                problems.append(Problem(source, what, remedy))
    return problems
