from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('issuers', '0012_durations_in_words'),
    ]

    operations = [
        migrations.AddField(
            model_name='historicalissuer',
            name='allows_test_tokens',
            field=models.BooleanField(default=True, help_text='Let operators try its clients in the console: a token of at most a minute, recorded as a test.', verbose_name='allows test tokens'),
        ),
        migrations.AddField(
            model_name='issuer',
            name='allows_test_tokens',
            field=models.BooleanField(default=True, help_text='Let operators try its clients in the console: a token of at most a minute, recorded as a test.', verbose_name='allows test tokens'),
        ),
    ]
