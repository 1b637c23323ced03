"""The product's settings, read from an environment of the tests' own; only DATABASE_URL is from outside."""

import atexit
import base64
import os
import shutil
import tempfile
from pathlib import Path

_FROM_OUTSIDE = ("PORT", "PUBLIC_URL", "CONSOLE_URL", "DEBUG", "IDP_SURFACE", "WEB_CONCURRENCY", "ALLOWED_HOSTS",
                 "MAINTAIN_EVERY",
                 "TRUSTED_PROXIES", "CLIENT_CERTIFICATE_HEADER", "OPERATIONS_NETWORKS", "CACHE_URL", "LOG_LEVEL",
                 "AUTH_FAILURES_PER_MINUTE", "REFUSALS_RECORDED_PER_MINUTE",
                 "FETCH_ALLOWED_NETWORKS", "FETCH_CA_FILE", "FETCH_TOKEN_DIRECTORY", "PKCS11_MODULE",
                 "PKCS11_PIN", "CHECKPOINT_FILE", "CHECKPOINT_URL", "EMAIL_URL", "EMAIL_FROM",
                 "NOTICE_WEBHOOK_URL", "NOTICE_WEBHOOK_SECRET",
                 "SESSION_IDLE_MINUTES", "SESSION_MAX_HOURS", "REQUIRE_SECOND_FACTOR",
                 "LOCAL_PASSWORDS", "OIDC_SIGN_IN_ISSUER")  # fmt: skip
for _name in _FROM_OUTSIDE:
    os.environ.pop(_name, None)

_IS_XDIST_WORKER = "PYTEST_XDIST_WORKER" in os.environ
# A worker's directory lies in that of the process which started it, which clears both away.
_parent = os.environ["VAR_DIR"] if _IS_XDIST_WORKER else None
_directory = tempfile.mkdtemp(prefix="m2m-idp-tests-", dir=_parent)
if not _IS_XDIST_WORKER:
    atexit.register(shutil.rmtree, _directory, ignore_errors=True)

os.environ["VAR_DIR"] = _directory
# Tests count rows. One of floods sets it (tests/protocol/test_flood.py).
os.environ["REFUSALS_RECORDED_PER_MINUTE"] = "0"
os.environ["SECRET_KEY"] = "the tests' own, 48 characters long, known to everyone"
os.environ["KEY_ENCRYPTION_KEYS"] = f"tests-1:{base64.b64encode(32 * b'k').decode()}"
os.environ["SECRET_PEPPERS"] = f"tests-1:{base64.b64encode(32 * b'p').decode()}"

from m2m_idp.settings import *  # noqa: E402, F403
from m2m_idp.settings import DATABASES, STATIC_ROOT, STORAGES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
STATIC_ROOT.mkdir()
if DATABASES["default"]["ENGINE"] == "m2m_idp.sqlite":
    # A file, as in production: a server that a test starts opens it too.
    DATABASES["default"]["TEST"] = {"NAME": str(Path(_directory) / "test.sqlite3")}
