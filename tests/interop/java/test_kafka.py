"""The login of a Kafka client gets tokens, and the validator of a broker takes them."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from issuers.models import SigningAlg
from tests.interop.conftest import Provider
from tests.interop.java.clients import SCOPE, Asked, Clients, assert_tokens
from tests.interop.java.conftest import Java
from tests.interop.table import Role, Row, interoperates, maven
from tests.interop.tokens import AUDIENCE, tokens_from, tokens_of_every_algorithm
from tests.support.cast import Cast

pytestmark = pytest.mark.nightly

ALGS = ("RS256", "ES256")
LOGIN = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
OAUTH = "sasl.oauthbearer"
AMBIGUOUS = "urn:example:shop, raw"


@interoperates(
    Row(
        "Kafka client",
        "`kafka-clients` of Maven Central",
        maven("kafka-clients"),
        Role.CLIENT,
        told="`sasl.oauthbearer.token.endpoint.url`, which the system property "
        "`org.apache.kafka.sasl.oauthbearer.allowed.urls` has to name; `jose4j` and `jackson-databind` on the class "
        "path. A secret: "
        "`sasl.oauthbearer.client.credentials.client.id` and `.secret` or `clientId` and `clientSecret` in "
        "`sasl.jaas.config`, sent as `client_secret_basic`. `private_key_jwt`: "
        "`sasl.oauthbearer.assertion.private.key.file` (PKCS#8) and `.algorithm`, `.claim.iss` and `.claim.sub` the "
        "client id, `.claim.aud` the issuer, `.claim.jti.include` true. `federated_jwt`: "
        "`sasl.oauthbearer.assertion.file` and `.client.credentials.client.id`. The system property `...allowed.files` "
        "has to name these files",
        seen="login by `OAuthBearerLoginCallbackHandler` with `client_secret_basic` (also with client ids and "
        "secrets with `+`, `%` and `:`; where both have `:`, `sasl.oauthbearer.header.urlencode` has to be true), "
        "`private_key_jwt` with "
        f"{', '.join(ALGS)}, `federated_jwt`",
    )
)
@pytest.mark.spec("RFC 7523", "2.2")
def test_every_method_of_a_kafka_client(provider: Provider, cast: Cast, java: Java, tmp_path: Path) -> None:
    clients = Clients(provider, cast)
    asked = [
        _in_jaas(clients.basic()),
        *(_in_properties(client, {f"{OAUTH}.header.urlencode": "true"}) for client in clients.awkward()),
        *(_raw(client) for client in clients.awkward()),
        *(_signing(client, provider, tmp_path) for client in clients.with_keys(ALGS)),
        _showing(clients.federated(), tmp_path),
    ]
    files = ",".join(str(tmp_path / name) for name in (*ALGS, "assertion"))
    told = java.answers_of(
        "KafkaClients", {"clients": asked}, *_allowed(urls=provider.token_endpoint, files=files)
    )
    # Where the id ends nobody can tell.
    assert "invalid_client" in told.pop(AMBIGUOUS)["failed"]
    asked = [client for client in asked if client["name"] != AMBIGUOUS]
    assert_tokens(told, provider, asked)
    assert all(told[client["name"]]["principal"] == client["id"] for client in asked)
    assert all(told[client["name"]]["scope"] == [SCOPE] for client in asked)
    nowhere = java.answers_of("KafkaClients", {"clients": asked}, *_allowed(urls="", files=files))
    assert {"allowed.urls" in answer["failed"] for answer in nowhere.values()} == {True}


@interoperates(
    Row(
        "Kafka broker",
        "`kafka-clients` of Maven Central",
        maven("kafka-clients"),
        Role.VERIFIER,
        told="`listener.name.<listener>.oauthbearer.sasl.server.callback.handler.class` = "
        "`OAuthBearerValidatorCallbackHandler`; `sasl.oauthbearer.jwks.endpoint.url`, which the system property "
        "`org.apache.kafka.sasl.oauthbearer.allowed.urls` has to name, `sasl.oauthbearer.expected.issuer` and "
        "`.expected.audience`. The principal is `sub`",
        seen="SASL OAUTHBEARER with that handler, without a whole broker: a token signed with "
        f"{', '.join(SigningAlg)} makes its client the principal; a changed one and one of another "
        "audience are refused; it takes either `typ`",
    )
)
@pytest.mark.spec("RFC 9068", "4")
def test_the_validator_of_a_kafka_broker(provider: Provider, cast: Cast, java: Java) -> None:
    signed = tokens_of_every_algorithm(provider)
    brokers = [
        _broker("RS256", provider.issuer, asdict(tokens_from(provider, cast))),
        *(_broker(f"signed {each.alg}", each.issuer, {"good": each.token}) for each in signed),
    ]
    urls = ",".join(broker["properties"][f"{OAUTH}.jwks.endpoint.url"] for broker in brokers)
    verdicts = java.answers_of("KafkaBroker", {"brokers": brokers}, *_allowed(urls=urls))
    told = verdicts.pop("RS256")
    assert verdicts == {f"signed {alg}": {"good": {"principal": "billing"}} for alg in SigningAlg}
    assert told.pop("good") == told.pop("plain") == {"principal": "billing"}
    assert _reason(told.pop("elsewhere")).startswith("[[8] Audience (aud) claim [your_application]")
    assert _reason(told.pop("changed")).startswith("[[9] Invalid JWS Signature")
    assert not told


def _broker(name: str, issuer: str, tokens: dict[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "tokens": tokens,
        "properties": {
            f"{OAUTH}.jwks.endpoint.url": f"{issuer}/jwks",
            f"{OAUTH}.expected.issuer": issuer,
            f"{OAUTH}.expected.audience": AUDIENCE,
        },
    }


def _allowed(*, urls: str, files: str = "") -> tuple[str, str]:
    name = "org.apache.kafka.sasl.oauthbearer.allowed"
    return f"-D{name}.urls={urls}", f"-D{name}.files={files}"


def _in_jaas(client: Asked) -> Asked:
    credentials = f'clientId="{client["id"]}" clientSecret="{client["secret"]}" scope="{SCOPE}"'
    return _configured(client, {"sasl.jaas.config": f"{LOGIN} {credentials};"})


def _in_properties(client: Asked, more: dict[str, str]) -> Asked:
    return _configured(
        client,
        {
            f"{OAUTH}.client.credentials.client.id": client["id"],
            f"{OAUTH}.client.credentials.client.secret": client["secret"],
            **more,
        },
    )


def _raw(client: Asked) -> Asked:
    """As Kafka sends it by default."""
    return _in_properties(client, {}) | {"name": f"{client['id']}, raw"}


def _signing(client: Asked, provider: Provider, directory: Path) -> Asked:
    alg = client["key"]["alg"]
    key = directory / alg
    key.write_text(provider.estate.keys[alg])
    return _configured(
        client,
        {
            f"{OAUTH}.assertion.algorithm": alg,
            f"{OAUTH}.assertion.private.key.file": str(key),
            f"{OAUTH}.assertion.claim.iss": client["id"],
            f"{OAUTH}.assertion.claim.sub": client["id"],
            f"{OAUTH}.assertion.claim.aud": provider.issuer,
            f"{OAUTH}.assertion.claim.jti.include": "true",
        },
    )


def _showing(client: Asked, directory: Path) -> Asked:
    file = directory / "assertion"
    file.write_text(client["assertion"])
    return _configured(
        client,
        {f"{OAUTH}.client.credentials.client.id": client["id"], f"{OAUTH}.assertion.file": str(file)},
    )


def _configured(client: Asked, properties: dict[str, str]) -> Asked:
    common = {
        "sasl.jaas.config": f"{LOGIN};",
        f"{OAUTH}.token.endpoint.url": f"{client['issuer']}/token",
        f"{OAUTH}.scope": SCOPE,
    }
    return client | {"properties": common | properties}


def _reason(answer: dict[str, Any]) -> str:
    """Why the validator refused what the broker answers `invalid_token` to."""
    assert answer["answer"] == '{"status":"invalid_token"}'
    return str(answer["reason"]["failed"]).rsplit("Additional details: ", 1)[-1]
