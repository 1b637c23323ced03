"""Authlib's authorization server in Flask with one client in memory: JWT access tokens (RFC 9068), kept nowhere.

Environment: PORT, PEER_SECRET. It runs with the Python of `.venv` in this directory.
"""

import os
from secrets import compare_digest

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask
from joserfc.jwk import KeySet, RSAKey

ISSUER = f"http://127.0.0.1:{os.environ['PORT']}"
AUDIENCE = "https://api.example"
KEYS = KeySet([RSAKey.generate_key(2048, {"alg": "RS256", "use": "sig", "kid": "bench"})])


class Client(ClientMixin):  # type: ignore[misc]
    client_id = "bench"
    client_secret = os.environ["PEER_SECRET"]

    def get_client_id(self) -> str:
        return self.client_id

    def get_allowed_scope(self, scope: str) -> str:
        return scope or "read"

    def check_client_secret(self, client_secret: str) -> bool:
        return compare_digest(self.client_secret, client_secret)

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class Generator(JWTBearerTokenGenerator):  # type: ignore[misc]
    def get_jwks(self) -> KeySet:
        return KEYS

    def get_audiences(self, *_about: object) -> str:
        return AUDIENCE


def application() -> Flask:
    app, client = Flask(__name__), Client()
    server = AuthorizationServer(
        app,
        query_client=lambda client_id: client if client_id == client.client_id else None,
        save_token=lambda _token, _request: None,
    )
    server.register_token_generator("default", Generator(issuer=ISSUER))
    server.register_grant(ClientCredentialsGrant)
    app.add_url_rule("/token", "token", server.create_token_response, methods=["POST"])
    app.add_url_rule("/jwks", "jwks", lambda: KEYS.as_dict(private=False))
    return app
