from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("audit", "0006_operational_events")]

    operations = [
        migrations.AlterModelOptions(
            name="operationalevent",
            options={
                "ordering": ["-id"],
                "permissions": [("acknowledge_finding", "Can acknowledge a finding of a verification")],
            },
        ),
    ]
