"""All mutants of a sample in one build, of which a setting of the virtual machine wakes one.

To compile a library's change takes all tests that stand on it: half a minute a mutant. So each changed function holds
its inside once for every mutant and once unchanged, and asks for the number of the mutant that is awake:

    if (Awake.mutant() == 17) { ...changed... } else { ...as it was... }

The number is the block's coinbase, which no contract and no test reads, and which forge sets by FOUNDRY_BLOCK_COINBASE.
"""

import re
from pathlib import Path

from analysis.mutants import Mutant
from analysis.workspace import AnalysisError

_AWAKE = "src/Awake.sol"
# A pure function may not ask for the coinbase; through a pointer that is called pure, it does.
_LIBRARY = """// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

library Awake {
    function mutant() internal pure returns (uint256) {
        function() internal view returns (uint256) asks = _asked;
        function() internal pure returns (uint256) asksPurely;
        assembly {
            asksPurely := asks
        }
        return asksPurely();
    }

    function _asked() private view returns (uint256 awake) {
        assembly {
            awake := coinbase()
        }
    }
}
"""
_IMPORT = f'import {{Awake}} from "{_AWAKE}";'
_PRAGMA = re.compile(r"^pragma solidity [^;]+;", re.MULTILINE)
_ERROR = re.compile(r"^Error[^\n]*\n\s*--> ([\w./]+):(\d+):", re.MULTILINE)


def settings_of(number: int) -> dict[str, str]:
    """Wakes a mutant by its number; 0 wakes none."""
    return {"FOUNDRY_BLOCK_COINBASE": f"0x{number:040x}"}


def plant(project: Path, texts: dict[str, str], mutants: dict[int, Mutant]) -> dict[tuple[str, int], int]:
    """Write the files with all mutants in them.

    Returns:
        Number of the mutant by file and line, so that an error of the compiler can be laid at its door.
    """
    (project / _AWAKE).write_text(_LIBRARY)
    lines: dict[tuple[str, int], int] = {}
    for path, text in texts.items():
        here = {number: mutant for number, mutant in mutants.items() if mutant.path == path}
        (project / path).write_text(_grown(path, text, here, lines) if here else text)
    return lines


def stillborn(output: str, lines: dict[tuple[str, int], int]) -> set[int]:
    """Numbers of the mutants that the compiler refused."""
    places = [(path, int(line)) for path, line in _ERROR.findall(output)]
    unknown = [place for place in places if place not in lines]
    if unknown or not places:
        raise AnalysisError(f"the mutants do not compile, and none is to blame: {unknown or output[-2000:]}")
    return {lines[place] for place in places}


def _grown(path: str, text: str, mutants: dict[int, Mutant], lines: dict[tuple[str, int], int]) -> str:
    head = _PRAGMA.search(text)
    if not head:
        raise AnalysisError(f"{path} has no pragma to put an import behind")
    grown, done = f"{text[: head.end()]} {_IMPORT}", head.end()
    for body in sorted({mutant.body for mutant in mutants.values()}, key=lambda body: body.start):
        grown += text[done : body.start]
        for number, mutant in mutants.items():
            if mutant.body != body:
                continue
            first = grown.count("\n") + 1
            grown += f" if (Awake.mutant() == {number}) {{{mutant.body_applied(text)}\n}} else"
            lines |= {(path, line): number for line in range(first, grown.count("\n") + 1)}
        # On a line of its own: what is wrong there is wrong of the code as it was.
        grown += "\n{" + text[body.start : body.end] + "}"
        done = body.end
    return grown + text[done:]
