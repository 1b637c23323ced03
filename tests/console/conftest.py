"""The people of the console, logged in; the cast has none."""

from collections.abc import Mapping

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from tests.support.cast import Cast

Roles = Mapping[str, Client]


def _logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def member(name: str, group: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return _logged_in(user)


@pytest.fixture
def operator(cast: Cast) -> Client:
    return member("olga", "Operators")


@pytest.fixture
def auditor(cast: Cast) -> Client:
    return member("aud", "Auditors")


@pytest.fixture
def superuser(cast: Cast) -> Client:
    return _logged_in(User.objects.create_superuser("root"))


@pytest.fixture
def roles(operator: Client, auditor: Client, superuser: Client) -> Roles:
    nobody = _logged_in(User.objects.create_user("nobody", is_staff=True))
    return {
        "anonymous": Client(),
        "nobody": nobody,
        "auditor": auditor,
        "operator": operator,
        "superuser": superuser,
    }
