#!/usr/bin/env python3
"""The command line of m2m-idp."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

ENDED_BY_SIGPIPE = 128 + 13
"""As a shell tells of `yes | head`."""


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2m_idp.settings")
    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except ImproperlyConfigured as refusal:
        sys.exit(f"m2m-idp cannot start: {refusal}")
    except BrokenPipeError:
        # Who reads has read enough; what is not yet written goes nowhere when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ENDED_BY_SIGPIPE)


if __name__ == "__main__":
    main()
