"""How many connections a worker holds at once."""

import resource

PLACES = 8192
OTHER_FILES = 512
"""That a worker has open beside its clients': the database, pipes, modules that are being loaded."""
LEAST = 64


def make_places() -> int:
    """Raise this process's limit of open files as far as it is allowed to, and say how many connections fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = PLACES + OTHER_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(LEAST, min(PLACES, soft - OTHER_FILES))
