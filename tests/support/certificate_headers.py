"""How each proxy writes its client's certificate into a header."""

import base64
from urllib.parse import quote

from tests.support.authority import Issued

FORMS = ("rfc9440", "nginx", "haproxy", "envoy")

Headers = list[tuple[str, str]]


def encoded(issued: Issued) -> str:
    return base64.b64encode(issued.der).decode()


def escaped(*issued: Issued) -> str:
    return quote("".join(each.pem for each in issued), safe="")


def xfcc(issued: Issued, *more: str) -> str:
    """One element of X-Forwarded-Client-Cert."""
    return ";".join(["By=spiffe://mesh/idp", "Hash=" + 64 * "0", f'Cert="{escaped(issued)}"', *more])


def header(form: str, issued: Issued) -> tuple[str, str]:
    return {
        "rfc9440": ("Client-Cert", f":{encoded(issued)}:"),
        "nginx": ("X-SSL-Client-Cert", escaped(issued)),
        "haproxy": ("X-SSL-Client-DER", encoded(issued)),
        "envoy": ("X-Forwarded-Client-Cert", xfcc(issued)),
    }[form]
