"""What an operator should know of the settings before the server starts."""

import os
import stat
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Info, Warning, register  # noqa: A004 - Django's
from django.db import Error as DatabaseFailure
from django.db import connection

from issuers.models import CERTIFICATE_METHODS, Issuer, TokenEndpointAuthMethod

COUNTED_IN_EACH_PROCESS = (
    "Quotas and failed authentications are counted in each of {processes} worker processes on its own."
)
HINT = (
    "Up to {processes} times requests_per_minute and AUTH_FAILURES_PER_MINUTE are let through. "
    "Set CACHE_URL to a Redis or Valkey that all processes share, or WEB_CONCURRENCY=1."
)

TOO_FEW_CONNECTIONS = "PostgreSQL takes {most} connections, and the workers of this host may need {needed}."
MAKE_THEM_FIT = (
    "Raise max_connections of PostgreSQL, or lower WEB_CONCURRENCY: a worker of any host has up to {each}."
)

READ_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH
ENTERED_BY_OTHERS = stat.S_IXGRP | stat.S_IXOTH
OTHERS_CAN_READ = "Other users of this host can read {path}."
HIDE = "Run chmod 600 {path}, or let the directory be the server's user's alone (chmod 700)."

NO_CERTIFICATE_ARRIVES = (
    "{issuer} has {method} on, but no client certificate reaches this server: its clients get 401."
)
LET_IT_ARRIVE = (
    "Behind a proxy set CLIENT_CERTIFICATE_HEADER; where gunicorn ends TLS, add --ca-certs and --cert-reqs=1 to "
    "GUNICORN_CMD_ARGS (docs/operations.md, Mutual TLS). Or turn the method off."
)
ONLY_KNOWN_CERTIFICATES_ARRIVE = (
    "{issuer} has {method} on, but gunicorn's TLS lets no self-signed certificate in that does not stand in the file "
    "of its --ca-certs itself."
)
LET_ALL_ARRIVE = (
    "Put each client's certificate into that file and restart, or let a proxy end TLS and pass certificates on "
    "(CLIENT_CERTIFICATE_HEADER), which needs neither."
)


@register(deploy=True)
def shares_counts(**_: Any) -> list[CheckMessage]:
    """No warning: a server that is content with that needs nothing else."""
    processes = settings.ENVIRONMENT.web_concurrency
    if settings.ENVIRONMENT.shared_cache or processes == 1:
        return []
    message, hint = COUNTED_IN_EACH_PROCESS.format(processes=processes), HINT.format(processes=processes)
    return [Info(message, hint=hint, id="issuance.I001")]


@register(deploy=True)
def has_connections(**_: Any) -> list[CheckMessage]:
    """Whether PostgreSQL takes as many connections as the workers of this host may open."""
    if not settings.IS_POSTGRESQL:
        return []
    try:
        most = _most_connections()
    except DatabaseFailure:
        return []
    # Each thread keeps one, and so do those that write the record and read the revision; maintenance and the counts of
    # floods have one each for a moment.
    each = settings.THREADS + 4
    needed = each * settings.ENVIRONMENT.web_concurrency
    if needed <= most:
        return []
    message = TOO_FEW_CONNECTIONS.format(most=most, needed=needed)
    return [Warning(message, hint=MAKE_THEM_FIT.format(each=each), id="issuance.W002")]


def _most_connections() -> int:
    """Those that are open to every role."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
        )
        return int(cursor.fetchone()[0])


@register(deploy=True)
def hides_its_database(**_: Any) -> list[CheckMessage]:
    """Whether others than the server's user can read the SQLite database. A new one is made for that user alone."""
    if settings.IS_POSTGRESQL:
        return []
    database = Path(connection.settings_dict["NAME"]).absolute()
    if not database.parent.is_dir() or not database.parent.stat().st_mode & ENTERED_BY_OTHERS:
        return []
    files = [database, *(database.with_name(f"{database.name}{end}") for end in ("-wal", "-shm"))]
    return [
        Warning(OTHERS_CAN_READ.format(path=path), hint=HIDE.format(path=path), id="issuance.W003")
        for path in files
        if path.is_file() and path.stat().st_mode & READ_BY_OTHERS
    ]


@register(deploy=True)
def lets_certificates_in(**_: Any) -> list[CheckMessage]:
    """Whether what ends TLS shows this server the certificates that its issuers ask for.

    gunicorn alone knows its arguments: those of GUNICORN_CMD_ARGS are looked at. A database that is away, or has no
    tables yet, has no issuers.
    """
    if settings.CLIENT_CERTIFICATE_HEADER or not settings.HAS_PROTOCOL:
        return []
    try:
        issuers = list(Issuer.objects.filter(is_active=True))
    except DatabaseFailure:
        return []
    asked = [
        (issuer, method)
        for issuer in issuers
        for method in CERTIFICATE_METHODS
        if method in issuer.token_endpoint_auth_methods
    ]
    if "--ca-certs" not in os.environ.get("GUNICORN_CMD_ARGS", ""):
        return [_no_certificate_arrives(issuer, method) for issuer, method in asked]
    self_signed = TokenEndpointAuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH
    return [_only_known_ones_arrive(issuer, method) for issuer, method in asked if method == self_signed]


def _no_certificate_arrives(issuer: Issuer, method: TokenEndpointAuthMethod) -> CheckMessage:
    text = NO_CERTIFICATE_ARRIVES.format(issuer=issuer.url, method=method)
    return Warning(text, hint=LET_IT_ARRIVE, id="issuance.W001")


def _only_known_ones_arrive(issuer: Issuer, method: TokenEndpointAuthMethod) -> CheckMessage:
    """No warning: that file may be in order."""
    text = ONLY_KNOWN_CERTIFICATES_ARRIVE.format(issuer=issuer.url, method=method)
    return Info(text, hint=LET_ALL_ARRIVE, id="issuance.I002")
