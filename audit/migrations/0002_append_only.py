from django.db import migrations

from audit.protection import triggers

TABLES = ("audit_issuanceevent", "audit_tombstone", "audit_checkpoint", "audit_refusalcount")


def install(apps, schema_editor):
    triggers.install(schema_editor.connection, TABLES)


def remove(apps, schema_editor):
    triggers.remove(schema_editor.connection, TABLES)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [migrations.RunPython(install, remove)]
