// node-oidc-provider with one client: JWT access tokens by resource indicators, kept nowhere; one process.
// Environment: PORT, PEER_SECRET, NODE_ENV=production.

import { generateKeyPairSync } from 'node:crypto'

import Provider from 'oidc-provider'

const { PORT, PEER_SECRET } = process.env
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const audience = 'https://api.example'

const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  clients: [
    {
      client_id: 'bench',
      client_secret: PEER_SECRET,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_basic',
      scope: 'read',
    },
  ],
  scopes: ['read'],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'bench' }] },
  ttl: { ClientCredentials: 600 },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      getResourceServerInfo: () => ({
        scope: 'read',
        audience,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
})
provider.listen(Number(PORT), '127.0.0.1')
