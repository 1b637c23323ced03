from django.db import migrations

CODENAME = "order_verification"
WHO = ("Operators", "Auditors")


def allow(apps, schema_editor):
    for group in _groups(apps, schema_editor):
        group.permissions.add(_permission(apps, schema_editor))


def forbid(apps, schema_editor):
    for group in _groups(apps, schema_editor):
        group.permissions.remove(_permission(apps, schema_editor))


def _groups(apps, schema_editor):
    """Those that a superuser has not deleted."""
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    return list(groups.filter(name__in=WHO))


def _permission(apps, schema_editor):
    """The permission; `post_migrate`, which makes it otherwise, comes later."""
    alias = schema_editor.connection.alias
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(alias)
    content_type, _ = content_types.get_or_create(app_label="upkeep", model="verificationorder")
    permission, _ = (
        apps.get_model("auth", "Permission")
        .objects.using(alias)
        .get_or_create(
            content_type=content_type,
            codename=CODENAME,
            defaults={"name": "Can order a verification of the record"},
        )
    )
    return permission


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0007_operators_try_clients"),
        ("upkeep", "0005_verification_orders"),
    ]

    operations = [migrations.RunPython(allow, forbid)]
