"""Every URL of the console, with an object behind each that needs one."""

from io import BytesIO
from typing import Any
from urllib.parse import urlencode
from zipfile import ZipFile

from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import (
    Checkpoint,
    HourlyCount,
    Inspection,
    IssuanceEvent,
    OperationalEvent,
    RefusalCount,
    Tombstone,
    Trace,
)  # fmt: skip
from console.site.admin_site import site
from issuers.models import GlobalVariable, Issuer
from keys.lifecycle.rotation import announce_successor
from keys.models import SigningKey
from relying_parties.models import (
    AccessGrant,
    ClaimTemplate,
    ClientSecret,
    FederatedCredential,
    RelyingParty,
    RequestRule,
    ResourceServer,
    TrustedIssuer,
)
from tests.support.cast import INVOICES, Cast
from tests.support.wire import ask, last_event

CONFIGURATION: tuple[type[Model], ...] = (
    Issuer,
    GlobalVariable,
    RelyingParty,
    ResourceServer,
    ClaimTemplate,
    TrustedIssuer,
    AccessGrant,
    RequestRule,
)
READ_ONLY: tuple[type[Model], ...] = (
    SigningKey, IssuanceEvent, Checkpoint, Tombstone, RefusalCount, Inspection, OperationalEvent,
)  # fmt: skip
PEOPLE: tuple[type[Model], ...] = (User, Group)
MODELS = (*CONFIGURATION, *READ_ONLY, *PEOPLE)


TABS = ("change", "credentials", "access", "claims", "restrictions")
"""The pages of a client that have a form of their own."""
FIELDS_OF_TABS = {
    "credentials": {"token_endpoint_auth_method", "client_jwks", "tls_client_auth_san_dns"},
    "access": {"grants", "access"},
    "claims": {"claim_template", "access_token_ttl", "signing_alg"},
    "restrictions": {
        "rules", "requests_per_minute", "allowed_networks", "valid_from", "valid_until",
        "tls_client_certificate_bound_access_tokens", "dpop_bound_access_tokens",
    },
}  # fmt: skip
"""Those that tests change; all others are on the first tab."""
CLUSTER = "https://cluster.example"


def federate(relying_party: RelyingParty) -> FederatedCredential:
    """Trust a cluster, one of whose workloads the relying party is."""
    issuer = relying_party.issuer
    trusted, _ = TrustedIssuer.objects.get_or_create(issuer=issuer, name="Cluster", issuer_url=CLUSTER)
    credential = FederatedCredential(
        relying_party=relying_party,
        trusted_issuer=trusted,
        label="pod",
        subject="system:serviceaccount:prod:billing",
        claims={"kubernetes.io": {"namespace": "prod"}},
    )
    credential.checked().save()
    return credential


def fill_every_table(cast: Cast) -> None:
    """A row in each table that would otherwise be empty, and a key that waits."""
    now = timezone.now()
    federate(cast.billing)
    announce_successor(cast.other_key, now=now)
    ask(auth=cast.basic("billing"))
    RequestRule(relying_party=cast.reports, parameter="env", regex="prod", message="prod").checked().save()
    Trace.objects.create(event=last_event(), content={"steps": [], "request": {"path": "/oidc_m2m/token"}})
    Checkpoint.objects.create(number=1, row_count=1, leaves=b"leaf", root="00", kid="k", statement="s")
    Tombstone.objects.create(actor="a", first_id=10_000, last_id=10_001, row_count=2, kid="k", statement="s")
    Inspection.objects.create(at=now, actor="a", source="command", act="export", rows=3)
    OperationalEvent.objects.create(at=now, kind="sign_in", actor="a", source="admin", address="192.0.2.7")
    HourlyCount.objects.create(
        hour=now.replace(minute=0, second=0, microsecond=0), issuer=cast.oidc_m2m.url, client_id="billing",
        audience=INVOICES, outcome="issued", requests=7, digest="d",
    )  # fmt: skip
    RefusalCount.objects.create(at=now, issuer="i", network="192.0.2.0/24", error="invalid_client", refused=2)


