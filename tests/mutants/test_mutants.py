"""The mutation run itself: what it changes, in which functions, and in which order it asks the tests."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.mutants.changes import changes_of
from tests.mutants.learning import Learned, ranked, read
from tests.mutants.swapping import caches_of, functions_of, swap

MODULE = '''
from functools import cache

def guarded(number: int = 1) -> str:
    """Not changed: "X"."""
    check(number)
    if number > 2:
        raise ValueError("A sentence is not changed.")
    return "text"


def check(number):
    if number == 7:
        raise KeyError(number)


class Thing:
    @property
    def kind(self):
        return "property"

    @kind.setter
    def kind(self, value):
        self.value = value or "none"


@cache
def kept():
    return [(lambda: "first")(), (lambda: "second")()]
'''


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    path = tmp_path / "changed_here.py"
    path.write_text(MODULE)
    spec = importlib.util.spec_from_file_location("changed_here", path)
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def sources(module: ModuleType) -> list[str]:
    changed = changes_of(Path(str(module.__file__)))
    return [changed.source(change) for change in changed.changes]


def swapped(path: Path, before: str, after: str) -> int:
    texts = (MODULE, MODULE.replace(before, after, 1))
    old, new = (compile(text, str(path.resolve()), "exec") for text in texts)
    return swap(old, new, functions_of([path])[path])


def test_steps_are_left_out_and_conditions_moved_and_values_spoilt(module: ModuleType) -> None:
    made = sources(module)
    for before, after in (
        ("    check(number)", "    pass"),
        ("number > 2", "number >= 2"),
        ("number > 2", "number > 3"),
        ('raise ValueError("A sentence is not changed.")', "pass"),
        ('return "text"', 'return ["text"] and None'),
        ('return "text"', 'return "XXtextXX"'),
    ):
        assert MODULE.replace(before, after, 1) in made
    assert not any("XXA sentence" in source or "XXX" in source for source in made)
    assert all("number: int = 1" in source for source in made)


def test_changed_code_takes_the_place_of_the_functions_own(module: ModuleType) -> None:
    path = Path(str(module.__file__))
    with pytest.raises(KeyError):
        module.guarded(7)
    assert swapped(path, "check(number)", "pass") == 1
    with pytest.raises(ValueError, match="A sentence"):
        module.guarded(7)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [('"property"', '"other"', ("other", "none")), ('"none"', '"other"', ("property", "other"))],
)
def test_a_property_and_its_setter_are_distinguished(
    module: ModuleType, before: str, after: str, told: tuple[str, str]
) -> None:
    assert swapped(Path(str(module.__file__)), before, after) == 1
    thing = module.Thing()
    thing.kind = ""
    assert (thing.kind, thing.value) == told


def test_what_a_function_keeps_of_its_results_is_forgotten(module: ModuleType) -> None:
    path = Path(str(module.__file__))
    assert module.kept() == ["first", "second"]
    (cache,) = caches_of([path])[path]
    assert swapped(path, '"second"', '"other"') == 1
    cache.cache_clear()
    assert module.kept() == ["first", "other"]


def test_tests_that_run_other_lines_come_first() -> None:
    tests = {"a.py": {1: ["long", "short", "other"], 2: ["long", "short"], 3: ["other"]}}
    durations = {"long": 2.0, "short": 0.1, "other": 1.0}
    assert list(ranked(tests, durations)) == ["short", "other", "long"]


def test_what_was_learned_is_kept_for_the_tests_that_are_still_there(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    here = request.node.nodeid
    path = tmp_path / "learned.json"
    Learned({"gone": 1.0, here: 2.0}, {"a.py": {3: ["gone", here]}}).write(path)
    kept = read(path, [request.node])
    assert (kept.durations, kept.tests) == ({here: 2.0}, {"a.py": {3: [here]}})
    assert (kept.tests_of(Path("a.py"), range(1, 5)), kept.tests_of(Path("b.py"), range(1, 5))) == (
        [here],
        [],
    )
