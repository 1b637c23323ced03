"""A certificate authority of the tests' own, made by openssl: for servers on loopback and for their clients."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.server import Tls

SERVER_NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth"


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate and its key, in PEM."""

    certificate: Path
    key: Path

    @property
    def pair(self) -> tuple[str, str]:
        return str(self.certificate), str(self.key)


@dataclass(frozen=True, slots=True)
class Authority:
    directory: Path
    root: Certified

    @classmethod
    def new(cls, directory: Path, name: str = "Test CA") -> "Authority":
        root = Certified(directory / "ca.pem", directory / "ca.key")
        openssl(
            "req", "-x509", *_new_key(root.key), "-out", root.certificate, "-days", "30", "-subj", f"/CN={name}",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip
        return cls(directory=directory, root=root)

    def certified(self, name: str, *, subject: str, extensions: str, days: int = 30) -> Certified:
        """A certificate for a new P-256 key; `subject` such as /CN=billing, `extensions` as openssl writes them."""
        made = Certified(self.directory / f"{name}.pem", self.directory / f"{name}.key")
        request, wanted = self.directory / f"{name}.csr", self.directory / f"{name}.ext"
        wanted.write_text(extensions)
        openssl("req", "-new", *_new_key(made.key), "-out", request, "-subj", subject)
        openssl(
            "x509", "-req", "-in", request, "-CA", self.root.certificate, "-CAkey", self.root.key, "-days", str(days),
            "-out", made.certificate, "-extfile", wanted,
        )  # fmt: skip
        return made

    def tls(self, *, client_ca: Path | None = None) -> Tls:
        """For a server at localhost."""
        server = self.certified("server", subject="/CN=localhost", extensions=SERVER_NAMES)
        return Tls(
            certificate=server.certificate, key=server.key, ca=self.root.certificate, client_ca=client_ca
        )


def _new_key(path: Path) -> tuple[object, ...]:
    return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
