"""Fill the record of the server whose environment this is: benchmarks/fill_record.py ROWS."""

import os
import sys
import time
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["DJANGO_SETTINGS_MODULE"] = "m2m_idp.settings"
django.setup()

from django.utils import timezone  # noqa: E402 - after the settings are made
from volume_rows import fill, prepare  # noqa: E402

started = time.monotonic()
prepare()
for done in fill(int(sys.argv[1]), until=timezone.now()):
    print(f"{done:,} rows after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
