"""The WSGI application that gunicorn serves (m2m_idp/gunicorn.conf.py)."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2m_idp.settings")
django.setup(set_prefix=False)

# The request class reads settings when it is imported.
from issuance.wire.wsgi_handler import Handler  # noqa: E402

application = Handler()
