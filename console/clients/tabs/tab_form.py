"""The form of one tab: some fields of a client, whose other fields may have faults of their own."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from console.admin_base.versions.configuration_admin import ConfigurationForm
from relying_parties.models import RelyingParty

Errors = dict[str, list[ValidationError]]


class TabForm(ConfigurationForm):
    """A fault in a field of another tab refuses the form only if the form made it."""

    def _update_errors(self, errors: ValidationError) -> None:
        if hasattr(errors, "error_dict"):
            errors = ValidationError(self._with_names(errors.error_dict))
        super()._update_errors(errors)

    def _with_names(self, found: Errors) -> Errors:
        here = {name: problems for name, problems in found.items() if self._is_here(name)}
        stored = _faults_of(self.instance.pk)
        elsewhere = [
            ValidationError(f"{_label(name)}: {' '.join(problem.messages)}")
            for name in found.keys() - here.keys()
            for problem in found[name]
            if problem.messages not in [fault.messages for fault in stored.get(name, [])]
        ]
        return here | ({NON_FIELD_ERRORS: [*here.get(NON_FIELD_ERRORS, []), *elsewhere]} if elsewhere else {})

    def _is_here(self, name: str) -> bool:
        return name == NON_FIELD_ERRORS or name in self.fields


def _faults_of(pk: int) -> Mapping[str, Any]:
    """What is wrong with the client as it is stored, by the field."""
    try:
        RelyingParty.objects.get(pk=pk).clean()
    except ValidationError as faults:
        return faults.error_dict
    return {}


def _label(name: str) -> str:
    column: Any = RelyingParty._meta.get_field(name)
    return str(column.verbose_name).capitalize()
