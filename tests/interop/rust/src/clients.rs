use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::reqwest::Identity;
use oauth2::reqwest::blocking::Client;
use oauth2::{AuthType, ClientId, ClientSecret, Scope, TokenResponse, TokenUrl};
use openidconnect::IssuerUrl;
use openidconnect::core::{CoreClient, CoreProviderMetadata};
use serde_json::{Map, Value, json};

use crate::{Failure, Question, outcome, trusting};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub fn told(asked: &Question) -> Result<Value, Failure> {
    Ok(json!({"oauth2": by_oauth2(asked)?, "openidconnect": by_openidconnect(asked)?}))
}

fn by_oauth2(asked: &Question) -> Result<Map<String, Value>, Failure> {
    let http = trusting(asked)?.build()?;
    let mut told = Map::new();
    for (id, secret, auth_type) in [
        ("basic", &asked.secrets["basic"], AuthType::BasicAuth),
        ("post", &asked.secrets["post"], AuthType::RequestBody),
    ] {
        let answer = with_secret(asked, &http, id, secret, auth_type);
        told.insert(id.into(), outcome(answer));
    }
    for (id, secret) in &asked.awkward_ids {
        let answer = with_secret(asked, &http, id, secret, AuthType::BasicAuth);
        told.insert(id.clone(), outcome(answer));
    }
    for (alg, pem) in &asked.keys {
        let id = format!("key-{alg}");
        let answer = own_assertion(asked, &id, alg, pem)
            .and_then(|assertion| with_assertion(asked, &http, &id, assertion));
        told.insert(id, outcome(answer));
    }
    let federated = with_assertion(asked, &http, "workload", asked.assertion.clone());
    told.insert("workload".into(), outcome(federated));
    told.insert("certified".into(), outcome(with_certificate(asked)));
    Ok(told)
}

fn with_secret(
    asked: &Question,
    http: &Client,
    id: &str,
    secret: &str,
    auth_type: AuthType,
) -> Result<Value, Failure> {
    let token = BasicClient::new(ClientId::new(id.into()))
        .set_client_secret(ClientSecret::new(secret.into()))
        .set_auth_type(auth_type)
        .set_token_uri(TokenUrl::new(asked.token_endpoint.clone())?)
        .exchange_client_credentials()
        .add_scope(Scope::new(asked.scope.clone()))
        .request(http)?;
    Ok(answer(&token))
}

/// Without a secret the crate puts the client id into the body.
fn with_assertion(
    asked: &Question,
    http: &Client,
    id: &str,
    assertion: String,
) -> Result<Value, Failure> {
    let token = BasicClient::new(ClientId::new(id.into()))
        .set_token_uri(TokenUrl::new(asked.token_endpoint.clone())?)
        .exchange_client_credentials()
        .add_scope(Scope::new(asked.scope.clone()))
        .add_extra_param("client_assertion", assertion)
        .add_extra_param("client_assertion_type", ASSERTION_TYPE)
        .request(http)?;
    Ok(answer(&token))
}

fn with_certificate(asked: &Question) -> Result<Value, Failure> {
    let mut pair = fs::read(&asked.cert)?;
    pair.extend(fs::read(&asked.key)?);
    let http = trusting(asked)?
        .identity(Identity::from_pem(&pair)?)
        .build()?;
    let token = BasicClient::new(ClientId::new("certified".into()))
        .set_token_uri(TokenUrl::new(asked.token_endpoint.clone())?)
        .exchange_client_credentials()
        .add_scope(Scope::new(asked.scope.clone()))
        .request(&http)?;
    Ok(answer(&token))
}

fn answer(token: &BasicTokenResponse) -> Value {
    json!({
        "access_token": token.access_token().secret(),
        "token_type": token.token_type(),
        "expires_in": token.expires_in().map(|lifetime| lifetime.as_secs()),
        "scope": token.scopes(),
    })
}

fn own_assertion(asked: &Question, id: &str, alg: &str, pem: &str) -> Result<String, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let claims = json!({
        "iss": id,
        "sub": id,
        "aud": asked.issuer,
        "jti": format!("{}-{}", id, now.as_nanos()),
        "iat": now.as_secs(),
        "exp": now.as_secs() + 60,
    });
    let alg: Algorithm = alg.parse()?;
    Ok(encode(
        &Header::new(alg),
        &claims,
        &signing_key(alg, pem.as_bytes())?,
    )?)
}

fn signing_key(alg: Algorithm, pem: &[u8]) -> Result<EncodingKey, Failure> {
    Ok(match alg {
        Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(pem)?,
        Algorithm::EdDSA => EncodingKey::from_ed_pem(pem)?,
        _ => EncodingKey::from_rsa_pem(pem)?,
    })
}

/// Discovery reads the metadata and the key set, without any metadata type of the service's own.
fn by_openidconnect(asked: &Question) -> Result<Map<String, Value>, Failure> {
    let http = trusting(asked)?.build()?;
    let mut told = Map::new();
    for (id, auth_type) in [
        ("basic", AuthType::BasicAuth),
        ("post", AuthType::RequestBody),
    ] {
        told.insert(id.into(), outcome(discovered(asked, &http, id, auth_type)));
    }
    Ok(told)
}

fn discovered(
    asked: &Question,
    http: &Client,
    id: &str,
    auth_type: AuthType,
) -> Result<Value, Failure> {
    let metadata = CoreProviderMetadata::discover(&IssuerUrl::new(asked.issuer.clone())?, http)?;
    let secret = ClientSecret::new(asked.secrets[id].clone());
    let token =
        CoreClient::from_provider_metadata(metadata, ClientId::new(id.into()), Some(secret))
            .set_auth_type(auth_type)
            .exchange_client_credentials()?
            .add_scope(Scope::new(asked.scope.clone()))
            .request(http)?;
    Ok(json!({
        "access_token": token.access_token().secret(),
        "token_type": token.token_type(),
        "expires_in": token.expires_in().map(|lifetime| lifetime.as_secs()),
        "scope": token.scopes(),
    }))
}
