"""docs/operations.md says of the proxies what is tested with them."""

import re
from pathlib import Path

import pytest

from issuance.wire.certificate_headers import CERTIFICATE_HEADERS
from tests.mtls.proxies import HAPROXY, NGINX

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
OPERATORS_OWN = re.compile(r":443 ssl crt \S+ ca-file \S+")
"""Address and files."""


@pytest.mark.parametrize(("language", "tested"), [("nginx", NGINX), ("haproxy", HAPROXY)])
def test_every_line_of_a_proxys_configuration_is_tested(language: str, tested: str) -> None:
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    (block,) = (block for block in blocks if "ssl" in block)
    lines = [line.strip() for line in tested.replace("{{", "{").replace("}}", "}").splitlines()]
    for line in block.splitlines():
        assert OPERATORS_OWN.sub("127.0.0.1:{port} ssl crt {certificate} ca-file {authority}", line) in lines


def test_every_form_of_the_header_is_documented() -> None:
    assert re.findall(r"^\| `([a-z0-9]+)` \| `(?:X-|Client-Cert)", PAGE, flags=re.MULTILINE) == [
        "nginx", "haproxy", "envoy", "rfc9440",
    ]  # fmt: skip
    assert len(CERTIFICATE_HEADERS) == 4
