from django.core.management.base import CommandError
from django.db import migrations, models


def refuse_reserved_path(apps, schema_editor):
    """The URL of an issuer of this path becomes the root issuer's authorization endpoint."""
    issuer = apps.get_model("issuers", "Issuer").objects.filter(path="authorize").first()
    if issuer is not None:
        raise CommandError(
            f'The issuer {issuer.name} has the path "authorize", which is reserved from this version on. Nothing was '
            "changed. With the version before this one: make an issuer of another path, move its clients and APIs there, "
            "and delete this one."
        )


class Migration(migrations.Migration):

    dependencies = [
        ('issuers', '0005_client_certificates_and_dpop'),
    ]

    operations = [
        migrations.RunPython(refuse_reserved_path, migrations.RunPython.noop, elidable=True),
        migrations.RemoveConstraint(
            model_name='issuer',
            name='issuer_path_not_reserved',
        ),
        migrations.AddField(
            model_name='historicalissuer',
            name='advertises_authorization_endpoint',
            field=models.BooleanField(default=True, help_text='Some client libraries refuse a discovery document without one. The endpoint refuses every request.', verbose_name='advertises an authorization endpoint'),
        ),
        migrations.AddField(
            model_name='historicalissuer',
            name='cors_origins',
            field=models.JSONField(blank=True, default=list, help_text='Origins of browser applications that may ask for tokens (CORS), such as https://app.example. Empty: none. The public documents may be read from every origin.', verbose_name='origins that may read tokens'),
        ),
        migrations.AddField(
            model_name='issuer',
            name='advertises_authorization_endpoint',
            field=models.BooleanField(default=True, help_text='Some client libraries refuse a discovery document without one. The endpoint refuses every request.', verbose_name='advertises an authorization endpoint'),
        ),
        migrations.AddField(
            model_name='issuer',
            name='cors_origins',
            field=models.JSONField(blank=True, default=list, help_text='Origins of browser applications that may ask for tokens (CORS), such as https://app.example. Empty: none. The public documents may be read from every origin.', verbose_name='origins that may read tokens'),
        ),
        migrations.AddConstraint(
            model_name='issuer',
            constraint=models.CheckConstraint(condition=models.Q(('path__in', ('api', 'admin', 'static', 'media', 'accounts', 'management', 'authorize', 'token', 'jwks', 'introspect', 'revoke', 'audit', 'livez', 'readyz', 'metrics')), _negated=True), name='issuer_path_not_reserved', violation_error_message='This path is reserved.'),
        ),
    ]
