"""Each link of the documentation to a page or a section of this repository leads there."""

import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

ROOT = settings.BASE_DIR
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(\s*(?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\s*\)")
BLOCK = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def test_every_link_leads_to_a_file_and_a_section() -> None:
    assert len(PAGES) > 15
    assert [problem for page in PAGES for problem in problems_of(page)] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    found = {(ROOT / "README.md").resolve()}
    waiting = list(found)
    while waiting:
        for target, _section in links_of(waiting.pop()):
            if target.suffix == ".md" and target not in found:
                found.add(target)
                waiting.append(target)
    assert {page.name for page in PAGES if page.resolve() not in found} == set()


def problems_of(page: Path) -> Iterator[str]:
    for target, section in links_of(page):
        if not target.exists():
            yield f"{page.name}: {target.name} is not there"
        elif section and section not in sections_of(target):
            yield f"{page.name}: {target.name} has no section {section}"


def links_of(page: Path) -> Iterator[tuple[Path, str]]:
    for path, section in LINK.findall(BLOCK.sub("", page.read_text())):
        yield (page.parent / path).resolve() if path else page.resolve(), section


def sections_of(page: Path) -> set[str]:
    """As GitHub names them: letters, digits, `-` and `_` of the heading, in lower case."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
