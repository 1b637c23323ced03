"""Settings of a project whose one application is django-oauth-toolkit, in two forms.

PEER_FORM=default: what `startproject` and the toolkit's documentation set. PEER_FORM=lean: no middleware, a connection
to the database that stays open, and the client's secret as it is (`hash_client_secret` off).
"""

import os
import secrets

from environ import Env

IS_LEAN = os.environ["PEER_FORM"] == "lean"
SECRET_KEY = secrets.token_urlsafe(48)
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "oauth2_provider",
]
MIDDLEWARE = (
    []
    if IS_LEAN
    else [
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ]
)
ROOT_URLCONF = "toolkit_urls"
DATABASES = {
    "default": Env.db_url_config(os.environ["PEER_DATABASE"]) | {"CONN_MAX_AGE": None if IS_LEAN else 0}
}
if "sqlite3" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
