"""A certificate authority made by openssl, and what it issues: to servers on loopback, and to clients."""

import hashlib
import json
import ssl
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from jwcrypto.jwk import JWK

from tests.support.server import Tls

CLIENT = "extendedKeyUsage=clientAuth"
CA = "basicConstraints=critical,CA:TRUE"
SUBJECT = "/C=SE/O=Acme, Inc./OU=Money/CN=billing"


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key, in files of PEM."""

    certificate: Path
    key: Path

    @property
    def pem(self) -> str:
        return self.certificate.read_text()

    @property
    def der(self) -> bytes:
        return ssl.PEM_cert_to_DER_cert(self.pem)

    @property
    def sha256(self) -> str:
        """In hexadecimal digits."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def jwk(self) -> dict[str, Any]:
        """Of its public key."""
        public = x509.load_der_x509_certificate(self.der).public_key()
        members: dict[str, Any] = json.loads(JWK.from_pyca(public).export_public())
        return members

    @property
    def pair(self) -> tuple[str, str]:
        """As requests takes them."""
        return str(self.certificate), str(self.key)


@dataclass(frozen=True, slots=True)
class Authority:
    directory: Path
    own: Issued

    @classmethod
    def new(cls, directory: Path, name: str = "clients", *extensions: str) -> "Authority":
        """Without extensions named it is what `openssl req -x509` makes."""
        request = [
            "-x509",
            "-days",
            "30",
            "-subj",
            f"/O=Acme/CN={name}",
            "-config",
            _configuration(directory),
        ]
        own = _made(directory, name, [*request, *_added(extensions or (CA, "keyUsage=critical,keyCertSign"))])
        return cls(directory, own)

    def issue(
        self,
        name: str,
        *extensions: str,
        subject: str = SUBJECT,
        key: str = "ec:P-256",
        at: str | None = None,
    ) -> Issued:
        """A certificate with these extensions, of version 1 without any, good for 20 days from `at` (2020-01-01)."""
        request = ["-subj", subject, "-config", _configuration(self.directory), *_added(extensions)]
        issued = _made(self.directory, name, request, key=key)
        signing = ["-CA", self.own.certificate, "-CAkey", self.own.key, "-CAcreateserial"]
        copied = ["-copy_extensions", "copy"] if extensions else []
        openssl("x509", "-req", "-in", issued.certificate, "-days", "20", *signing, *copied,
                 "-out", issued.certificate, at=at)  # fmt: skip
        return issued

    def tls(self) -> Tls:
        """For a server on loopback, whose clients may bring certificates of this authority."""
        server = self.issue(
            "server", "subjectAltName=DNS:localhost,IP:127.0.0.1", "extendedKeyUsage=serverAuth"
        )
        ca = self.own.certificate
        return Tls(certificate=server.certificate, key=server.key, ca=ca, client_ca=ca)

    def sub_authority(self, name: str, *extensions: str) -> "Authority":
        added = extensions or (CA, "keyUsage=critical,keyCertSign")
        return Authority(self.directory, self.issue(name, *added, subject=f"/O=Acme/CN={name}"))


def self_signed(
    directory: Path,
    name: str,
    *,
    subject: str = "",
    key: str = "ec:P-256",
    of: Issued | None = None,
    at: str | None = None,
) -> Issued:
    """Good for 20 days from `at` (2020-01-01) or now on; with the key `of` another one, if there is one."""
    request = [
        "-x509",
        "-days",
        "20",
        "-subj",
        subject or f"/CN={name}",
        "-config",
        _configuration(directory),
    ]
    return _made(directory, name, [*request, *_added([CLIENT])], key=key, of=of, at=at)


def server_certificate(authority: Authority) -> Issued:
    """For 127.0.0.1; its file holds the key too, as HAProxy wants it."""
    issued = authority.issue("server", "subjectAltName=IP:127.0.0.1", "extendedKeyUsage=serverAuth")
    both = issued.certificate.with_name("server-both.pem")
    both.write_text(issued.pem + issued.key.read_text())
    return Issued(both, issued.key)


def chain_file(directory: Path, *issued: Issued) -> Path:
    path = directory / f"chain-{issued[0].certificate.stem}.pem"
    path.write_text("".join(each.pem for each in issued))
    return path


def _made(
    directory: Path,
    name: str,
    request: Sequence[object],
    *,
    key: str = "ec:P-256",
    of: Issued | None = None,
    at: str | None = None,
) -> Issued:
    # What was issued before under the same name stays as it is: a server may be reading it.
    own = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=directory))
    issued = Issued(own / f"{name}.pem", of.key if of else own / f"{name}.key")
    algorithm, _, size = key.partition(":")
    parameter = ["-pkeyopt", f"ec_paramgen_curve:{size}"] if algorithm == "ec" else []
    wanted = f"{algorithm}:{size}" if algorithm == "rsa" else algorithm
    new = ["-newkey", wanted, *parameter, "-nodes", "-keyout", issued.key]
    openssl("req", *(["-new", "-key", of.key] if of else new), *request, "-out", issued.certificate, at=at)
    return issued


def _added(extensions: Iterable[str]) -> list[str]:
    return [word for extension in extensions for word in ("-addext", extension)]


def _configuration(directory: Path) -> Path:
    """Nothing of the machine's own."""
    path = directory / "openssl.cnf"
    if not path.exists():
        path.write_text("[req]\ndistinguished_name = name\nstring_mask = utf8only\nutf8 = yes\n[name]\n")
    return path


def openssl(*words: object, at: str | None = None) -> None:
    # A clock that stands still: dates are exact, however long openssl takes.
    then = ["env", "TZ=UTC", "faketime", "-f", f"{at} 00:00:00"] if at else []
    command = [*then, "openssl", *(str(word) for word in words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stderr}")
