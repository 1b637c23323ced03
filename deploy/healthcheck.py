"""Exits with an error unless the server of this container answers /livez: for Docker's HEALTHCHECK."""

import argparse
import http.client
import os
import shlex
import ssl
import sys

SECONDS = 2
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what BIND says, and where that is reached


def ends_tls() -> bool:
    """Whether gunicorn's arguments let it end TLS itself."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--certfile")
    parser.add_argument("--keyfile")
    arguments, _ = parser.parse_known_args(shlex.split(os.environ.get("GUNICORN_CMD_ARGS", "")))
    return bool(arguments.certfile or arguments.keyfile)


def connection() -> http.client.HTTPConnection:
    """No proxy stands between, and the certificate names the public host, not this one."""
    bind, port = os.environ.get("BIND", "127.0.0.1"), int(os.environ.get("PORT", "8000"))
    host = EVERYWHERE.get(bind, bind)
    if not ends_tls():
        return http.client.HTTPConnection(host, port, timeout=SECONDS)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)


def main() -> None:
    link = connection()
    link.request("GET", "/livez")
    status = link.getresponse().status
    if status != http.HTTPStatus.OK:
        sys.exit(f"/livez answered {status}")


if __name__ == "__main__":
    main()
