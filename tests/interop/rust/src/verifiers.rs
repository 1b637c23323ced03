use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value, json};

use crate::{Failure, Question, outcome, trusting};

pub fn told(asked: &Question) -> Result<Value, Failure> {
    let published = trusting(asked)?
        .build()?
        .get(&asked.jwks)
        .send()?
        .error_for_status()?;
    let keys: JwkSet = serde_json::from_slice(&published.bytes()?)?;
    let verdicts: Map<String, Value> = asked
        .tokens
        .iter()
        .map(|(name, token)| (name.clone(), outcome(verified(asked, &keys, token))))
        .collect();
    Ok(json!({"jsonwebtoken": verdicts}))
}

fn verified(asked: &Question, keys: &JwkSet, token: &str) -> Result<Value, Failure> {
    let kid = decode_header(token)?.kid.ok_or("no kid")?;
    let key = keys.find(&kid).ok_or("unknown kid")?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[&asked.issuer]);
    validation.set_audience(&[&asked.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    let claims = decode::<Value>(token, &DecodingKey::from_jwk(key)?, &validation)?.claims;
    Ok(json!({"client_id": claims["client_id"], "scope": claims["scope"]}))
}
