from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0004_seals'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='issuanceevent',
            options={'ordering': ['-at', '-id'], 'verbose_name': 'token request'},
        ),
        migrations.RemoveIndex(
            model_name='issuanceevent',
            name='event_at',
        ),
        migrations.RemoveIndex(
            model_name='issuanceevent',
            name='event_client',
        ),
        migrations.AddIndex(
            model_name='issuanceevent',
            index=models.Index(fields=['at', 'id'], name='event_at_id'),
        ),
        migrations.AddIndex(
            model_name='issuanceevent',
            index=models.Index(fields=['issuer', 'at', 'id'], name='event_issuer_at'),
        ),
        migrations.AddIndex(
            model_name='issuanceevent',
            index=models.Index(fields=['client_id', 'at', 'id'], name='event_client_at'),
        ),
        migrations.AddIndex(
            model_name='issuanceevent',
            index=models.Index(fields=['credential', 'at', 'id'], name='event_credential_at'),
        ),
        migrations.AddIndex(
            model_name='issuanceevent',
            index=models.Index(fields=['kid', 'at', 'id'], name='event_kid_at'),
        ),
        migrations.AddIndex(
            model_name='issuanceevent',
            index=models.Index(fields=['ip', 'at', 'id'], name='event_ip_at'),
        ),
        migrations.AddIndex(
            model_name='issuanceevent',
            index=models.Index(condition=models.Q(('error', ''), _negated=True), fields=['error', 'at', 'id'], name='event_error_at'),
        ),
        migrations.AddIndex(
            model_name='issuanceevent',
            index=models.Index(condition=models.Q(('outcome', 'issued'), _negated=True), fields=['outcome', 'at', 'id'], name='event_outcome_at'),
        ),
    ]
