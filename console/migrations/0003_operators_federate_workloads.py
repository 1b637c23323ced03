from django.db import migrations

MODELS = ("trustedissuer", "federatedcredential")
READING, WRITING = ("view",), ("add", "change", "delete")


def allow(apps, schema_editor):
    for group, acts in _roles(apps, schema_editor):
        group.permissions.add(*_permissions(apps, schema_editor, acts))


def forbid(apps, schema_editor):
    for group, acts in _roles(apps, schema_editor):
        group.permissions.remove(*_permissions(apps, schema_editor, acts))


def _roles(apps, schema_editor):
    """The groups that a superuser has not deleted, and what each may do."""
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    acts = {"Operators": READING + WRITING, "Auditors": READING}
    return [(group, acts[group.name]) for group in groups.filter(name__in=acts)]


def _permissions(apps, schema_editor, acts):
    """The permissions of these acts; `post_migrate`, which makes them otherwise, comes later."""
    alias = schema_editor.connection.alias
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(alias)
    permissions = apps.get_model("auth", "Permission").objects.using(alias)
    found = []
    for name in MODELS:
        content_type, _ = content_types.get_or_create(app_label="relying_parties", model=name)
        verbose_name = apps.get_model("relying_parties", name)._meta.verbose_name_raw
        for act in acts:
            permission, _ = permissions.get_or_create(
                content_type=content_type,
                codename=f"{act}_{name}",
                defaults={"name": f"Can {act} {verbose_name}"},
            )
            found.append(permission)
    return found


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0002_operators_act_on_keys"),
        ("relying_parties", "0003_ways_to_prove_oneself"),
    ]

    operations = [migrations.RunPython(allow, forbid)]
