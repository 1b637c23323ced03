"""How gunicorn serves m2m-idp. What an operator may choose comes from the environment: see env.py."""

import gc
import logging
import os
import sys
from datetime import timedelta

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.urls import get_resolver
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2m_idp.settings")
try:
    django.setup()
except ImproperlyConfigured as refusal:
    sys.exit(f"m2m-idp cannot start: {refusal}")

# Models can be imported only now.
from audit.writing.record import ROWS
from console.sign_in import failed_sign_ins
from console.site import static_files
from issuance import checks
from issuance.discovery import documents
from issuance.health.start import start_notices, start_problems
from issuance.recording import flood
from issuers.versioning import revision
from m2m_idp import __version__, stopping
from m2m_idp.worker.connection import SILENCE
from m2m_idp.worker.places import make_places
from runtime.logs import output
from upkeep import server_life, worker_thread

output.start()


class JsonLogger(Logger):
    """Leaves gunicorn's own lines to the root logger, which writes JSON: see settings.LOGGING."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)  # type: ignore[no-untyped-call]
        self.error_log.propagate = True

    def warning(self, msg: str, *args: object, **kwargs: object) -> None:
        """A request that is no HTTP is not quoted: what stands in it may be a secret."""
        if msg.startswith("Invalid request from ip="):
            msg = msg.partition(": ")[0]
        super().warning(msg, *args, **kwargs)  # type: ignore[no-untyped-call]

    def exception(self, msg: str, *args: object, **kwargs: object) -> None:
        """A client that was cut off is no error of the server's."""
        if isinstance(sys.exc_info()[1], TimeoutError):
            self.info("Cut off a client that was silent for %d seconds.", SILENCE)  # type: ignore[no-untyped-call]
        else:
            super().exception(msg, *args, **kwargs)  # type: ignore[no-untyped-call]


wsgi_app = "m2m_idp.wsgi:application"
bind = f"{settings.ENVIRONMENT.bind}:{settings.ENVIRONMENT.port}"
workers = settings.ENVIRONMENT.web_concurrency
worker_class = "m2m_idp.worker.token_worker.TokenWorker"
threads = settings.THREADS
worker_connections = make_places()
# The worker sends answers itself, as their clients take them.
sendfile = False
# The application is loaded once and then forked, so that a worker which takes another's place serves at once.
preload_app = True
# The workers' heartbeats need no disk, and a root file system that is read-only offers none.
MEMORY = "/dev/shm"  # noqa: S108
worker_tmp_dir = MEMORY if os.access(MEMORY, os.W_OK) else None
# Longer than a reverse proxy keeps an idle connection open: it, not this server, closes first.
keepalive = 75
# Together with DRAIN_SECONDS shorter than what systemd, Docker Compose and Kubernetes wait for before they kill.
graceful_timeout = 25
control_socket_disable = True

# An access log would hold query strings; every token request is a row of the record instead.
accesslog = None
errorlog = None
logger_class = JsonLogger
loglevel = settings.ENVIRONMENT.log_level.lower()

# gunicorn believes no header: runtime/proxies.py knows which proxies may be believed.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}


def on_starting(_server: Arbiter) -> None:
    problems: list[str] = start_problems()
    if problems:
        # In one piece: a thread writes the log meanwhile.
        sys.stderr.write("".join(f"m2m-idp cannot start: {problem}\n" for problem in problems))
        sys.exit(1)
    for start_notice in start_notices():
        logging.getLogger("m2m_idp").warning(start_notice)
    for notice in [
        *checks.shares_counts(),
        *checks.has_connections(),
        *checks.lets_certificates_in(),
        *static_files.has_static_files(),
        *checks.hides_its_database(),
    ]:
        logging.getLogger("m2m_idp").log(notice.level, "%s %s", notice.msg, notice.hint)
    get_resolver().check()
    warm()
    # What was loaded lives as long as the server: no collection walks through it again.
    gc.collect()
    gc.freeze()


def when_ready(server: Arbiter) -> None:
    stopping.drain_before_stopping(server, seconds=settings.ENVIRONMENT.drain_seconds)
    server_life.note_start(
        version=__version__,
        listeners=[str(listener) for listener in server.LISTENERS],
        predecessor=server.master_pid,
    )


def post_worker_init(_worker: Worker) -> None:
    warm()
    documents.warm_until_done()
    revision.start_reading_ahead()
    ROWS.start()
    flood.start_writing()
    server_life.start_writing()
    if seconds := settings.ENVIRONMENT.maintain_every:
        worker_thread.start(every=timedelta(seconds=seconds))


def worker_exit(_server: Arbiter, _worker: Worker) -> None:
    flood.write_counts()
    failed_sign_ins.write_counts()
    server_life.write_gaps()


def on_exit(_server: Arbiter) -> None:
    server_life.record_stop()


def warm() -> None:
    """Read the documents ahead. This thread answers no request, so it keeps no connection to the database."""
    documents.warm()
    connections.close_all()
