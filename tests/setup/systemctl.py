"""As much of `systemctl enable --now UNIT` as deploy/m2m-idp.service needs: returns once the service is ready.

Its directories lie below the directory `ROOT`, as all of that host do; the service's process id is written there.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

SECONDS_TO_START = 60


def rooted(text: str, root: Path) -> str:
    """The same with the directories of a host moved below this one."""
    for place in ("/srv/", "/etc/", "/var/lib/"):
        text = text.replace(place, f"{root}{place}")
    return text


def main() -> None:
    root = Path(os.environ["ROOT"])
    assert sys.argv[1:3] == ["enable", "--now"], sys.argv
    lines = rooted(Path(sys.argv[3]).read_text(), root).splitlines()
    unit = dict(line.split("=", 1) for line in lines if "=" in line)
    state = root / "var/lib" / unit["StateDirectory"]
    state.mkdir(parents=True, mode=int(unit["StateDirectoryMode"], 8))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(str(root / "notify"))
        notices.settimeout(SECONDS_TO_START)
        service = subprocess.Popen(
            [
                sys.executable,
                "deploy/environment_file.py",
                unit["EnvironmentFile"],
                *unit["ExecStart"].split(),
            ],
            cwd=unit["WorkingDirectory"],
            env=os.environ | {"PGUSER": unit["User"], "NOTIFY_SOCKET": str(root / "notify")},
            umask=int(unit["UMask"], 8),
            stdout=(root / "log").open("wb"),
            stderr=subprocess.STDOUT,
        )
        (root / "pid").write_text(str(service.pid))
        assert unit["Type"] == "notify"
        while b"READY=1" not in notices.recv(4096):
            pass


if __name__ == "__main__":
    main()
