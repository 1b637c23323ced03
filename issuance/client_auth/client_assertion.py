"""By an assertion: a JWT that the client signed, or that an issuer it is federated with did (RFC 7521, RFC 7523).

Which of the two counts is registered; a malformed assertion never falls back to another method.
"""

from dataclasses import dataclass, field
from datetime import datetime

from audit.credential_name import CredentialKind, CredentialName
from issuance.client_auth.proof import Proven
from issuance.replay import SingleUse, single_use
from issuance.signed_jwt import (
    JwtRefusedError,
    SignedJwt,
    is_named_or_signed_by,
    read_jwt,
    refuse_other_alg,
    refuse_other_audience,
    refuse_other_kind,
    refuse_outside_time,
    verified_by,
)
from issuance.wire.errors import InvalidClient, InvalidRequest, TemporarilyUnavailable
from issuance.wire.token_request import TokenRequest
from issuers.directory import IssuerSnapshot
from issuers.models import ASSERTION_METHODS, TokenEndpointAuthMethod
from relying_parties.client import Client
from relying_parties.federation.credential import Federated, Trusted
from relying_parties.jwks.client_keys import VerificationKey
from relying_parties.signers import client_signers, trusted_signers
from runtime.main_loop import refuse_to_wait
from runtime.outbound.fetching import FetchError

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_LIFETIME = 600
"""Seconds that an assertion which the client makes itself may live."""
MIN_TOKEN_LIFETIME = 5
"""Seconds. An access token that ends with its proof sooner than this would end before it is used."""
CLIENTS_OWN = frozenset({"", "jwt", "client-authentication+jwt"})
OF_A_TRUSTED_ISSUER = frozenset({"", "jwt", "jose"})


@dataclass(frozen=True, slots=True)
class PresentedAssertion:
    """`named` is the client_id parameter, which may be missing where the assertion names the client."""

    token: SignedJwt = field(repr=False)
    named: str

    @property
    def client_id(self) -> str:
        subject = self.token.claims.get("sub")
        return self.named or (subject if isinstance(subject, str) else "")

    @property
    def methods(self) -> tuple[str, ...]:
        return ASSERTION_METHODS

    @property
    def readings(self) -> "tuple[PresentedAssertion]":
        return (self,)

    @property
    def is_guess(self) -> bool:
        return False

    def proven_for(self, client: Client, *, issuer: IssuerSnapshot, now: datetime) -> Proven:
        is_federated = client.token_endpoint_auth_method == TokenEndpointAuthMethod.FEDERATED_JWT
        prove = self._by_trusted_issuer if is_federated else self._by_client
        try:
            refuse_other_alg(self.token, accepted=issuer.assertion_algs)
            return prove(client, issuer=issuer, now=now)
        except JwtRefusedError as error:
            raise InvalidClient(f"The client assertion is refused. {error}") from error
        except FetchError as error:
            # The fault may be anybody's but the client's, who shall try again.
            raise TemporarilyUnavailable(f"The keys that prove the client cannot be had. {error}") from error

    def equalise_timing(self, client: Client | None, *, issuer: IssuerSnapshot, now: datetime) -> None:
        """Nothing: a signature is checked in less time than the answers of a network vary by.

        Whether a client with keys at a URL is there can be seen by the time of a fetch, and by 503 while the keys
        cannot be had. What that shows is a client_id, which is no secret; each fetch in vain for a client
        that is not there would be one that strangers cause.
        """

    def _wants(self, key: VerificationKey) -> bool:
        return is_named_or_signed_by(self.token, key)

    def _by_client(self, client: Client, *, issuer: IssuerSnapshot, now: datetime) -> Proven:
        """RFC 7523 section 3, draft-ietf-oauth-rfc7523bis section 4."""
        token = self.token
        refuse_other_kind(token, typ=CLIENTS_OWN)
        for claim in ("iss", "sub"):
            if token.text(claim) != client.client_id:
                raise JwtRefusedError(f"Its {claim} must be the client_id.")
        endpoint = (f"{issuer.url}/token",) if client.accepts_token_endpoint_audience else ()
        refuse_other_audience(token, allowed=(issuer.url, *endpoint))
        exp = refuse_outside_time(token, longest=MAX_LIFETIME, now=now)
        jti = token.text("jti")
        key = verified_by(token, client_signers(client, wanted=self._wants), now=now)
        replayed = InvalidClient("The client assertion was used before: make a new one for each request.")
        return Proven(
            client=client,
            credential=str(CredentialName(CredentialKind.KEY, client.id, key.thumbprint)),
            uses=(single_use(holder=f"client:{client.id}", jti=jti, exp=exp, refusal=replayed),),
        )

    def _by_trusted_issuer(self, client: Client, *, issuer: IssuerSnapshot, now: datetime) -> Proven:
        """RFC 7523 section 3, where the issuer is neither the client nor this server."""
        token = self.token
        if not self.named:
            raise JwtRefusedError(
                "The parameter client_id is missing: a trusted issuer's token does not name it."
            )
        refuse_other_kind(token, typ=OF_A_TRUSTED_ISSUER)
        credential = _fitting(token, client)
        trusted = credential.trusted
        refuse_other_audience(token, allowed=(trusted.audience,))
        exp = refuse_outside_time(token, longest=trusted.max_assertion_lifetime, now=now)
        token_ends_by = _token_ends_by(exp, now=now) if credential.caps_token_lifetime else None
        uses = (_use_of_trusted_issuer(token, trusted, exp=exp),) if credential.is_single_use else ()
        verified_by(token, trusted_signers(trusted, wanted=self._wants), now=now)
        return Proven(
            client=client,
            credential=str(CredentialName(CredentialKind.FEDERATED, credential.id)),
            uses=uses,
            token_ends_by=token_ends_by,
        )


