"""By the certificate of its TLS connection: of an authority, or registered itself (RFC 8705 section 2)."""

from dataclasses import dataclass, field
from datetime import datetime

from audit.credential_name import CredentialKind, CredentialName
from issuance.client_auth.proof import Proven
from issuance.wire.certificate_headers import PeerCertificate
from issuance.wire.errors import InvalidClient, TemporarilyUnavailable
from issuance.wire.token_request import TokenRequest
from issuers.client_authorities import client_authorities
from issuers.directory import IssuerSnapshot
from issuers.models import CERTIFICATE_METHODS, TokenEndpointAuthMethod
from relying_parties.certificates.client_certificates import why_not_issued_by, why_not_registered
from relying_parties.certificates.subjects import why_another_subject
from relying_parties.client import Client
from relying_parties.jwks.client_keys import VerificationKey
from relying_parties.signers import client_signers
from runtime.main_loop import refuse_to_wait
from runtime.outbound.fetching import FetchError


@dataclass(frozen=True, slots=True)
class PresentedCertificate:
    client_id: str
    certificate: PeerCertificate = field(repr=False)

    @property
    def methods(self) -> tuple[str, ...]:
        return CERTIFICATE_METHODS

    @property
    def readings(self) -> "tuple[PresentedCertificate]":
        return (self,)

    @property
    def is_guess(self) -> bool:
        return False

    def proven_for(self, client: Client, *, issuer: IssuerSnapshot, now: datetime) -> Proven:
        is_of_authority = client.token_endpoint_auth_method == TokenEndpointAuthMethod.TLS_CLIENT_AUTH
        if is_of_authority:
            problem = self._why_not_by_authority(client, issuer=issuer, now=now)
        else:
            problem = self._why_not_registered(client, now=now)
        if problem:
            raise InvalidClient(f"The client certificate is refused. {problem}")
        name = CredentialName(CredentialKind.CERTIFICATE, client.id, self.certificate.thumbprint)
        return Proven(client=client, credential=str(name))

    def equalise_timing(self, client: Client | None, *, issuer: IssuerSnapshot, now: datetime) -> None:
        """Who holds no certificate of a client learns nothing of it that its own handshake did not tell."""

    def _why_not_by_authority(self, client: Client, *, issuer: IssuerSnapshot, now: datetime) -> str | None:
        """RFC 8705 section 2.1. The chain is verified here, whatever the TLS of a proxy made of it."""
        sent = self.certificate
        problem = why_not_issued_by(
            sent.der, sent.chain, client_authorities(issuer.client_ca_certificates), now
        )
        if problem:
            return problem
        for name, registered in client.certificate_subjects.items():
            return why_another_subject(sent.der, field=name, registered=registered)
        return "No subject name is registered that could be compared."

    def _is_of(self, key: VerificationKey) -> bool:
        return key.certificates[:1] == (self.certificate.der,)

    def _why_not_registered(self, client: Client, *, now: datetime) -> str | None:
        """RFC 8705 section 2.2: one of the certificates in the client's JWK Set, which need no authority."""
        try:
            keys = client_signers(client, wanted=self._is_of)
        except FetchError as error:
            raise TemporarilyUnavailable(
                f"The certificates that prove the client cannot be had. {error}"
            ) from error
        sent = self.certificate.der
        problem = why_not_registered(sent, [key.certificates[0] for key in keys if key.certificates], now)
        if problem or any(key.certificates[:1] == (sent,) and key.is_live(now) for key in keys):
            return problem
        return "The certificate is registered with an end (exp) that has passed: register its successor."


def by_certificate(request: TokenRequest) -> PresentedCertificate:
    """RFC 8705 section 2: client_id must be there. Raises InvalidClient without a certificate or a client_id."""
    refuse_to_wait()
    certificate = request.certificate
    if certificate is None:
        raise InvalidClient("No authentication was sent, and no client certificate came with the request.")
    if not request.client_id:
        raise InvalidClient(
            "No authentication was sent but a client certificate, which needs client_id beside it."
        )
    return PresentedCertificate(client_id=request.client_id, certificate=certificate)
