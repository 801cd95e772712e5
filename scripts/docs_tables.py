#!/usr/bin/env python3
"""Writes the tables of README and docs/metrics.md that come from the code. ``--check`` fails when they are stale."""

import sys
from pathlib import Path
from typing import Any

import typer.main

from keeper.cli.app import app
from keeper.monitor.catalogue import markdown

ROOT = Path(__file__).resolve().parents[1]
END = "<!-- end -->\n"


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


TABLES = {
    ROOT / "README.md": ("<!-- commands: scripts/docs_tables.py -->\n", commands),
    ROOT / "docs" / "metrics.md": ("<!-- metrics: scripts/docs_tables.py -->\n", markdown),
}
"""File -> (what stands above its table, what writes it)."""


def main() -> int:
    """Rewrite what is stale, or say so."""
    stale = 0
    for path, (begin, write) in TABLES.items():
        text = path.read_text()
        head, rest = text.split(begin)
        fresh = head + begin + write() + END + rest.split(END, 1)[1]
        if fresh == text:
            continue
        if "--check" in sys.argv:
            print(f"{path.name}: the table is stale; run scripts/docs_tables.py")
            stale = 1
        else:
            path.write_text(fresh)
    return stale


if __name__ == "__main__":
    sys.exit(main())
