from django.db import migrations


def make_the_one_row(apps, schema_editor):
    apps.get_model("upkeep", "LastRun").objects.get_or_create(id=1)


class Migration(migrations.Migration):
    dependencies = [("upkeep", "0001_initial")]

    operations = [migrations.RunPython(make_the_one_row, migrations.RunPython.noop)]
