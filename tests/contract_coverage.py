"""Every line of the contract has a test, every mark names a line: `python -m tests.contract_coverage`."""

import contextlib
import io
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

PROTOCOL = Path(__file__).parent.parent / "docs" / "protocol.md"
LINE = re.compile(r"^(?:- |\| )(P\d+\.\d+)\b", re.MULTILINE)
SECTIONS = ("P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10")
"""The sections that are built."""


class Marks:
    """A pytest plugin that gathers the ids of the contract marks."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.ids |= {
            str(line) for item in items for mark in item.iter_markers("contract") for line in mark.args
        }


def problems(*, protocol: str, marked: Iterable[str]) -> list[str]:
    lines = LINE.findall(protocol)
    required = [line for line in lines if line.split(".")[0] in SECTIONS]
    marked = set(marked)
    return [f"{line} has no test" for line in required if line not in marked] + [
        f"{line} is marked, but is no line of docs/protocol.md" for line in sorted(marked - set(lines))
    ]


def main() -> int:
    marks, said = Marks(), io.StringIO()
    with contextlib.redirect_stdout(said):
        code = pytest.main(["--collect-only", "--quiet"], plugins=[marks])
    if code:
        sys.stdout.write(said.getvalue())
        return int(code)
    found = problems(protocol=PROTOCOL.read_text(), marked=marks.ids)
    sys.stdout.write(
        "".join(f"contract: {problem}\n" for problem in found) or "contract: every line has a test\n"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
