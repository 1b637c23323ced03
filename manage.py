#!/usr/bin/env python3
"""The command line of m2m-idp."""

import os
import sys

VERIFICATION = ["audit", "verify"]
UNCHECKED = 2
"""Of `audit verify`: it could not be checked."""

try:
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
except ImportError as missing:
    sys.stderr.write(f"{missing}: run this with the Python that m2m-idp is installed in, .venv/bin/python.\n")
    sys.exit(UNCHECKED if sys.argv[1:3] == VERIFICATION else 1)

ENDED_BY_SIGPIPE = 128 + 13
"""As a shell tells of `yes | head`."""


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2m_idp.settings")
    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except ImproperlyConfigured as refusal:
        end(f"m2m-idp cannot start: {refusal}")
    except PermissionError as error:
        end(
            f"Permission denied: {error.filename}. Run this as the server's user, or give that user the file."
        )
    except BrokenPipeError:
        # Who reads has read enough; what is not yet written goes nowhere when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ENDED_BY_SIGPIPE)
    except (Exception, KeyboardInterrupt) as error:
        if not is_verification():
            raise
        end(f"Not verified: {type(error).__name__}: {error}")


def end(why: str) -> None:
    print(why, file=sys.stderr)
    sys.exit(UNCHECKED if is_verification() else 1)


def is_verification() -> bool:
    """Its exit status 1 says that the record was altered, and nothing else."""
    return sys.argv[1:3] == VERIFICATION


if __name__ == "__main__":
    main()
