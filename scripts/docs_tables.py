#!/usr/bin/env python3
"""Writes the tables in the README that come from the code. ``--check`` fails when they are stale."""

import sys
from pathlib import Path
from typing import Any

import typer.main

from keeper.cli.app import app

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- commands: scripts/docs_tables.py -->\n", "<!-- end -->\n"


def commands() -> str:
    """One row a command: its arguments and what it does; a group's commands in the group's place."""
    group: Any = typer.main.get_command(app)
    lines = ["| command | what it does |", "|---|---|"]
    for name, command in sorted(group.commands.items()):
        members = sorted(getattr(command, "commands", {}).items())
        lines += [_row(f"{name} {member}", each) for member, each in members] or [_row(name, command)]
    return "\n".join(lines) + "\n"


def _row(name: str, command: Any) -> str:
    arguments = " ".join(
        str(parameter.name).upper() if parameter.required else f"[{str(parameter.name).upper()}]"
        for parameter in command.params
        if parameter.param_type_name == "argument"
    )
    first = " ".join((command.help or "").split("\n\n")[0].split()).rstrip(".")
    return f"| `{f'keeper {name} {arguments}'.strip()}` | {first} |"


def main() -> int:
    """Rewrite the README, or compare."""
    text = README.read_text()
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    fresh = head + BEGIN + commands() + END + tail
    if fresh == text:
        return 0
    if "--check" in sys.argv:
        print("README.md: the command table is stale; run scripts/docs_tables.py")
        return 1
    README.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main())
