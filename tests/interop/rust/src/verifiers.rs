use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use oauth2::reqwest::blocking::Client;
use serde_json::{Map, Value, json};

use crate::{Failure, Question, Signed, outcome, trusting};

pub fn told(asked: &Question) -> Result<Value, Failure> {
    let http = trusting(asked)?.build()?;
    let mut verdicts = Map::new();
    for (name, token) in &asked.tokens {
        let own = Signed {
            alg: "RS256".into(),
            issuer: asked.issuer.clone(),
            jwks: asked.jwks.clone(),
            token: token.clone(),
        };
        verdicts.insert(
            name.clone(),
            outcome(verified(&http, &own, &asked.audience)),
        );
    }
    for other in &asked.signed {
        let verdict = outcome(verified(&http, other, &asked.audience));
        verdicts.insert(other.alg.clone(), verdict);
    }
    Ok(json!({"jsonwebtoken": verdicts}))
}

fn verified(http: &Client, signed: &Signed, audience: &str) -> Result<Value, Failure> {
    let keys = published(http, &signed.jwks)?;
    let kid = decode_header(&signed.token)?.kid.ok_or("no kid")?;
    let key = DecodingKey::from_jwk(keys.find(&kid).ok_or("unknown kid")?)?;
    let mut validation = Validation::new(signed.alg.parse()?);
    validation.set_issuer(&[&signed.issuer]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    let claims = decode::<Value>(&signed.token, &key, &validation)?.claims;
    Ok(json!({"client_id": claims["client_id"], "scope": claims["scope"]}))
}

fn published(http: &Client, url: &str) -> Result<JwkSet, Failure> {
    let answer = http.get(url).send()?.error_for_status()?;
    Ok(serde_json::from_slice(&answer.bytes()?)?)
}
