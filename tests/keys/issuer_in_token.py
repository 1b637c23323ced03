"""An issuer whose keys live in the token."""

from dataclasses import dataclass, field

from django.utils import timezone

from issuers.models import Issuer, SigningAlg
from keys.lifecycle.creation import create_first_key
from keys.models import SigningKey
from keys.pkcs11.uri import Pkcs11Uri
from relying_parties.secrets.credentials import add_generated_secret
from tests.keys.softhsm import URI
from tests.support.cast import INVOICES, new_grant, new_issuer, new_relying_party, new_resource_server
from tests.support.wire import Answer, ask, basic, get

PATH = "vault"


@dataclass(frozen=True, slots=True)
class IssuerInToken:
    issuer: Issuer
    key: SigningKey
    secret: str = field(repr=False)

    def ask(self) -> Answer:
        return ask(auth=basic("teller", self.secret), target=f"/{PATH}/token")

    def jwks(self) -> Answer:
        return get(f"/{PATH}/jwks")


def issuer_in_token(alg: str = SigningAlg.ES256) -> IssuerInToken:
    issuer = new_issuer(PATH, "Vault", SigningAlg(alg))
    teller = new_relying_party(issuer, "teller")
    new_grant(
        teller, new_resource_server(issuer, INVOICES, ["invoices.read"]), ["invoices.read"], is_default=True
    )
    key = create_first_key(issuer=issuer, alg=alg, now=timezone.now(), token=Pkcs11Uri.parse(URI))
    return IssuerInToken(issuer, key, add_generated_secret(relying_party=teller, label="first")[1])
