"""Django's generic classes, which the type checker subscripts and Python cannot."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.forms import UserChangeForm as StockUserChangeForm
from django.contrib.auth.models import User

if TYPE_CHECKING:
    BaseAdmin = BaseModelAdmin[Any]
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    UserAdmin = StockUserAdmin[User]
    UserChangeForm = StockUserChangeForm[User]
    ModelForm = forms.ModelForm[Any]
    InlineFormSet = forms.BaseInlineFormSet[Any, Any, Any]
else:
    BaseAdmin = BaseModelAdmin
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline
    UserAdmin = StockUserAdmin
    UserChangeForm = StockUserChangeForm
    ModelForm = forms.ModelForm
    InlineFormSet = forms.BaseInlineFormSet
