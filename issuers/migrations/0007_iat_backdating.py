import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('issuers', '0006_authorization_endpoint_and_origins'),
    ]

    operations = [
        migrations.AddField(
            model_name='historicalissuer',
            name='iat_backdating',
            field=models.PositiveIntegerField(default=0, help_text='Seconds, at most 60. For APIs whose clocks are slow and whose libraries allow no leeway.', validators=[django.core.validators.MaxValueValidator(60)], verbose_name='set back iat by'),
        ),
        migrations.AddField(
            model_name='issuer',
            name='iat_backdating',
            field=models.PositiveIntegerField(default=0, help_text='Seconds, at most 60. For APIs whose clocks are slow and whose libraries allow no leeway.', validators=[django.core.validators.MaxValueValidator(60)], verbose_name='set back iat by'),
        ),
        migrations.AddConstraint(
            model_name='issuer',
            constraint=models.CheckConstraint(condition=models.Q(('iat_backdating__lte', 60)), name='issuer_iat_backdating_within_skew'),
        ),
    ]
