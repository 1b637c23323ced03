"""The rows of an inline in an old form, merged with those that are stored now.

A row that was added meanwhile is included. One that was deleted is not, unless the operator changed it: then it is a
new row, to be added again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import QueryDict

from console.admin_base.generics import InlineFormSet
from console.admin_base.versions.merged_form import Merged, Typed, Values, merged_fields
from console.admin_base.versions.sent_form import changed_in, sent

DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class OldInline:
    """`formset` has what is stored now, `data` what was sent, `before` what that was made from, if it is known."""

    formset: InlineFormSet
    data: QueryDict
    before: Mapping[int, Values] | None

    def merged(self) -> Merged:
        """The data are by the names in the whole form."""
        names = [f"{self._prefix}-{number}" for number in range(self._count("TOTAL"))]
        old, new = names[: self._count("INITIAL")], names[self._count("INITIAL") :]
        places = {self.data.get(f"{name}-id", ""): name for name in old}
        kept = [
            self._kept(form, places.pop(str(form.instance.pk), None)) for form in self.formset.initial_forms
        ]
        gone = [self._again(name) for key, name in places.items() if self._is_wanted(name, key)]
        added = [self._added(name) for name in new if self._is_filled(name)]
        rows = [*kept, *gone, *added]
        return Merged(
            data=self._numbered([row.data for row in rows], initial=len(kept)),
            typed=tuple(typed for row in rows for typed in row.typed),
        )

    def _kept(self, form: Any, name: str | None) -> Merged:
        """A row that is stored; `name` is its prefix in the form that was sent."""
        stored = {bound.name: sent(bound) for bound in form}
        if name is None:
            return Merged(data=stored, typed=())
        row = form.instance
        before = None if self.before is None else self.before.get(row.pk)
        merged = merged_fields(
            self.formset.form, self.data, row=row, before=before, prefix=name, of=f"{row}: "
        )
        if not self._is_deleted(name):
            return Merged(data={**stored, **merged.data}, typed=merged.typed)
        now = {bound.name: bound.initial for bound in form}
        is_contested = before is None or any(
            now[field] != value for field, value in before.items() if field in now
        )
        deleted = Typed(name=f"{row}", before="", now="", typed="to be deleted", is_contested=is_contested)
        return Merged(data=stored | {DELETE: ["on"]}, typed=(deleted,))

    def _added(self, name: str) -> Merged:
        return self._typed_whole(name, of="new {}")

    def _again(self, name: str) -> Merged:
        """A row that was deleted meanwhile."""
        merged = self._typed_whole(name, of="{}, deleted meanwhile")
        return Merged(
            data=merged.data, typed=tuple(replace(typed, is_contested=True) for typed in merged.typed)
        )

    def _typed_whole(self, name: str, *, of: str) -> Merged:
        model: Any = self.formset.model
        of = f"{of.format(model._meta.verbose_name)}: "
        return merged_fields(self.formset.form, self.data, row=model(), before={}, prefix=name, of=of)

    def _is_wanted(self, name: str, key: str) -> bool:
        """Whether the operator changed a row that was deleted meanwhile."""
        before = (self.before or {}).get(int(key)) if key.isascii() and key.isdigit() else None
        if before is None or self._is_deleted(name):
            return False
        return bool(changed_in(self.formset.form(self.data, prefix=name, initial=before)))

    def _is_filled(self, name: str) -> bool:
        return not self._is_deleted(name) and bool(changed_in(self.formset.form(self.data, prefix=name)))

    def _is_deleted(self, name: str) -> bool:
        return bool(self.data.get(f"{name}-{DELETE}"))

    def _numbered(self, rows: Sequence[Mapping[str, list[str]]], *, initial: int) -> dict[str, list[str]]:
        management = {
            "TOTAL_FORMS": len(rows), "INITIAL_FORMS": initial, "MIN_NUM_FORMS": self.formset.min_num,
            "MAX_NUM_FORMS": self.formset.max_num,
        }  # fmt: skip
        counts = {f"{self._prefix}-{name}": [str(number)] for name, number in management.items()}
        return counts | {
            f"{self._prefix}-{number}-{name}": values
            for number, row in enumerate(rows)
            for name, values in row.items()
        }

    def _count(self, of: str) -> int:
        sent_number = self.data.get(f"{self._prefix}-{of}_FORMS", "")
        is_number = sent_number.isascii() and sent_number.isdigit() and len(sent_number) < 10  # noqa: PLR2004
        return min(int(sent_number), self.formset.absolute_max) if is_number else 0

    @property
    def _prefix(self) -> str:
        return str(self.formset.prefix)
