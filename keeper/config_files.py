"""Checks of the files that hold secrets: who may read them, and whether what they hold can be used."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from keeper.config_schema import Problem
from keeper.errors import ConfigError


def check_secret_file(key: str, file: Path) -> list[Problem]:
    """It exists, and nobody else can read, own or swap it."""
    if str(file.parent) == os.environ.get("CREDENTIALS_DIRECTORY"):
        # systemd keeps these to the service by an access list, whose mask looks like a group that may read.
        return [] if file.is_file() else [Problem(key, f"{file} cannot be opened", "name it in LoadCredential")]
    try:
        # What a link points to is what is read; stat and resolve follow it alike.
        real = file.resolve(strict=True)
        found, folder = real.stat(), real.parent.stat()
    except (OSError, RuntimeError):
        return [Problem(key, f"{file} cannot be opened", "write the path of an existing file")]
    if not stat.S_ISREG(found.st_mode):
        return [Problem(key, f"{file} is no regular file", "write the path of a file")]
    if found.st_mode & 0o077:
        mode = f"{found.st_mode & 0o777:04o}"
        return [Problem(key, f"{file} has mode {mode}, so others can read the secret", f"run: chmod 600 {file}")]
    if found.st_uid not in {os.geteuid(), 0}:
        owner = f"{file} belongs to user {found.st_uid}, who could change it"
        return [Problem(key, owner, "make it a file of the user that runs the keeper, or root's")]
    if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        swap = f"anybody may write to {real.parent}, and so swap the file"
        return [Problem(key, swap, f"run: chmod o-w {real.parent}")]
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
