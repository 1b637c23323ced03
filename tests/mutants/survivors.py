"""Whether a mutation run left more survivors than recorded: `python -m tests.mutants.survivors RESULTS [--record]`.

RESULTS is a file of the plugin: one JSON object a line, with `change` (FILE:NUMBER) and `outcome`. A survivor is a
change that no test noticed, whether tests ran its lines or not. survivors.txt has their number for each file.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

RECORDED = Path(__file__).with_name("survivors.txt")
SURVIVED = {"survived", "no test"}


def survivors(results: Iterable[str]) -> Counter[str]:
    """By file, 0 included."""
    counts: Counter[str] = Counter()
    for line in results:
        result = json.loads(line)
        counts[result["change"].rpartition(":")[0]] += result["outcome"] in SURVIVED
    return counts


def read(text: str) -> dict[str, int]:
    lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {file: int(number) for file, number in lines}


def written(recorded: Mapping[str, int], *, comment: str) -> str:
    return "".join([comment, *(f"{file} {number}\n" for file, number in sorted(recorded.items()))])


def problems(counts: Mapping[str, int], recorded: Mapping[str, int]) -> Iterator[str]:
    for file, number in sorted(counts.items()):
        if number > (known := recorded.get(file, 0)):
            yield f"{file}: {number} survivors, {known} recorded"


def improvements(counts: Mapping[str, int], recorded: Mapping[str, int]) -> Iterator[str]:
    for file, number in sorted(counts.items()):
        if number < (known := recorded.get(file, 0)):
            yield f"{file}: {number} survivors, {known} recorded: record the lower number"


def main(results: str, *options: str) -> int:
    counts = survivors(Path(results).read_text().splitlines())
    text = RECORDED.read_text()
    recorded = read(text)
    if options == ("--record",):
        comment = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
        RECORDED.write_text(written({**recorded, **counts}, comment=comment))
        return 0
    for improvement in improvements(counts, recorded):
        print(improvement)
    if found := list(problems(counts, recorded)):
        print("\n".join(["More survivors than recorded:", *found]), file=sys.stderr)
        return 1
    print(f"{len(counts)} files, none with more survivors than recorded.")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
