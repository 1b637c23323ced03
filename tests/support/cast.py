"""The fixed cast: two issuers, their resource servers, and four relying parties that every test knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils import timezone

from issuers.models import GlobalVariable, Issuer, SigningAlg, TokenEndpointAuthMethod
from keys.lifecycle.creation import create_first_key
from keys.models import SigningKey
from keys.record_key import make_record_key
from relying_parties.models import AccessGrant, ClaimTemplate, RelyingParty, ResourceServer
from relying_parties.secrets.credentials import add_generated_secret
from tests.support.wire import basic

INVOICES = "https://invoices.example"
YOUR_APPLICATION = "your_application"
RABBITMQ = "rabbitmq"


@dataclass(frozen=True, slots=True)
class Cast:
    """Fresh objects for each test: what one changes, the next does not see."""

    oidc_m2m: Issuer
    other: Issuer
    key: SigningKey
    """The RS256 key of `oidc_m2m`."""
    other_key: SigningKey
    """The ES256 key of `other`."""
    invoices: ResourceServer
    your_application: ResourceServer
    rabbitmq: ResourceServer
    seed_template: ClaimTemplate
    billing: RelyingParty
    """client_secret_basic; invoices is its default; reads at your_application and rabbitmq too."""
    reports: RelyingParty
    """client_secret_post; the seed's template, 300 seconds, YourScope at your_application."""
    retired: RelyingParty
    """client_secret_basic; disabled."""
    stranger: RelyingParty
    """client_secret_basic, of the issuer `other`."""
    secrets: Mapping[str, str] = field(repr=False)
    """The generated secret of each relying party by client id."""

    def basic(self, client_id: str) -> str:
        """The Authorization header by which the relying party proves itself."""
        return basic(client_id, self.secrets[client_id])

    def in_body(self, client_id: str) -> dict[str, str]:
        """The parameters by which it does."""
        return {"client_id": client_id, "client_secret": self.secrets[client_id]}


def build_cast() -> Cast:
    now = timezone.now()
    oidc_m2m = new_issuer("oidc_m2m", "M2M", SigningAlg.RS256)
    other = new_issuer("other", "Other", SigningAlg.ES256)
    GlobalVariable(issuer=oidc_m2m, name="region", value="eu-north").checked().save()
    invoices = new_resource_server(oidc_m2m, INVOICES, ["invoices.read", "invoices.write"])
    your_application = new_resource_server(oidc_m2m, YOUR_APPLICATION, ["YourScope", "invoices.read"])
    rabbitmq = new_resource_server(oidc_m2m, RABBITMQ, ["rabbitmq.read:*/*", "rabbitmq.write:*/*"])
    elsewhere = new_resource_server(other, INVOICES, ["invoices.read"])
    template = ClaimTemplate(
        name="seed",
        claims={"iss": "${issuer.url}", "aud": YOUR_APPLICATION, "your_claim": "value"},
        headers={},
    )
    template.checked().save()
    billing = new_relying_party(oidc_m2m, "billing")
    new_grant(billing, invoices, ["invoices.read", "invoices.write"], is_default=True)
    new_grant(billing, your_application, ["invoices.read"])
    new_grant(billing, rabbitmq, ["rabbitmq.read:*/*"])
    reports = new_relying_party(
        oidc_m2m, "reports", method=TokenEndpointAuthMethod.CLIENT_SECRET_POST, template=template, ttl=300
    )
    new_grant(reports, your_application, ["YourScope"])
    retired = new_relying_party(oidc_m2m, "retired", is_active=False)
    new_grant(retired, invoices, ["invoices.read"], is_default=True)
    stranger = new_relying_party(other, "stranger")
    new_grant(stranger, elsewhere, ["invoices.read"], is_default=True)
    make_record_key(now)
    return Cast(
        oidc_m2m=oidc_m2m,
        other=other,
        key=create_first_key(issuer=oidc_m2m, alg=SigningAlg.RS256, now=now),
        other_key=create_first_key(issuer=other, alg=SigningAlg.ES256, now=now),
        invoices=invoices,
        your_application=your_application,
        rabbitmq=rabbitmq,
        seed_template=template,
        billing=billing,
        reports=reports,
        retired=retired,
        stranger=stranger,
        secrets={
            relying_party.client_id: add_generated_secret(relying_party=relying_party, label="first")[1]
            for relying_party in (billing, reports, retired, stranger)
        },
    )


def new_issuer(path: str, name: str, alg: SigningAlg) -> Issuer:
    issuer = Issuer(path=path, name=name, signing_alg=alg)
    issuer.checked().save()
    return issuer


def new_resource_server(issuer: Issuer, identifier: str, scopes: list[str]) -> ResourceServer:
    server = ResourceServer(issuer=issuer, identifier=identifier, scopes=scopes)
    server.checked().save()
    return server


def new_relying_party(
    issuer: Issuer,
    client_id: str,
    *,
    method: TokenEndpointAuthMethod = TokenEndpointAuthMethod.CLIENT_SECRET_BASIC,
    template: ClaimTemplate | None = None,
    ttl: int | None = None,
    is_active: bool = True,
) -> RelyingParty:
    relying_party = RelyingParty(
        issuer=issuer,
        client_id=client_id,
        name=client_id.title(),
        token_endpoint_auth_method=method,
        claim_template=template,
        access_token_ttl=ttl,
        is_active=is_active,
    )
    relying_party.checked().save()
    return relying_party


def new_grant(
    relying_party: RelyingParty, server: ResourceServer, scopes: list[str], *, is_default: bool = False
) -> AccessGrant:
    grant = AccessGrant(
        relying_party=relying_party, resource_server=server, scopes=scopes, is_default=is_default
    )
    grant.checked().save()
    return grant
