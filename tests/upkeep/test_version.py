"""The version that a start writes into the record."""

import tomllib

from django.conf import settings

from m2m_idp import __version__


def test_the_version_that_is_recorded_is_the_one_of_the_project() -> None:
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())
    assert project["project"]["version"] == __version__
