from django.db import migrations

READERS = ("Operators", "Auditors")


def allow(apps, schema_editor):
    for group in _readers(apps, schema_editor):
        group.permissions.add(_view(apps, schema_editor))


def forbid(apps, schema_editor):
    for group in _readers(apps, schema_editor):
        group.permissions.remove(_view(apps, schema_editor))


def _readers(apps, schema_editor):
    """Those groups that a superuser has not deleted."""
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    return list(groups.filter(name__in=READERS))


def _view(apps, schema_editor):
    """The permission; `post_migrate`, which makes it otherwise, comes later."""
    alias = schema_editor.connection.alias
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(alias)
    content_type, _ = content_types.get_or_create(app_label="audit", model="operationalevent")
    permission, _ = (
        apps.get_model("auth", "Permission")
        .objects.using(alias)
        .get_or_create(
            content_type=content_type, codename="view_operationalevent", defaults={"name": "Can view operational event"}
        )
    )
    return permission


class Migration(migrations.Migration):
    dependencies = [("console", "0004_who_inspected_is_read"), ("audit", "0006_operational_events")]

    operations = [migrations.RunPython(allow, forbid)]
