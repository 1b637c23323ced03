# The server of m2m-idp. It runs as nobody in particular, on a read-only root file system; VAR_DIR is its only state
# outside the database, and needed only where secrets are generated (PUBLIC_URL is loopback) or the database is SQLite.
FROM python:3.13-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /srv/m2m-idp
RUN python -m venv /opt/venv
# With requirements-pkcs11.txt the server can sign with keys in an HSM, whose library is for another image on top of it.
ARG REQUIREMENTS=requirements.txt
COPY requirements.txt requirements-pkcs11.txt ./
RUN /opt/venv/bin/pip install --require-hashes --only-binary :all: --requirement "$REQUIREMENTS"
COPY . ./
# Settings want secrets; those that this step generates stay in this stage's /tmp and sign nothing.
RUN VAR_DIR=/tmp/build STATIC_ROOT=/srv/static /opt/venv/bin/python manage.py collectstatic --no-input \
    && /opt/venv/bin/python -m compileall -q . \
    && rm -r /tmp/build

FROM python:3.13-slim-bookworm

RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin m2m-idp \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/m2m-idp
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv /srv
WORKDIR /srv/m2m-idp
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BIND=0.0.0.0 \
    STATIC_ROOT=/srv/static \
    VAR_DIR=/var/lib/m2m-idp
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "deploy/healthcheck.py"]
CMD ["gunicorn", "--config", "m2m_idp/gunicorn.conf.py"]
