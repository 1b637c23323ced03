from django.db import migrations

CODENAME = "try_relyingparty"


def allow(apps, schema_editor):
    operators, permission = _found(apps, schema_editor)
    if operators:
        operators.permissions.add(permission)


def forbid(apps, schema_editor):
    operators, permission = _found(apps, schema_editor)
    if operators:
        operators.permissions.remove(permission)


def _found(apps, schema_editor):
    """The group, None if a superuser deleted it, and the permission; `post_migrate`, which makes it, comes later."""
    alias = schema_editor.connection.alias
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.using(alias).get_or_create(
        app_label="relying_parties", model="relyingparty"
    )
    permission, _ = apps.get_model("auth", "Permission").objects.using(alias).get_or_create(
        content_type=content_type,
        codename=CODENAME,
        defaults={"name": "Can get a test token as a client"},
    )
    return apps.get_model("auth", "Group").objects.using(alias).filter(name="Operators").first(), permission


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0006_auditors_acknowledge"),
        ("relying_parties", "0011_try_a_client"),
    ]

    operations = [migrations.RunPython(allow, forbid)]
