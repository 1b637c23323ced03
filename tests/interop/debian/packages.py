"""The packages of Debian 12 that are tested, and the upstream versions that docs/interoperability.md names."""

import re
import subprocess

VERSIONS = {
    "amqp-tools": "0.11.0",
    "apache2": "2.4",
    "haproxy": "2.6.12",
    "libapache2-mod-auth-openidc": "2.4.12.3",
    "libapache2-mod-oauth2": "3.3.1",
    "prometheus": "2.42.0",
    "rabbitmq-server": "3.10.8",
}


def debian(package: str) -> str:
    """The version that a row names, whatever is installed on the machine that writes the page."""
    return VERSIONS[package]


def assert_installed(*packages: str) -> None:
    for package in packages:
        installed = _upstream_version(package)
        assert installed, f"{package} is missing: apt-get install --no-install-recommends {package}"
        assert re.match(rf"{re.escape(VERSIONS[package])}(?!\d)", installed), (
            f"{package} is {installed}, not {VERSIONS[package]}: change VERSIONS and run `make interop-table`."
        )


def _upstream_version(package: str) -> str:
    """Empty where it is not installed."""
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${source:Upstream-Version}", package]
    status, _, version = subprocess.run(query, capture_output=True, text=True, check=False).stdout.partition(
        " "
    )
    return version if status == "installed" else ""
