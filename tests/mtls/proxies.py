"""nginx and HAProxy in front of the server: they end TLS, ask for a certificate, and pass it on unverified."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.support.authority import Authority, Issued
from tests.support.processes import running
from tests.support.server import Server, Tls, free_port, serve

FORM_OF = {"nginx": "nginx", "haproxy": "haproxy", "haproxy, RFC 9440": "rfc9440"}
"""The form of header that each proxy writes. HAProxy writes two, of which one is configured."""

NGINX = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory};
    proxy_temp_path {directory};
    fastcgi_temp_path {directory};
    uwsgi_temp_path {directory};
    scgi_temp_path {directory};
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {certificate};
        ssl_verify_client optional_no_ca;
        ssl_verify_depth 8;
        location / {{
            proxy_pass http://127.0.0.1:{server};
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert;
        }}
    }}
}}
"""
HAPROXY = """
global
    maxconn 100
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend tls
    bind 127.0.0.1:{port} ssl crt {certificate} ca-file {authority} verify optional ca-ignore-err all crt-ignore-err all
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Proto https
    http-request del-header X-SSL-Client-DER
    http-request set-header X-SSL-Client-DER %[ssl_c_der,base64] if {{ ssl_c_used }}
    http-request del-header Client-Cert
    http-request del-header Client-Cert-Chain
    http-request set-header Client-Cert :%[ssl_c_der,base64]: if {{ ssl_c_used }}
    default_backend m2m_idp
backend m2m_idp
    server one 127.0.0.1:{server}
"""


@dataclass(frozen=True, slots=True)
class Door:
    """Where TLS ends. A client without a certificate of its own sends none."""

    port: int
    authority: Path
    """Of the certificate at this end."""

    def get(self, path: str, client: Issued | None = None, **options: Any) -> requests.Response:
        return self._asked(requests.get, path, client, options)

    def post(self, path: str, client: Issued | None = None, **options: Any) -> requests.Response:
        return self._asked(requests.post, path, client, options)

    def _asked(
        self,
        method: Callable[..., requests.Response],
        path: str,
        client: Issued | None,
        options: dict[str, Any],
    ) -> requests.Response:
        pair = client.pair if client else None
        url = f"https://127.0.0.1:{self.port}{path}"
        return method(url, cert=pair, verify=str(self.authority), timeout=10, **options)


@contextmanager
def served_behind(
    ends_tls: str,
    directory: Path,
    *,
    pair: Issued,
    authority: Authority,
    application: str = "m2m_idp.wsgi:application",
) -> Iterator[Server]:
    """The server. A proxy of its own reaches it from 127.0.0.1, and nobody else is one; or `gunicorn` ends TLS."""
    if ends_tls == "gunicorn":
        ca = authority.own.certificate
        environment, tls = {}, Tls(pair.certificate, pair.key, ca=ca, client_ca=ca)
    else:
        environment = {"TRUSTED_PROXIES": "127.0.0.1/32", "CLIENT_CERTIFICATE_HEADER": FORM_OF[ends_tls]}
        tls = None
    with serve(directory, 1, environment, tls=tls, application=application) as running:
        yield running


@contextmanager
def in_front_of(
    server: Server, ends_tls: str, directory: Path, *, pair: Issued, authority: Authority
) -> Iterator[Door]:
    ca = authority.own.certificate
    if ends_tls == "gunicorn":
        yield Door(server.port, ca)
        return
    proxy = nginx if ends_tls == "nginx" else haproxy
    with proxy(directory, server=server.port, certificate=pair.certificate, authority=ca) as door:
        yield door


@contextmanager
def nginx(directory: Path, *, server: int, certificate: Path, authority: Path) -> Iterator[Door]:
    """In front of the server's port; `certificate` is the proxy's own, with its key, of this authority."""
    port = free_port()
    configuration = directory / f"nginx-{port}.conf"
    configuration.write_text(
        NGINX.format(directory=directory, port=port, server=server, certificate=certificate)
    )
    binary = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin") or "nginx"
    with running([binary, "-p", str(directory), "-c", str(configuration)], port):
        yield Door(port, authority)


@contextmanager
def haproxy(directory: Path, *, server: int, certificate: Path, authority: Path) -> Iterator[Door]:
    """The same. It cannot ask clients for certificates without naming an authority, and verifies nothing by it."""
    port = free_port()
    configuration = directory / f"haproxy-{port}.cfg"
    configuration.write_text(
        HAPROXY.format(port=port, server=server, certificate=certificate, authority=authority)
    )
    binary = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin") or "haproxy"
    with running([binary, "-db", "-f", str(configuration)], port):
        yield Door(port, authority)
