"""Whether this server is about to stop: one bit that the master process sets and its workers see."""

import mmap

# Anonymous and shared: every process that is forked after this import has the same byte.
_FLAG = mmap.mmap(-1, 1)


def begin() -> None:
    _FLAG[0] = 1


def has_begun() -> bool:
    return _FLAG[0] == 1
