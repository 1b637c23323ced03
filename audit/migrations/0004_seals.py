import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from audit.protection import triggers


FORMER_TABLES = ("audit_issuanceevent", "audit_tombstone", "audit_checkpoint", "audit_refusalcount")
TABLES = (*FORMER_TABLES, "audit_inspection")


def remove_triggers(apps, schema_editor):
    triggers.remove(schema_editor.connection, FORMER_TABLES)


def install_former_triggers(apps, schema_editor):
    # Without those of the former checkpoints: they name columns that it did not have, and SQLite then renames no table.
    triggers.install(schema_editor.connection, [name for name in FORMER_TABLES if name != "audit_checkpoint"])


def install_triggers(apps, schema_editor):
    triggers.install(schema_editor.connection, TABLES)


def remove_all_triggers(apps, schema_editor):
    triggers.remove(schema_editor.connection, TABLES)


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0003_confirmation'),
    ]

    operations = [
        # Nothing was sealed before: both tables are empty, and made again in their new form.
        migrations.RunPython(remove_triggers, install_former_triggers),
        migrations.DeleteModel("Checkpoint"),
        migrations.DeleteModel("Tombstone"),
        migrations.CreateModel(
            name='Inspection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('actor', models.CharField(max_length=150)),
                ('source', models.CharField(help_text='The channel: admin, api or command.', max_length=10)),
                ('act', models.CharField(choices=[('export', 'Export'), ('verify', 'Verification'), ('prune', 'Pruning')], max_length=10)),
                ('filter', models.CharField(blank=True, help_text='Which rows were asked for; empty: all of them.', max_length=2000)),
                ('rows', models.PositiveBigIntegerField()),
                ('result', models.CharField(blank=True, max_length=500)),
                ('format', models.PositiveSmallIntegerField(default=1)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='HourlyCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField(help_text='Its start.')),
                ('issuer', models.CharField(max_length=400)),
                ('client_id', models.CharField(blank=True, max_length=255)),
                ('audience', models.CharField(blank=True, max_length=4000)),
                ('outcome', models.CharField(choices=[('issued', 'Issued'), ('refused', 'Refused'), ('failed', 'Failed')], max_length=10)),
                ('error', models.CharField(blank=True, max_length=64)),
                ('requests', models.PositiveBigIntegerField()),
                ('digest', models.CharField(help_text='SHA-256 of what is counted together.', max_length=64, unique=True)),
            ],
            options={
                'ordering': ['hour', 'issuer', 'client_id'],
                'indexes': [models.Index(fields=['hour'], name='count_hour'), models.Index(fields=['client_id', 'hour'], name='count_client_hour')],
            },
        ),
        migrations.CreateModel(
            name='Tombstone',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('actor', models.CharField(max_length=150)),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('first_id', models.PositiveBigIntegerField()),
                ('last_id', models.PositiveBigIntegerField()),
                ('row_count', models.PositiveBigIntegerField(help_text='How many rows the range held.')),
                ('kid', models.CharField(max_length=128)),
                ('statement', models.TextField(help_text='A JWT in compact serialization.')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('first_id__lte', models.F('last_id'))), name='tombstone_range'), models.CheckConstraint(condition=models.Q(('statement', ''), _negated=True), name='tombstone_is_signed')],
            },
        ),
        migrations.CreateModel(
            name='UnsealedRange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('table', models.CharField(max_length=100)),
                ('first_id', models.PositiveBigIntegerField()),
                ('last_id', models.PositiveBigIntegerField(null=True)),
                ('noticed_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['table', 'first_id'],
                'constraints': [models.UniqueConstraint(fields=('table', 'first_id'), name='unsealed_once'), models.UniqueConstraint(condition=models.Q(('last_id__isnull', True)), fields=('table',), name='one_open_range_per_table')],
            },
        ),
        migrations.CreateModel(
            name='Checkpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveBigIntegerField(help_text='From 1 on, without gaps.', unique=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('row_count', models.PositiveIntegerField()),
                ('leaves', models.BinaryField(help_text='Table, id and SHA-256 leaf hash of each row (audit/sealing/leaves.py).')),
                ('root', models.CharField(help_text='Hexadecimal.', max_length=64)),
                ('kid', models.CharField(max_length=128)),
                ('statement', models.TextField(help_text='A JWT in compact serialization.')),
                ('previous', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='next', to='audit.checkpoint')),
            ],
            options={
                'ordering': ['-number'],
                'constraints': [models.UniqueConstraint(models.Value(1), condition=models.Q(('previous__isnull', True)), name='one_first_checkpoint'), models.CheckConstraint(condition=models.Q(('statement', ''), _negated=True), name='checkpoint_is_signed')],
            },
        ),
        migrations.AddField(
            model_name='refusalcount',
            name='written_at',
            field=models.DateTimeField(default=django.utils.timezone.now, help_text='Counts wait in a server while the database is away.'),
        ),
        migrations.AddIndex(
            model_name='refusalcount',
            index=models.Index(fields=['at'], name='refusals_at'),
        ),
        migrations.RunPython(install_triggers, remove_all_triggers),
    ]