def url(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def object_urls(model: type[Model]) -> dict[str, str]:
    """Its pages by name, those of an object for the first one."""
    row = model._default_manager.order_by("pk").first()
    assert row is not None, f"{model.__name__} has no row"
    named = {page: url(model, page, row.pk) for page in ("change", "delete", "history")}
    return named | {page: url(model, page) for page in ("changelist", "add")}


def act_urls(cast: Cast) -> dict[str, str]:
    """The pages of the acts on secrets and keys, and the other views of the console's own."""
    secret = ClientSecret.objects.filter(relying_party=cast.billing).earliest("pk")
    return {
        "disable": url(RelyingParty, "disable", cast.billing.pk),
        "enable": url(RelyingParty, "enable", cast.billing.pk),
        "hand over": reverse("admin:hand_over", args=[cast.billing.pk]),
        "yaml": url(RelyingParty, "yaml", cast.billing.pk),
        "generate": url(RelyingParty, "generate_secret", cast.billing.pk),
        "rotate secret": url(RelyingParty, "rotate_secret", cast.billing.pk, secret.pk),
        "revoke": url(RelyingParty, "revoke_secret", cast.billing.pk, secret.pk),
        "expiry": url(RelyingParty, "secret_expiry", cast.billing.pk, secret.pk),
        "API access": url(ResourceServer, "access", cast.invoices.pk),
        "API verify": url(ResourceServer, "verify", cast.invoices.pk),
        "change identifier": url(ResourceServer, "identifier", cast.invoices.pk),
        "create key": url(Issuer, "create_key", cast.oidc_m2m.pk, "ES256"),
        "import key": url(Issuer, "import_key", cast.oidc_m2m.pk),
        "rotate": url(SigningKey, "rotate", cast.key.pk),
        "revoke key": url(SigningKey, "revoke", cast.key.pk),
        "certificate": url(SigningKey, "certificate", cast.key.pk),
        "certificate request": url(SigningKey, "request", cast.key.pk),
        "chain": url(SigningKey, "chain", cast.key.pk),
        "try": reverse("admin:try_client", args=[cast.billing.pk]),
        "preview": url(RelyingParty, "preview", cast.billing.pk) + "?address=192.0.2.7",
        "preview template": url(ClaimTemplate, "preview"),
        "export": url(IssuanceEvent, "export"),
        "export with proofs": url(IssuanceEvent, "export_ndjson"),
        "integrity": reverse("admin:integrity"),
        "contain": f"{reverse('admin:contain')}?client={cast.billing.pk}",
        "evidence": reverse("admin:evidence") + "?since=2026-01-01T00:00",
        "acknowledge": url(OperationalEvent, "acknowledge"),
        "overview": reverse("admin:index"),
        "sessions": reverse("admin:sessions"),
        "second factor": reverse("admin:second_factor"),
        "reset second factor": url(User, "second_factor", User.objects.earliest("pk").pk),
    }


def page_with(row: Model, *fields: str) -> str:
    """The page of an object whose form has these fields: of a client one of its tabs."""
    names = {field.partition("-")[0] for field in fields}
    tabs = [tab for tab, own in FIELDS_OF_TABS.items() if isinstance(row, RelyingParty) and names & own]
    return url(type(row), tabs[0] if tabs else "change", row.pk)


def tab_urls(cast: Cast) -> dict[str, str]:
    """The tabs of a client, but for the first, which is its page."""
    return {tab: url(RelyingParty, tab, cast.billing.pk) for tab in TABS[1:]}


def record_urls(cast: Cast) -> dict[str, str]:
    """The pages of the record that are no row's own, with what each needs to be asked for."""
    issued = IssuanceEvent.objects.filter(client_id=cast.billing.client_id, outcome="issued").latest("pk")
    client = urlencode({"issuer": cast.oidc_m2m.url, "client": "billing"})
    access = urlencode({"issuer": cast.oidc_m2m.url, "audience": INVOICES})
    return {
        "token": url(IssuanceEvent, "token"),
        "find": reverse("admin:find"),
        "credential": reverse("admin:credential", args=[issued.credential]),
        "why": reverse("admin:why"),
        "then": url(IssuanceEvent, "then", issued.pk, "relying_party", cast.billing.pk),
        "activity": reverse("admin:audit_activity"),
        "access": f"{reverse('admin:audit_access')}?{access}",
        "access CSV": f"{reverse('admin:audit_access_csv')}?{access}",
        "timeline": f"{reverse('admin:audit_timeline')}?{client}",
        "client's timeline": url(RelyingParty, "timeline", cast.billing.pk),
        "tidy": reverse("admin:tidy", args=["without-contact"]),
    }


def federation_urls(cast: Cast) -> dict[str, str]:
    """The pages of the acts on federated credentials."""
    credential = FederatedCredential.objects.filter(relying_party=cast.billing).earliest("pk")
    return {
        "add federated": url(RelyingParty, "add_federated", cast.billing.pk),
        "change federated": url(RelyingParty, "change_federated", cast.billing.pk, credential.pk),
        "delete federated": url(RelyingParty, "delete_federated", cast.billing.pk, credential.pk),
        "presets": url(RelyingParty, "presets", cast.billing.pk),
        "preset": url(RelyingParty, "preset", cast.billing.pk, "google"),
    }


def activation_urls() -> list[str]:
    """Only an announced key has this page."""
    announced = SigningKey.objects.filter(activates_at__gt=timezone.now())
    return [url(SigningKey, "activate", key.pk) for key in announced]


def all_urls(cast: Cast) -> list[str]:
    assert set(site._registry) == set(MODELS)
    acts = [
        *act_urls(cast).values(),
        *tab_urls(cast).values(),
        *federation_urls(cast).values(),
        *activation_urls(),
        *record_urls(cast).values(),
    ]
    return [*acts, *(page for model in MODELS for page in object_urls(model).values())]


def body_of(client: Client, page: str) -> str:
    """Of a streamed answer too."""
    content: bytes = client.get(page).getvalue()
    return content.decode() if not content.startswith(b"PK") else _text_of_zip(content)


def _text_of_zip(content: bytes) -> str:
    with ZipFile(BytesIO(content)) as archive:
        return "".join(archive.read(name).decode() for name in archive.namelist())
