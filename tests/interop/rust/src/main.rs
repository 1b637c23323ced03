//! Services and resource servers built with crates: `interop clients` and `interop verifiers`.
//! Input: JSON on standard input, see test_rust.py. Output: one JSON object, by crate.

mod clients;
mod verifiers;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io;

use oauth2::reqwest::blocking::{Client, ClientBuilder};
use oauth2::reqwest::{Certificate, redirect};
use serde::Deserialize;
use serde_json::{Value, json};

type Failure = Box<dyn Error>;

/// What both commands are asked; each reads the members that it needs.
#[derive(Deserialize)]
struct Question {
    issuer: String,
    token_endpoint: String,
    jwks: String,
    scope: String,
    audience: String,
    /// The file of the certificate that the server's TLS is trusted by.
    ca: String,
    secrets: BTreeMap<String, String>,
    /// Secrets, too, by client ids that a sender has to encode.
    awkward_ids: BTreeMap<String, String>,
    /// PKCS#8 PEM by algorithm; the client id is `key-` and the algorithm.
    keys: BTreeMap<String, String>,
    /// The files of the client `certified`.
    cert: String,
    key: String,
    /// Another issuer's token, of the client `workload`.
    assertion: String,
    #[serde(default)]
    tokens: BTreeMap<String, String>,
    #[serde(default)]
    signed: Vec<Signed>,
}

/// A token of another issuer, what signs it, and where its key is.
#[derive(Deserialize)]
struct Signed {
    alg: String,
    issuer: String,
    jwks: String,
    token: String,
}

fn main() -> Result<(), Failure> {
    let asked: Question = serde_json::from_reader(io::stdin())?;
    let told = match std::env::args().nth(1).as_deref() {
        Some("clients") => clients::told(&asked)?,
        Some("verifiers") => verifiers::told(&asked)?,
        _ => return Err("usage: interop clients|verifiers < question.json".into()),
    };
    println!("{told}");
    Ok(())
}

/// As the documentation of both crates has it: without redirects.
fn trusting(asked: &Question) -> Result<ClientBuilder, Failure> {
    let root = Certificate::from_pem(&fs::read(&asked.ca)?)?;
    Ok(Client::builder()
        .redirect(redirect::Policy::none())
        .add_root_certificate(root))
}

fn outcome(result: Result<Value, Failure>) -> Value {
    result.unwrap_or_else(|error| json!({ "failed": with_causes(error.as_ref()) }))
}

fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |cause| (*cause).source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
