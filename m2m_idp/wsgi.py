"""The WSGI application that gunicorn serves (m2m_idp/gunicorn.conf.py)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2m_idp.settings")

application = get_wsgi_application()
