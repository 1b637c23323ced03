from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('issuers', '0009_accepted_assertion_algorithms'),
    ]

    operations = [
        migrations.CreateModel(
            name='TopicRevision',
            fields=[
                ('topic', models.CharField(max_length=300, primary_key=True, serialize=False)),
                ('number', models.PositiveBigIntegerField(db_index=True)),
            ],
        ),
        migrations.AddField(
            model_name='configurationrevision',
            name='itemized',
            field=models.PositiveBigIntegerField(default=0),
        ),
    ]