def sends_assertion(request: TokenRequest) -> bool:
    return "client_assertion" in request.parameters or "client_assertion_type" in request.parameters


def by_assertion(request: TokenRequest) -> PresentedAssertion:
    """RFC 7521 section 4.2: the pair of assertion and type."""
    refuse_to_wait()
    assertion, kind = request.one("client_assertion"), request.one("client_assertion_type")
    if not assertion or kind != JWT_BEARER:
        missing = (
            "client_assertion is missing" if not assertion else "client_assertion_type is missing or unknown"
        )
        raise InvalidRequest(
            f"{missing}; the type is {JWT_BEARER}.",
            description="client_assertion and its client_assertion_type belong together.",
        )
    try:
        return PresentedAssertion(token=read_jwt(assertion), named=request.client_id)
    except JwtRefusedError as error:
        raise InvalidClient(f"The client assertion is refused. {error}") from error


def _token_ends_by(exp: float, *, now: datetime) -> int:
    """Raises JwtRefusedError."""
    left = int(exp) - int(now.timestamp())
    if left < MIN_TOKEN_LIFETIME:
        raise JwtRefusedError(
            f"It ends in {left} seconds, and an access token must not outlive it: send one that lives longer."
        )
    return int(exp)


def _use_of_trusted_issuer(token: SignedJwt, trusted: Trusted, *, exp: float) -> SingleUse:
    """RFC 7523 section 3: of all relying parties that trust the issuer, one may use a jti. Raises JwtRefusedError."""
    replayed = InvalidClient(
        "The trusted issuer's token was used before, and its federated credential is for single use: "
        "get a new token for each request."
    )
    return single_use(holder=f"trusted-issuer:{trusted.id}", jti=token.text("jti"), exp=exp, refusal=replayed)


def _fitting(token: SignedJwt, client: Client) -> Federated:
    """The federated credential that the token's claims fit. Raises JwtRefusedError."""
    iss, sub = token.text("iss"), token.text("sub")
    of_issuer = [credential for credential in client.federated if credential.trusted.issuer_url == iss]
    if not of_issuer:
        raise JwtRefusedError(f"Its iss is {iss}; no federated credential of the client is for that one.")
    if not of_issuer[0].trusted.is_active:
        raise JwtRefusedError(f"The trusted issuer {of_issuer[0].trusted.name} is not active.")
    of_subject = [credential for credential in of_issuer if credential.has_subject(sub)]
    if not of_subject:
        raise JwtRefusedError(f"Its sub is {sub}; no federated credential of the client is for that one.")
    for credential in of_subject:
        if (missing := credential.missing_claim(token.claims)) is None:
            return credential
    raise JwtRefusedError(f"Its claim {missing} is missing or not as the federated credential pins it.")
