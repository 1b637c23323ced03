// A service for each client library of npm and each method: asks for a token and tells what came.
// Input: JSON on standard input, see test_npm_clients.py. Output: one JSON object, by library and client id.

import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'

import { ConfidentialClientApplication } from '@azure/msal-node'
import { importPKCS8 } from 'jose'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import * as undici from 'undici'

const asked = JSON.parse(await text(process.stdin))
const issuer = new URL(asked.issuer)
const scope = asked.scope
const tls = { ca: readFileSync(asked.ca), cert: readFileSync(asked.cert), key: readFileSync(asked.key) }
const dispatcher = new undici.Agent({ connect: tls })
const withCertificate = (url, options) => undici.fetch(url, { ...options, dispatcher })

const keys = await Promise.all(
  Object.entries(asked.keys).map(async ([alg, pem]) => [`key-${alg}`, await importPKCS8(pem, alg)]),
)
const federated = (_as, _client, body) => {
  body.set('client_id', 'workload')
  body.set('client_assertion', asked.assertion)
  body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
}

const methods = (library) => [
  ['basic', library.ClientSecretBasic(asked.secrets.basic)],
  ['post', library.ClientSecretPost(asked.secrets.post)],
  ...keys.map(([clientId, key]) => [clientId, library.PrivateKeyJwt(key)]),
  ['workload', federated],
  ['certified', library.TlsClientAuth(), withCertificate],
]

async function byOauth4webapi(clientId, authentication, fetch, dpop) {
  const options = fetch ? { [oauth.customFetch]: fetch } : {}
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options))
  const client = { client_id: clientId }
  const DPoP = dpop ? oauth.DPoP(client, await oauth.generateKeyPair(dpop)) : undefined
  const response = await oauth.clientCredentialsGrantRequest(
    as, client, authentication, new URLSearchParams({ scope }), { ...options, DPoP },
  )
  return oauth.processClientCredentialsResponse(as, client, response)
}

async function byOpenidClient(clientId, authentication, fetch, dpop) {
  const config = await openid.discovery(issuer, clientId, {}, authentication, fetch ? { [openid.customFetch]: fetch } : {})
  const DPoP = dpop ? openid.getDPoPHandle(config, await openid.randomDPoPKeyPair(dpop)) : undefined
  return openid.clientCredentialsGrant(config, { scope }, { DPoP })
}

const msal = {
  post: { clientSecret: asked.secrets.post },
  msal: { clientCertificate: asked.selfMade },
  workload: { clientAssertion: asked.assertion },
}

const byMsal = (clientId, credential) =>
  new ConfidentialClientApplication({
    auth: { clientId, authority: asked.issuer, knownAuthorities: [issuer.host], ...credential },
    system: { protocolMode: 'OIDC' },
  }).acquireTokenByClientCredential({ scopes: [scope] })

const outcome = async (promise) => {
  try {
    return await promise
  } catch (error) {
    return { failed: `${error.name}: ${error.message}`, cause: String(error.cause?.message ?? JSON.stringify(error.cause)) }
  }
}

const told = {}
for (const [name, library, ask] of [['oauth4webapi', oauth, byOauth4webapi], ['openid-client', openid, byOpenidClient]]) {
  told[name] = {}
  for (const [clientId, authentication, fetch] of methods(library)) {
    told[name][clientId] = await outcome(ask(clientId, authentication, fetch))
  }
  for (const alg of asked.dpop) {
    told[name][`dpop-${alg}`] = await outcome(ask('basic', library.ClientSecretBasic(asked.secrets.basic), undefined, alg))
  }
}
told['msal-node'] = {}
for (const [clientId, credential] of Object.entries(msal)) {
  told['msal-node'][clientId] = await outcome(byMsal(clientId, credential))
}
console.log(JSON.stringify(told))
