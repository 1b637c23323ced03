"""An act on an object on a page of its own, whose form also names the version that it was made from.

If the object is no longer of that version nothing is done: the page shows the changes since and asks again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from django.db import models, transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse

from console.admin_base.change_history import Change
from console.admin_base.versions import configuration_version
from console.admin_base.versions.made_from import (
    CONFLICT,
    MADE_FROM,
    replaced,
    sent_version,
    stale_act,
    stale_form,
)
from console.admin_base.versions.merged_form import Before, merged_fields
from issuers.versioning.version_of import StaleVersionError, read_version, require_version, version_of

F = TypeVar("F", bound=BaseForm)


@dataclass(frozen=True, slots=True)
class Subject:
    """The object of an act.

    `parts`: the reverse relations that the act changes too. `owner`: locked first, since every channel locks it before
    it changes a part of it.
    """

    model: type[models.Model]
    pk: int
    parts: Sequence[str] = ()
    owner: tuple[type[models.Model], int] | None = None

    @property
    def version(self) -> str:
        """Called before the object is read for the page."""
        return str(version_of(self.model, self.pk, *self.parts))

    def require(self, request: HttpRequest) -> None:
        """In a transaction. Raises StaleVersionError unless the object has the version of the form."""
        if self.owner:
            model, pk = self.owner
            list(model._default_manager.select_for_update(of=("self",), no_key=True).filter(pk=pk))
        require_version(self.model, self.pk, read_version(sent_version(request)), *self.parts)

    def merged(
        self, request: HttpRequest, make: Callable[..., F], row: models.Model, asked: "Asked"
    ) -> tuple[F, "Asked"]:
        """The form with what is stored now and, in the changed fields, what was typed."""
        before = self._before(request)
        merged = merged_fields(make, request.POST, row=row, before=before.fields if before else None)
        stale = stale_form(self._changes(request), typed=merged.typed, is_known=before is not None)
        form = make(replaced(request.POST, merged.data), instance=row)
        return form, replace(asked, context={**asked.context, "stale": stale})

    def asked_again(self, request: HttpRequest) -> "Asked":
        stale = stale_act(self._changes(request), is_known=self._before(request) is not None)
        return Asked(is_stale=True, context={MADE_FROM: self.version, "stale": stale})

    def _before(self, request: HttpRequest) -> Before | None:
        """What the form was made from, if it is known."""
        return configuration_version.before(self.model(pk=self.pk), sent_version(request), *self.parts)

    def _changes(self, request: HttpRequest) -> Sequence[Change]:
        row = self.model(pk=self.pk)
        return configuration_version.changes_since(row, sent_version(request), *self.parts)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page of an act has to do: show its form, act, or ask again.

    `context` is for its template.
    """

    is_to_do: bool = False
    is_stale: bool = False
    context: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return CONFLICT if self.is_stale else 200


FIRST = Asked()
"""For a page whose form names no version."""


def answered(
    request: HttpRequest, subject: Subject, page: Callable[[Asked], HttpResponse], *, checks: bool = False
) -> HttpResponse:
    """The page, called with the object locked when it is to act. It reads the object itself.

    One that `checks` is called without the lock, and calls `subject.require` itself.
    """
    if request.method != "POST":
        return page(Asked(context={MADE_FROM: subject.version}))
    to_do = Asked(is_to_do=True, context={MADE_FROM: sent_version(request)})
    try:
        if checks:
            return page(to_do)
        with transaction.atomic():
            subject.require(request)
            return page(to_do)
    except StaleVersionError:
        return page(subject.asked_again(request))
