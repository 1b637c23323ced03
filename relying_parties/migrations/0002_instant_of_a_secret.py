import django.utils.timezone
from django.db import migrations, models

CREATED_AT = models.DateTimeField(default=django.utils.timezone.now, editable=False)


class Migration(migrations.Migration):
    """No column changes. SQLite would build the table again, and give ids of deleted secrets a second time."""

    dependencies = [("relying_parties", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(model_name="clientsecret", name="created_at", field=CREATED_AT),
                migrations.AlterField(model_name="historicalclientsecret", name="created_at", field=CREATED_AT),
            ]
        )
    ]
