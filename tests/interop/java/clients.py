"""The clients that the Java libraries are asked to be, as JSON: name, issuer, id, method and credential."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jwcrypto.jwk import JWK

from issuers.models import TokenEndpointAuthMethod as Method
from relying_parties.models import RelyingParty
from tests.interop.conftest import Provider
from tests.support.authority import openssl
from tests.support.cast import Cast, new_grant
from tests.support.verifying import verified_twice

SCOPE = "invoices.read"
PASSWORD = "changeit"
BY_DEFAULT = "strict, by default"

Asked = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Clients:
    provider: Provider
    cast: Cast

    def basic(self) -> Asked:
        return self._asked("basic", Method.CLIENT_SECRET_BASIC, secret=self.provider.estate.secrets["basic"])

    def post(self) -> Asked:
        return self._asked("post", Method.CLIENT_SECRET_POST, secret=self.provider.estate.secrets["post"])

    def awkward(self) -> Iterator[Asked]:
        for client_id, secret in self.provider.estate.awkward.items():
            yield self._asked(client_id, Method.CLIENT_SECRET_BASIC, secret=secret)

    def with_keys(self, algs: Iterable[str]) -> Iterator[Asked]:
        for alg in algs:
            yield self._asked(f"key-{alg}", Method.PRIVATE_KEY_JWT, key=self._key(alg))

    def strict(self) -> Asked:
        """Made here: for its assertions the issuer is the one audience."""
        key = self._key("ES256")
        relying_party = RelyingParty(
            issuer=self.cast.oidc_m2m,
            client_id="strict",
            name="strict",
            token_endpoint_auth_method=Method.PRIVATE_KEY_JWT,
            client_jwks={"keys": [{name: key[name] for name in ("kty", "crv", "x", "y")}]},
        )
        relying_party.checked().save()
        new_grant(relying_party, self.cast.invoices, [SCOPE], is_default=True)
        return self._asked("strict", Method.PRIVATE_KEY_JWT, key=key, audience=self.provider.issuer)

    def strict_by_default(self) -> Asked:
        """The same one, with the audience that the library writes by itself."""
        return self._asked("strict", Method.PRIVATE_KEY_JWT, name=BY_DEFAULT, key=self._key("ES256"))

    def federated(self) -> Asked:
        assertion = self.provider.estate.cluster_token(audience=self.provider.issuer)
        return self._asked("workload", Method.FEDERATED_JWT, assertion=assertion)

    def certified(self) -> Asked:
        return self._asked("certified", Method.TLS_CLIENT_AUTH)

    def stranger(self) -> Asked:
        """Of another issuer, which advertises no authorization endpoint."""
        self.cast.other.advertises_authorization_endpoint = False
        self.cast.other.checked().save()
        return self._asked(
            "stranger",
            Method.CLIENT_SECRET_BASIC,
            issuer=f"{self.provider.server.url}/other",
            secret=self.cast.secrets["stranger"],
        )

    def _asked(self, client_id: str, method: Method, **more: Any) -> Asked:
        return {"name": client_id, "issuer": self.provider.issuer, "id": client_id, "method": method} | more

    def _key(self, alg: str) -> Asked:
        members: Asked = json.loads(JWK.from_pem(self.provider.estate.keys[alg].encode()).export_private())
        return members | {"alg": alg}


def pkcs12(provider: Provider, directory: Path) -> dict[str, str]:
    """The certificate of `certified` and its key, as Java reads them."""
    file, pair = directory / "certified.p12", provider.estate.certified
    openssl(
        "pkcs12", "-export", "-in", pair.certificate, "-inkey", pair.key, "-out", file,
        "-passout", f"pass:{PASSWORD}",
    )  # fmt: skip
    return {"file": str(file), "password": PASSWORD}


def assert_tokens(told: dict[str, Any], provider: Provider, asked: list[Asked]) -> None:
    """Each client that was asked for got a token of its own."""
    failed = {name: answer for name, answer in told.items() if "access_token" not in answer}
    assert not failed, failed
    assert told.keys() == {client["name"] for client in asked}
    for client in asked:
        _assert_token(told[client["name"]], provider, client)


def _assert_token(answer: dict[str, Any], provider: Provider, client: Asked) -> None:
    issuer = client["issuer"]
    jwks = provider.server.get(f"{issuer.removeprefix(provider.server.url)}/jwks").content
    alg = "RS256"
    if issuer != provider.issuer:
        alg = "ES256"
        assert (
            "authorization_endpoint"
            not in provider.server.get("/other/.well-known/openid-configuration").json()
        )
    claims = verified_twice(answer["access_token"], jwks=jwks, alg=alg)
    assert (claims["iss"], claims["client_id"], claims["scope"]) == (issuer, client["id"], SCOPE)
    bound = "x5t#S256" if client["method"] == Method.TLS_CLIENT_AUTH else "jkt" if "dpop" in client else None
    assert claims.get("cnf", {}).keys() == ({bound} if bound else set()), client["name"]
    assert answer.get("token_type", "Bearer") == ("DPoP" if "dpop" in client else "Bearer")
