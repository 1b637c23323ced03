// A resource server for each verifier library of npm: tells the claims of each token, or why it refuses it.
// Input: JSON on standard input, see test_npm_verifiers.py. Output: one JSON object, by library and token.

import { once } from 'node:events'
import { text } from 'node:stream/consumers'

import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'
import { createVerifier } from 'fast-jwt'
import buildGetJwks from 'get-jwks'
import * as jose from 'jose'

const { issuer, audience, tokens } = JSON.parse(await text(process.stdin))

const keys = jose.createRemoteJWKSet(new URL(`${issuer}/jwks`))
const byJose = async (token) =>
  (await jose.jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt', algorithms: ['RS256'] })).payload

const getJwks = buildGetJwks({ issuersWhitelist: [issuer] })
const byFastJwt = createVerifier({
  key: ({ header }) => getJwks.getPublicKey({ kid: header.kid, alg: header.alg, domain: issuer }),
  algorithms: ['RS256'],
  allowedIss: issuer,
  allowedAud: audience,
})

function service(strict) {
  const app = express()
  app.get('/', auth({ issuerBaseURL: issuer, audience, strict }), (request, response) => response.json(request.auth.payload))
  app.use((error, _request, response, _next) => response.status(error.status ?? 500).json({ refused: error.message }))
  return app.listen(0, '127.0.0.1')
}

async function byExpress(server, token) {
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/`, { headers: { authorization: `Bearer ${token}` } })
  const told = await answer.json()
  if (answer.status !== 200) throw new Error(`${answer.status} ${told.refused}`)
  return told
}

const servers = [service(false), service(true)]
await Promise.all(servers.map((server) => once(server, 'listening')))

const libraries = {
  jose: byJose,
  'fast-jwt': byFastJwt,
  'express-oauth2-jwt-bearer': (token) => byExpress(servers[0], token),
  'express-oauth2-jwt-bearer, strict': (token) => byExpress(servers[1], token),
}
const told = {}
for (const [library, verify] of Object.entries(libraries)) {
  told[library] = {}
  for (const [name, token] of Object.entries(tokens)) {
    told[library][name] = await Promise.resolve(verify(token)).catch((error) => ({ refused: error.message }))
  }
}
console.log(JSON.stringify(told))
servers.forEach((server) => server.close())
