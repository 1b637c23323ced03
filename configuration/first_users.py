"""The first users of a new installation, with generated passwords."""

import secrets

from django.contrib.auth.models import Group, User

PASSWORD_BYTES = 15

ROLES = {"admin": None, "operator": "Operators", "auditor": "Auditors"}
"""The user's name and group; the one without a group is the superuser."""


class MissingGroupError(Exception):
    """A group that the migrations create does not exist."""


def create_first_users() -> dict[str, str]:
    """Make the users and return their passwords by name. Makes none where there is any user.

    Call it inside a transaction. Raises MissingGroupError.
    """
    if User.objects.exists():
        return {}
    passwords = {name: secrets.token_urlsafe(PASSWORD_BYTES) for name in ROLES}
    for name, group in ROLES.items():
        user = User(username=name, is_staff=True, is_superuser=group is None)
        user.set_password(passwords[name])
        user.save()
        if group is not None:
            user.groups.add(_group(group))
    return passwords


def _group(name: str) -> Group:
    try:
        return Group.objects.get(name=name)
    except Group.DoesNotExist as error:
        raise MissingGroupError(
            f"The group {name} is missing. Run manage.py migrate console zero, then manage.py migrate, which makes "
            "both groups."
        ) from error
