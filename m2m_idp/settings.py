"""Django's settings. What an operator may choose comes from the environment: see env.py."""

import logging
import os
from urllib.parse import urlsplit

from m2m_idp import env

ENVIRONMENT = env.read(os.environ)

BASE_DIR = env.BASE_DIR
PUBLIC_URL = ENVIRONMENT.public_url
CONSOLE_URL = ENVIRONMENT.console_url
PUBLIC_URL_IS_LOOPBACK = ENVIRONMENT.is_loopback
VAR_DIR = ENVIRONMENT.var_dir
SURFACE = ENVIRONMENT.surface
HAS_CONSOLE = SURFACE in {"all", "admin"}
HAS_PROTOCOL = SURFACE in {"all", "protocol"}
TRUSTED_PROXIES = ENVIRONMENT.trusted_proxies
CLIENT_CERTIFICATE_HEADER = ENVIRONMENT.client_certificate_header
OPERATIONS_NETWORKS = ENVIRONMENT.operations_networks
FETCH_ALLOWED_NETWORKS = ENVIRONMENT.fetch_allowed_networks
FETCH_CA_FILE = ENVIRONMENT.fetch_ca_file
FETCH_TOKEN_DIRECTORY = ENVIRONMENT.fetch_token_directory
CHECKPOINT_FILE = ENVIRONMENT.checkpoint_file
CHECKPOINT_URL = ENVIRONMENT.checkpoint_url
MAIL_SERVER = ENVIRONMENT.mail_server
NOTICE_WEBHOOK = ENVIRONMENT.webhook
AUTH_FAILURES_PER_MINUTE = ENVIRONMENT.auth_failures_per_minute
REFUSALS_RECORDED_PER_MINUTE = ENVIRONMENT.refusals_recorded_per_minute

SECRET_KEY = ENVIRONMENT.secret_key
KEY_ENCRYPTION_KEYS = ENVIRONMENT.key_encryption_keys
SECRET_PEPPERS = ENVIRONMENT.secret_peppers
PKCS11_MODULE = ENVIRONMENT.pkcs11_module
PKCS11_PIN = ENVIRONMENT.pkcs11_pin
DEBUG = ENVIRONMENT.debug

# Only the console looks at the Host header; no answer of the protocol depends on it.
ALLOWED_HOSTS = [
    *dict.fromkeys(urlsplit(url).hostname or "" for url in (PUBLIC_URL, CONSOLE_URL)),
    "localhost",
    "127.0.0.1",
    "[::1]",
    *ENVIRONMENT.allowed_hosts,
]

INSTALLED_APPS = [
    "console",
    "configuration",
    "upkeep",
    "issuance",
    "relying_parties",
    "keys",
    "audit",
    "issuers",
    "oauth2_provider",
    "rest_framework",
    "simple_history",
    # Simple: the console registers its own pages, and no other app's admin module is loaded.
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]

# Console holds Django's own middleware, and enters it on the console's paths alone.
MIDDLEWARE = [
    "runtime.proxies.ForwardedMiddleware",
    *(["console.site.middleware.Console"] if HAS_CONSOLE else []),
]

ROOT_URLCONF = "m2m_idp.urls"
WSGI_APPLICATION = "m2m_idp.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": ENVIRONMENT.database}
# How many threads of a process may work on tokens, and ask the database for the protocol (runtime/slots.py). One that
# waits for PostgreSQL to commit leaves the core to the others; SQLite has one writer at a time.
IS_POSTGRESQL = "postgresql" in ENVIRONMENT.database["ENGINE"]
DATABASE_SLOTS = 8 if IS_POSTGRESQL else 4
CONSOLE_SLOTS = 4 if HAS_CONSOLE else 0
# Beside those the one that reads the revision, a probe, and two for what needs no database.
THREADS = DATABASE_SLOTS + CONSOLE_SLOTS + 4
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 14}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_REDIRECT_URL = "admin:index"
LOGIN_URL = "admin:login"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
FORMAT_MODULE_PATH = ["console.formats"]

STATIC_URL = "/static/"
STATIC_ROOT = ENVIRONMENT.static_root
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "console.site.static_files.Storage"},
}

# What is uploaded are keys: none is written to a disk on its way. What does not fit in memory is dropped.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

# Cookies and HSTS are of the console alone.
IS_HTTPS = CONSOLE_URL.startswith("https:")
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "session"
SESSION_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_ENGINE = "console.sign_in.session_store"
COMPANY_SIGN_IN = ENVIRONMENT.sign_in.company
TAKES_PASSWORDS = ENVIRONMENT.sign_in.takes_passwords
REQUIRE_SECOND_FACTOR = ENVIRONMENT.sign_in.requires_second_factor
SESSION_IDLE = ENVIRONMENT.sign_in.idle
SESSION_COOKIE_AGE = int(ENVIRONMENT.sign_in.longest.total_seconds())
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrf"
COMPANY_COOKIE_NAME = "__Host-company" if IS_HTTPS else "company"
KNOWN_BROWSER_COOKIE_NAME = "__Host-known" if IS_HTTPS else "known"
CSRF_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = list(dict.fromkeys([PUBLIC_URL, CONSOLE_URL]))
CSRF_FAILURE_VIEW = "console.site.refused_form.refused_form"
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS
# A promise for a whole domain that can hardly be taken back: its owner's to make.
SECURE_HSTS_PRELOAD = False
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# W008: TLS ends at gunicorn or at a trusted proxy; a redirect would answer a token request that leaked its secret.
# W001 to W003 and E408 to E410 look for Django's own middleware, which Console holds (console/site/middleware.py).
# W021 asks for the promise that SECURE_HSTS_PRELOAD would make.
SILENCED_SYSTEM_CHECKS = [
    *["security.W001", "security.W002", "security.W003", "security.W008", "security.W021"],
    *["admin.E408", "admin.E409", "admin.E410"],
]

# DOT is the registry of clients here; its views, tokens and token admins are not used (docs/design.md, section 10).
OAUTH2_PROVIDER_APPLICATION_MODEL = "relying_parties.RelyingParty"
OAUTH2_PROVIDER = {
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_MATCHING": True,
    "COMPLIANT_BCP_RFC9700_PKCE_REQUIRED": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
}

# A standard output that cannot be written to is no error of the request.
logging.raiseExceptions = False
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "runtime.logs.log.Formatter"}},
    "handlers": {"stdout": {"class": "runtime.logs.log.Handler", "formatter": "json"}},
    "root": {"handlers": ["stdout"], "level": ENVIRONMENT.log_level},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # Every refusal is an event of the record; Django would log a second, poorer line for it.
        "django.request": {"level": "ERROR"},
        "oauthlib": {"level": "INFO"},
        # Its warnings are of answers that are refused anyway, and hold the query of the URL.
        "urllib3": {"level": "ERROR"},
    },
}
