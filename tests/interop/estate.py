"""Clients for the clients that services use: one for each method, at an issuer with every method on."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import RSAKey
from jwcrypto.jwk import JWK

from issuers.models import TokenEndpointAuthMethod
from relying_parties.models import FederatedCredential, KeysFrom, RelyingParty, TrustedIssuer
from relying_parties.secrets.credentials import add_chosen_secret, add_generated_secret
from tests.support.authority import CLIENT, Authority, Issued, openssl
from tests.support.cast import Cast, new_grant
from tests.support.certificates import in_x5c

Method = TokenEndpointAuthMethod
CLUSTER = "https://cluster.example"
WORKLOAD = "system:serviceaccount:prod:workload"
AWKWARD_IDS = ("shop+web", "sale%20off", "urn:example:shop")
AWKWARD_SECRET = "50%+a:b c%C3%A9 é&=?/"
KINDS: dict[str, Any] = {
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "PS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


@dataclass(frozen=True, slots=True)
class Estate:
    secrets: dict[str, str]
    """By client id."""
    awkward: dict[str, str]
    """Secrets that a person chose, by client id: both have to be encoded for HTTP Basic, and by most libraries are."""
    keys: dict[str, str]
    """The private keys of private_key_jwt in PKCS#8 PEM, by algorithm; the client id is `key-` and the algorithm."""
    cluster_key: RSAKey
    certified: Issued
    """Of the client `certified` (tls_client_auth)."""
    self_made: Issued
    """An RSA key with a certificate, of the client `msal` (private_key_jwt with x5c)."""

    def cluster_token(self, *, audience: str) -> str:
        """As a cluster's token for a pod's service account (client `workload`, federated_jwt)."""
        now = int(time.time())
        claims = {
            "iss": CLUSTER,
            "sub": WORKLOAD,
            "aud": [audience],
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
        }
        return jwt.encode({"alg": "RS256", "kid": self.cluster_key.kid}, claims, self.cluster_key)


def build_estate(cast: Cast, authority: Authority) -> Estate:
    issuer = cast.oidc_m2m
    issuer.token_endpoint_auth_methods = Method.values
    issuer.client_ca_certificates = authority.own.pem
    issuer.accepts_dpop = True
    issuer.checked().save()
    keys = {alg: make() for alg, make in KINDS.items()}
    cluster_key = RSAKey.generate_key(2048, auto_kid=True)
    estate = Estate(
        secrets={
            "basic": _with_secret(cast, "basic", Method.CLIENT_SECRET_BASIC),
            "post": _with_secret(cast, "post", Method.CLIENT_SECRET_POST),
        },
        awkward={client_id: _with_chosen_secret(cast, client_id) for client_id in AWKWARD_IDS},
        keys={alg: _pem(key) for alg, key in keys.items()},
        cluster_key=cluster_key,
        certified=authority.issue("certified", CLIENT, subject="/O=Example/CN=certified"),
        self_made=_self_made(authority.directory),
    )
    for alg, key in keys.items():
        _with_keys(cast, f"key-{alg}", jwk_of(key))
    _with_keys(cast, "msal", in_x5c(estate.self_made.jwk, estate.self_made.der))
    _new(cast, "certified", Method.TLS_CLIENT_AUTH, tls_client_auth_subject_dn="CN=certified,O=Example")
    _federate(cast, cluster_key)
    return estate


def jwk_of(private_key: Any) -> dict[str, Any]:
    """The public half, as a client registers it."""
    members: dict[str, Any] = json.loads(JWK.from_pyca(private_key.public_key()).export_public())
    return members


def _new(cast: Cast, client_id: str, method: TokenEndpointAuthMethod, **columns: Any) -> RelyingParty:
    relying_party = RelyingParty(
        issuer=cast.oidc_m2m,
        client_id=client_id,
        name=client_id,
        token_endpoint_auth_method=method,
        **columns,
    )
    relying_party.checked().save()
    new_grant(relying_party, cast.invoices, ["invoices.read", "invoices.write"], is_default=True)
    return relying_party


def _with_secret(cast: Cast, client_id: str, method: TokenEndpointAuthMethod) -> str:
    return add_generated_secret(relying_party=_new(cast, client_id, method))[1]


def _with_chosen_secret(cast: Cast, client_id: str) -> str:
    add_chosen_secret(relying_party=_new(cast, client_id, Method.CLIENT_SECRET_BASIC), text=AWKWARD_SECRET)
    return AWKWARD_SECRET


def _with_keys(cast: Cast, client_id: str, jwk: dict[str, Any]) -> RelyingParty:
    # These libraries write the token endpoint as the audience, at least by default.
    return _new(
        cast,
        client_id,
        Method.PRIVATE_KEY_JWT,
        client_jwks={"keys": [jwk]},
        accepts_token_endpoint_audience=True,
    )


def _federate(cast: Cast, cluster_key: RSAKey) -> None:
    trusted = TrustedIssuer(
        issuer=cast.oidc_m2m,
        name="cluster",
        issuer_url=CLUSTER,
        keys_from=KeysFrom.JWKS,
        jwks={"keys": [cluster_key.as_dict(private=False)]},
    )
    trusted.checked().save()
    workload = _new(cast, "workload", Method.FEDERATED_JWT)
    FederatedCredential(
        relying_party=workload, trusted_issuer=trusted, label="pod", subject=WORKLOAD
    ).checked().save()


def _pem(private_key: Any) -> str:
    return str(private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def _self_made(directory: Path) -> Issued:
    """RSA, as MSAL signs with no other."""
    made = Issued(directory / "msal.pem", directory / "msal.key")
    openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", made.key, "-out", made.certificate,
        "-days", "30", "-subj", "/CN=msal",
    )  # fmt: skip
    return made
