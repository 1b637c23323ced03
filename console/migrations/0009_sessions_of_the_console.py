import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


def end_former_sessions(apps, schema_editor):
    """Their table holds keys as they are, and nothing reads it any more: everybody signs in again."""
    sessions = apps.get_model("sessions", "Session").objects.using(schema_editor.connection.alias)
    sessions.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ('console', '0008_verifications_are_ordered'),
        ('sessions', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ConsoleSession',
            fields=[
                ('session_data', models.TextField(verbose_name='session data')),
                ('expire_date', models.DateTimeField(db_index=True, verbose_name='expire date')),
                ('session_key', models.CharField(max_length=64, primary_key=True, serialize=False, verbose_name='digest of the session key')),
                ('public_id', models.UUIDField(db_index=True, default=uuid.uuid4, editable=False)),
                ('since', models.DateTimeField(help_text='When its user signed in.')),
                ('last_seen_at', models.DateTimeField()),
                ('address', models.CharField(blank=True, help_text='From which its user signed in.', max_length=45)),
                ('browser', models.CharField(blank=True, help_text='As it named itself then.', max_length=200)),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'session',
                'verbose_name_plural': 'sessions',
            },
        ),
        migrations.RunPython(end_former_sessions, migrations.RunPython.noop),
    ]
