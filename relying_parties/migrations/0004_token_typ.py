from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('issuers', '0007_iat_backdating'),
        ('relying_parties', '0003_ways_to_prove_oneself'),
    ]

    operations = [
        migrations.AddField(
            model_name='historicalresourceserver',
            name='token_typ',
            field=models.CharField(choices=[('at+jwt', 'at+jwt'), ('JWT', 'JWT')], default='at+jwt', help_text="The header typ of tokens for this API. at+jwt is the standard (RFC 9068). Choose JWT if its library refuses that, as Spring's does by default. A claim template's own typ comes before it.", max_length=10, verbose_name='token type (typ)'),
        ),
        migrations.AddField(
            model_name='resourceserver',
            name='token_typ',
            field=models.CharField(choices=[('at+jwt', 'at+jwt'), ('JWT', 'JWT')], default='at+jwt', help_text="The header typ of tokens for this API. at+jwt is the standard (RFC 9068). Choose JWT if its library refuses that, as Spring's does by default. A claim template's own typ comes before it.", max_length=10, verbose_name='token type (typ)'),
        ),
        migrations.AddConstraint(
            model_name='resourceserver',
            constraint=models.CheckConstraint(condition=models.Q(('token_typ__in', ['at+jwt', 'JWT'])), name='resource_server_known_typ'),
        ),
    ]
