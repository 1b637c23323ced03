"""An issuer's path as operators write it: the root issuer has the empty path, which is written as a slash."""

from issuers.models import Issuer

ROOT = "/"


class UnknownIssuerError(Exception):
    """No issuer has this path; the text names the paths that exist."""


def written_path(path: str) -> str:
    return path or ROOT


def issuer_at(written: str) -> Issuer:
    """Raises UnknownIssuerError."""
    issuer = Issuer.objects.filter(path="" if written == ROOT else written).first()
    if issuer is None:
        paths = Issuer.objects.values_list("path", flat=True)
        known = ", ".join(map(written_path, paths)) or "none yet"
        raise UnknownIssuerError(f"There is no issuer {written}. There are: {known}.")
    return issuer
