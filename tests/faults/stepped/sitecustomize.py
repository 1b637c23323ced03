"""For servers under libfaketime, first on their PYTHONPATH.

Where libfaketime leaves the monotonic clock alone it refuses to sleep until an instant of that clock, which is how
`time.sleep` sleeps.
"""

import threading
import time
from typing import SupportsIndex


def sleep(seconds: SupportsIndex | float, /) -> None:
    threading.Event().wait(float(seconds))


time.sleep = sleep
