"""The account of a person of the company: made at the first sign-in, its roles set at each by the provider's groups."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import transaction

from console.sign_in.company.provider import NotSignedInError, company
from console.sign_in.company.registration import SUPERUSER
from console.sign_in.models import CompanyIdentity
from formats.masking import cleaned
from issuers.versioning.history import Source, authored

MAX_NAME = 150


def user_for(claims: Mapping[str, Any]) -> User:
    """Raises NotSignedInError."""
    us = company()
    roles = _roles(claims.get(us.groups_claim))
    name = _name(claims.get(us.username_claim))
    with authored(actor=name, source=Source.ADMIN), transaction.atomic():
        user = _account(us.issuer, str(claims["sub"]), name)
        _set_roles(user, roles)
    return user


def _roles(groups: Any) -> set[str]:
    named = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    us = company()
    roles = {us.roles[group] for group in named if isinstance(group, str) and group in us.roles}
    if not roles:
        raise NotSignedInError(
            f"You are in none of the groups that may use this console (claim {us.groups_claim}): "
            f"{', '.join(us.roles)}."
        )
    return roles


def _name(value: Any) -> str:
    claim = company().username_claim
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME:
        raise NotSignedInError(f"The claim {claim} is no user name of at most {MAX_NAME} characters.")
    try:
        UnicodeUsernameValidator()(value)
    except ValidationError as error:
        raise NotSignedInError(f"The claim {claim} is no user name: {error.messages[0]}") from error
    return value


def _account(issuer: str, subject: str, name: str) -> User:
    """By the subject, which stays when a name changes. A local user of that name is somebody else."""
    digest = CompanyIdentity.digest_of(issuer, subject)
    identity = CompanyIdentity.objects.select_related("user").filter(digest=digest).first()
    if identity is not None and not identity.user.is_active:
        raise NotSignedInError("Your account is disabled here.")
    user = identity.user if identity is not None else User()
    if User.objects.filter(username=name).exclude(pk=user.pk).exists():
        raise NotSignedInError(f"There is another user of the name {cleaned(name)} here.")
    if user.pk is None:
        user.set_unusable_password()
    if user.pk is None or user.username != name:
        user.username = name
        user.save()
    if identity is None:
        CompanyIdentity.objects.create(digest=digest, user=user)
    return user


def _set_roles(user: User, roles: set[str]) -> None:
    """Exactly these, whatever the console gave meanwhile."""
    groups = list(Group.objects.filter(name__in=roles - {SUPERUSER}))
    if missing := roles - {SUPERUSER} - {group.name for group in groups}:
        raise NotSignedInError(
            f"OIDC_SIGN_IN_ROLES names roles that are not here: {', '.join(sorted(missing))}."
        )
    is_superuser = SUPERUSER in roles
    if not user.is_staff or user.is_superuser != is_superuser:
        user.is_staff, user.is_superuser = True, is_superuser
        user.save()
    user.groups.set(groups)
