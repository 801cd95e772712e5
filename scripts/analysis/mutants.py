"""Mutants: single small changes of a Solidity file's function bodies, found in the text by operators.

Comments and strings are blanked first, so that nothing in them is taken for code. Only the insides of functions count.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BLANK = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', re.DOTALL)
_FUNCTION = re.compile(r"\b(?:function\s+(\w+)|(constructor)\s*\(|modifier\s+(\w+)|(fallback|receive)\s*\()")
_SWAPS = (
    ("comparison", r"(?<![<>=])<=(?!=)", "<"),
    ("comparison", r"(?<![<>=])>=(?!=)", ">"),
    ("comparison", r"(?<=\s)<(?=\s)", "<="),
    ("comparison", r"(?<=\s)>(?=\s)", ">="),
    ("comparison", r"==", "!="),
    ("comparison", r"!=", "=="),
    ("arithmetic", r"(?<=\s)\+(?=\s)", "-"),
    ("arithmetic", r"(?<=\s)-(?=\s)", "+"),
    ("arithmetic", r"(?<=\s)\*(?=\s)", "/"),
    ("arithmetic", r"(?<=\s)/(?=\s)", "*"),
    ("arithmetic", r"(?<=\s)%(?=\s)", "*"),
    ("arithmetic", r"\+=", "-="),
    ("arithmetic", r"-=", "+="),
    ("bits", r"(?<=\s)&(?=\s)", "|"),
    ("bits", r"(?<=\s)\|(?=\s)", "&"),
    ("bits", r"<<", ">>"),
    ("bits", r">>", "<<"),
    ("logic", r"&&", "||"),
    ("logic", r"\|\|", "&&"),
    ("extremes", r"\bmin(?=\()", "max"),
    ("extremes", r"\bmax(?=\()", "min"),
    ("constant", r"\btrue\b", "false"),
    ("constant", r"\bfalse\b", "true"),
)
_NUMBER = re.compile(r"(?<![\w.])(\d[\d_]*)(?![\w.])")
_DECLARATION = re.compile(
    r"^(?:\(.*\)\s*=|[\w.\[\]]+(?:\s+(?:memory|storage|calldata))?\s+\w+\s*(?:=|$)|mapping\b)", re.DOTALL
)
_NOT_STATEMENTS = ("return", "for", "assembly", "unchecked", "else")


@dataclass(frozen=True, slots=True)
class Body:
    """Inside of a function's braces, as offsets in the text."""

    function: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file."""

    path: str
    """Relative to contracts."""
    body: Body
    """The function it is in."""
    start: int
    """Offset of the replaced text."""
    end: int
    replacement: str
    operator: str

    def body_applied(self, text: str) -> str:
        """The function's inside with the change made."""
        return text[self.body.start : self.start] + self.replacement + text[self.end : self.body.end]

    def describe(self, text: str) -> str:
        """file:line function, operator, old -> new."""
        line = text.count("\n", 0, self.start) + 1
        old = " ".join(text[self.start : self.end].split())
        return f"{self.path}:{line} {self.body.function}, {self.operator}: `{old}` -> `{self.replacement}`"

    def lines(self, text: str) -> tuple[str, str]:
        """The lines it changes, before and after, each on one line: by these a reviewed mutant is recognised."""
        first = text.rfind("\n", 0, self.start) + 1
        last = text.find("\n", self.end)
        before = text[first:last]
        after = text[first : self.start] + self.replacement + text[self.end : last]
        return " ".join(before.split()), " ".join(after.split())


def mutants_of(path: str, text: str) -> list[Mutant]:
    """All mutants of a file, in the order of their place."""
    code = _BLANK.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    found: list[Mutant] = []
    for body in _bodies(code):
        for operator, first, last, replacement in _changes(code, body.start, body.end):
            found.append(Mutant(path, body, first, last, replacement, operator))
    return sorted(found, key=lambda mutant: (mutant.start, mutant.end, mutant.replacement))


def _changes(code: str, start: int, end: int) -> Iterator[tuple[str, int, int, str]]:
    for operator, pattern, replacement in _SWAPS:
        for match in re.compile(pattern).finditer(code, start, end):
            yield operator, match.start(), match.end(), replacement
    for match in _NUMBER.finditer(code, start, end):
        value = int(match[1].replace("_", ""))
        yield "constant", match.start(), match.end(), "0" if value == 1 else str(value + 1)
    for match in re.compile(r"\b(?:if|while) \(").finditer(code, start, end):
        close = _closing(code, match.end() - 1)
        yield "negation", match.end(), close, f"!({code[match.end() : close]})"
    for first, last in _statements(code, start, end):
        yield "deletion", first, last, "{}"


def _bodies(code: str) -> Iterator[Body]:
    """Insides of the braces of each function."""
    position = 0
    while match := _FUNCTION.search(code, position):
        brace, semicolon = code.find("{", match.end()), code.find(";", match.end())
        if brace < 0:
            return
        if 0 <= semicolon < brace:
            position = semicolon
            continue
        position = _closing(code, brace)
        yield Body(next(name for name in match.groups() if name), brace + 1, position)


def _statements(code: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Simple statements that may be left out: no declaration, no return, nothing of an assembly block's header."""
    first, depth, options = start, 0, 0
    for position in range(start, end):
        mark = code[position]
        # A brace right behind a name holds the options of a call, not a block.
        if mark == "{" and re.match(r"\w", code[position - 1]):
            options = _closing(code, position)
        if position <= options:
            continue
        depth += (mark in "([") - (mark in ")]")
        if depth:
            continue
        if mark in "{}":
            first = position + 1
        elif mark == ";":
            begin = _behind_condition(code, first, position)
            statement = code[begin:position].strip()
            if statement and not _DECLARATION.match(statement) and not statement.startswith(_NOT_STATEMENTS):
                yield begin, position + 1
            first = position + 1


def _behind_condition(code: str, first: int, last: int) -> int:
    """Start of the statement proper: behind `if (...)` and `else`."""
    begin = first
    while match := re.compile(r"\s*(?:else\b|(?=if \())\s*").match(code, begin, last):
        begin = match.end()
        if code.startswith("if (", begin):
            begin = _closing(code, begin + 3) + 1
    return begin + len(code[begin:last]) - len(code[begin:last].lstrip())


def _closing(code: str, opening: int) -> int:
    """Offset of the bracket that closes the one at `opening`."""
    pairs = {"(": ")", "{": "}"}
    depth, left, right = 0, code[opening], pairs[code[opening]]
    for position in range(opening, len(code)):
        depth += (code[position] == left) - (code[position] == right)
        if depth == 0:
            return position
    return len(code)
