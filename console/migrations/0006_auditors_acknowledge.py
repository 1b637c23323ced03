from django.db import migrations

CODENAME = "acknowledge_finding"


def allow(apps, schema_editor):
    for group in _auditors(apps, schema_editor):
        group.permissions.add(_permission(apps, schema_editor))


def forbid(apps, schema_editor):
    for group in _auditors(apps, schema_editor):
        group.permissions.remove(_permission(apps, schema_editor))


def _auditors(apps, schema_editor):
    """None where a superuser has deleted the group."""
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    return list(groups.filter(name="Auditors"))


def _permission(apps, schema_editor):
    """The permission; `post_migrate`, which makes it otherwise, comes later."""
    alias = schema_editor.connection.alias
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(alias)
    content_type, _ = content_types.get_or_create(app_label="audit", model="operationalevent")
    permission, _ = (
        apps.get_model("auth", "Permission")
        .objects.using(alias)
        .get_or_create(
            content_type=content_type,
            codename=CODENAME,
            defaults={"name": "Can acknowledge a finding of a verification"},
        )
    )
    return permission


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0005_operational_events_are_read"),
        ("audit", "0007_findings_are_acknowledged"),
    ]

    operations = [migrations.RunPython(allow, forbid)]
