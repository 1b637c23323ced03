from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('relying_parties', '0010_durations_in_words'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='relyingparty',
            options={'ordering': ['issuer', 'client_id'], 'permissions': [('try_relyingparty', 'Can get a test token as a client')], 'verbose_name': 'client'},
        ),
    ]
