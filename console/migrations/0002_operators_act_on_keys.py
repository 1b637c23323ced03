from django.db import migrations


def allow(apps, schema_editor):
    operators, permission = _found(apps, schema_editor)
    if operators:
        operators.permissions.add(permission)


def forbid(apps, schema_editor):
    operators, permission = _found(apps, schema_editor)
    if operators:
        operators.permissions.remove(permission)


def _found(apps, schema_editor):
    """The group, None if a superuser deleted it, and the permission to activate, revoke and certify keys."""
    alias = schema_editor.connection.alias
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.using(alias).get_or_create(
        app_label="keys", model="signingkey"
    )
    permission, _ = apps.get_model("auth", "Permission").objects.using(alias).get_or_create(
        content_type=content_type,
        codename="change_signingkey",
        defaults={"name": "Can change signing key"},
    )
    return apps.get_model("auth", "Group").objects.using(alias).filter(name="Operators").first(), permission


class Migration(migrations.Migration):
    dependencies = [("console", "0001_roles")]

    operations = [migrations.RunPython(allow, forbid)]
