from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('upkeep', '0003_told_endings'),
    ]

    operations = [
        migrations.CreateModel(
            name='SentCheckpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('place', models.CharField(max_length=64, unique=True)),
                ('number', models.PositiveBigIntegerField(default=0)),
            ],
        ),
    ]
