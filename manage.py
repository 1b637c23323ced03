#!/usr/bin/env python3
"""The command line of m2m-idp."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2m_idp.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as refusal:
        sys.exit(f"m2m-idp cannot start: {refusal}")


if __name__ == "__main__":
    main()
