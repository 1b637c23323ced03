from django.db import migrations

CONFIGURATION = {
    "issuers": ("issuer", "globalvariable"),
    "relying_parties": ("relyingparty", "accessgrant", "requestrule", "resourceserver", "claimtemplate"),
}
SECRETS_AND_KEYS = {"relying_parties": ("clientsecret",), "keys": ("signingkey",)}
RECORD = {"audit": ("issuanceevent", "trace", "checkpoint", "tombstone", "refusalcount")}


def make(apps, schema_editor):
    view = _permissions(apps, ("view",), CONFIGURATION, SECRETS_AND_KEYS, RECORD)
    write = _permissions(apps, ("add", "change", "delete"), CONFIGURATION)
    # A secret is added and ended, a key is added: by acts of their own, never by a form.
    act = _permissions(apps, ("add",), SECRETS_AND_KEYS) + _permissions(
        apps, ("change",), {"relying_parties": ("clientsecret",)}
    )
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    groups.get_or_create(name="Auditors")[0].permissions.set(view)
    groups.get_or_create(name="Operators")[0].permissions.set(view + write + act)


def unmake(apps, schema_editor):
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    groups.filter(name__in=["Auditors", "Operators"]).delete()


def _permissions(apps, acts, *models):
    """The permissions of these acts on these models; `post_migrate`, which makes them otherwise, comes later."""
    content_types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    found = []
    for labels in models:
        for app_label, names in labels.items():
            for name in names:
                content_type, _ = content_types.get_or_create(app_label=app_label, model=name)
                verbose_name = apps.get_model(app_label, name)._meta.verbose_name_raw
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
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("issuers", "0001_initial"),
        ("keys", "0001_initial"),
        ("relying_parties", "0001_initial"),
        ("audit", "0001_initial"),
    ]

    operations = [migrations.RunPython(make, unmake)]
