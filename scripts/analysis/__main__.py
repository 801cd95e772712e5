"""Command line of scripts/analyse: one subcommand an analysis; exit code 1: bound missed, 2: could not run."""

import argparse
import sys

from analysis import coverage, halmos, mutation, slither
from analysis.workspace import AnalysisError


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/analyse", description="Judge the contracts beyond their tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    for module in (slither, halmos, coverage, mutation):
        name = module.__name__.rsplit(".", 1)[-1]
        first_line = (module.__doc__ or "").splitlines()[0]
        module.add_options(commands.add_parser(name, help=first_line.replace("%", "%%")))
    options = parser.parse_args()
    run = {"slither": slither.run, "halmos": halmos.run, "coverage": coverage.run, "mutation": mutation.run}
    try:
        return run[options.command](options)
    except AnalysisError as error:
        print(f"analyse {options.command}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
