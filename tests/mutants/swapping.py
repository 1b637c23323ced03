"""The code of a changed module, put into the functions of the module as it stands."""

import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import _lru_cache_wrapper
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

NAMED = tuple[str, int]
"""A qualified name, and the number among those that have it: a property and its setter."""


def functions_of(files: Iterable[Path]) -> dict[Path, list[FunctionType]]:
    """Every function that was made of a file's code, decorated ones and methods too."""
    by_name = {str(file.resolve()): file for file in files}
    found: dict[Path, list[FunctionType]] = {file: [] for file in by_name.values()}
    # What is frozen is not reported.
    gc.unfreeze()
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename in by_name:
            found[by_name[thing.__code__.co_filename]].append(thing)
    gc.freeze()
    return found


def caches_of(files: Iterable[Path]) -> dict[Path, list[Any]]:
    """What functions of a file keep of their results, which would hide a change."""
    by_name = {str(file.resolve()): file for file in files}
    found: dict[Path, list[Any]] = {file: [] for file in by_name.values()}
    gc.unfreeze()
    for thing in gc.get_objects():
        if isinstance(thing, _lru_cache_wrapper):
            code = getattr(thing.__wrapped__, "__code__", None)
            if code is not None and code.co_filename in by_name:
                found[by_name[code.co_filename]].append(thing)
    gc.freeze()
    return found


def swap(before: CodeType, after: CodeType, functions: Iterable[FunctionType]) -> int:
    """Returns how many functions have other code now."""
    names = {code: name for name, code in _named(_codes(before))}
    changed = dict(_named(_codes(after)))
    swapped = 0
    for function in functions:
        old = function.__code__
        new = changed.get(names.get(old, ("", 0)))
        if new is not None and new != old and new.co_freevars == old.co_freevars:
            function.__code__ = new
            swapped += 1
    return swapped


def _codes(module: CodeType) -> Iterator[CodeType]:
    for constant in module.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _named(codes: Iterable[CodeType]) -> Iterator[tuple[NAMED, CodeType]]:
    by_name: dict[str, list[CodeType]] = defaultdict(list)
    for code in codes:
        by_name[code.co_qualname].append(code)
    for name, same in by_name.items():
        for number, code in enumerate(sorted(same, key=lambda code: code.co_firstlineno)):
            yield (name, number), code
