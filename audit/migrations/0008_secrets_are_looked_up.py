from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0007_findings_are_acknowledged'),
    ]

    operations = [
        migrations.AlterField(
            model_name='operationalevent',
            name='kind',
            field=models.CharField(choices=[('sign_in', 'Sign-in'), ('sign_in_failed', 'Failed sign-in'), ('sign_out', 'Sign-out'), ('account_changed', 'Change of an account'), ('started', 'Start of the server'), ('stopped', 'Stop of the server'), ('gap', 'Gap in the record'), ('finding_acknowledged', 'Acknowledgement of a finding'), ('triggers_installed', 'Installation of triggers'), ('secret_looked_up', 'Look-up of a secret')], max_length=32),
        ),
    ]
