from django.db import migrations, models

from audit.protection.live_indexes import AddIndexLive, RemoveIndexLive


class Migration(migrations.Migration):

    # So that tokens are issued meanwhile: a large record takes minutes.
    atomic = False

    dependencies = [
        ('audit', '0004_seals'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='issuanceevent',
            options={'ordering': ['-at', '-id'], 'verbose_name': 'token request'},
        ),
        AddIndexLive(
            model_name='issuanceevent',
            index=models.Index(fields=['at', 'id'], name='event_at_id'),
        ),
        AddIndexLive(
            model_name='issuanceevent',
            index=models.Index(fields=['issuer', 'at', 'id'], name='event_issuer_at'),
        ),
        AddIndexLive(
            model_name='issuanceevent',
            index=models.Index(fields=['client_id', 'at', 'id'], name='event_client_at'),
        ),
        AddIndexLive(
            model_name='issuanceevent',
            index=models.Index(fields=['credential', 'at', 'id'], name='event_credential_at'),
        ),
        AddIndexLive(
            model_name='issuanceevent',
            index=models.Index(fields=['kid', 'at', 'id'], name='event_kid_at'),
        ),
        AddIndexLive(
            model_name='issuanceevent',
            index=models.Index(fields=['ip', 'at', 'id'], name='event_ip_at'),
        ),
        AddIndexLive(
            model_name='issuanceevent',
            index=models.Index(condition=models.Q(('error', ''), _negated=True), fields=['error', 'at', 'id'], name='event_error_at'),
        ),
        AddIndexLive(
            model_name='issuanceevent',
            index=models.Index(condition=models.Q(('outcome', 'issued'), _negated=True), fields=['outcome', 'at', 'id'], name='event_outcome_at'),
        ),
        # Only now: the pages of the version before, which may still run, are read by them.
        RemoveIndexLive(
            model_name='issuanceevent',
            name='event_at',
        ),
        RemoveIndexLive(
            model_name='issuanceevent',
            name='event_client',
        ),
    ]
