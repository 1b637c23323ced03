// The OpenID provider of a company: node-oidc-provider over TLS, with its own pages for a login and a consent.
// Environment: PORT, CERTIFICATE, KEY (files), CLIENT_SECRET, CALLBACK, PEOPLE (JSON: claims by login).

import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'

import Provider from 'oidc-provider'

const { PORT, CERTIFICATE, KEY, CLIENT_SECRET, CALLBACK, PEOPLE } = process.env
const people = JSON.parse(PEOPLE)

const provider = new Provider(`https://localhost:${PORT}`, {
  clients: [
    {
      client_id: 'console',
      client_secret: CLIENT_SECRET,
      redirect_uris: [CALLBACK],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  claims: { openid: ['sub'], profile: ['preferred_username', 'groups'], email: ['email'] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true } },
  findAccount: (_context, login) => ({
    accountId: login,
    claims: () => ({ sub: login, ...people[login] }),
  }),
})
createServer({ cert: readFileSync(CERTIFICATE), key: readFileSync(KEY) }, provider.callback()).listen(
  Number(PORT),
  'localhost',
)
