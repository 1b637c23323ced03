"""What every page of the record shares: nobody, a superuser included, adds, changes or deletes."""

from typing import Any

from django.http import HttpRequest

from console.admin_base.page import Page


class ReadOnlyAdmin(Page):
    actions = None
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
