from django.db import migrations, models

from audit.protection import triggers

TABLES = ("audit_operationalevent",)


def install_triggers(apps, schema_editor):
    triggers.install(schema_editor.connection, TABLES)


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0005_pages_by_time'),
    ]

    operations = [
        migrations.CreateModel(
            name='OperationalEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('kind', models.CharField(choices=[('sign_in', 'Sign-in'), ('sign_in_failed', 'Failed sign-in'), ('sign_out', 'Sign-out'), ('account_changed', 'Change of an account'), ('started', 'Start of the server'), ('stopped', 'Stop of the server'), ('gap', 'Gap in the record'), ('finding_acknowledged', 'Acknowledgement of a finding'), ('triggers_installed', 'Installation of triggers')], max_length=32)),
                ('actor', models.CharField(help_text='Who did it; the server: its host.', max_length=150)),
                ('source', models.CharField(help_text='Through which channel: admin, api, command or server.', max_length=10)),
                ('address', models.CharField(blank=True, help_text="The caller's address, where a request did it.", max_length=45)),
                ('target', models.CharField(blank=True, help_text='What it was done to.', max_length=300)),
                ('detail', models.CharField(blank=True, max_length=4000)),
                ('statement', models.TextField(blank=True, help_text='Of an acknowledgement: a JWT in compact serialization, by the record key.')),
                ('format', models.PositiveSmallIntegerField(default=1)),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['kind', 'id'], name='operational_kind_id')],
            },
        ),
        # Backwards the table goes, and its triggers with it.
        migrations.RunPython(install_triggers, migrations.RunPython.noop),
    ]
