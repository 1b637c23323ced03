// An MCP server of the TypeScript SDK that takes tokens of the issuer for its own URL, and for one scope.
// Input: a line of JSON on standard input, see test_mcp.py. Output: its URL on a line, then it serves
// until its standard input ends.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'

import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { getOAuthProtectedResourceMetadataUrl, mcpAuthMetadataRouter } from '@modelcontextprotocol/sdk/server/auth/router.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { OAuthMetadataSchema } from '@modelcontextprotocol/sdk/shared/auth.js'
import express from 'express'
import * as jose from 'jose'

const input = createInterface({ input: process.stdin })
input.on('close', () => process.exit())
const [line] = await once(input, 'line')
const { issuer, scope } = JSON.parse(line)
const oauthMetadata = OAuthMetadataSchema.parse(
  await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json(),
)
const keys = jose.createRemoteJWKSet(new URL(oauthMetadata.jwks_uri ?? `${issuer}/jwks`))

const app = express()
const server = createServer(app).listen(0, '127.0.0.1')
await once(server, 'listening')
const own = new URL(`http://127.0.0.1:${server.address().port}/mcp`)

async function verifyAccessToken(token) {
  const options = { issuer, audience: own.href, typ: 'at+jwt', algorithms: ['RS256'] }
  const { payload } = await jose.jwtVerify(token, keys, options).catch((error) => {
    throw new InvalidTokenError(error.message)
  })
  return { token, clientId: payload.client_id, scopes: payload.scope.split(' '), expiresAt: payload.exp, resource: own }
}

app.use(mcpAuthMetadataRouter({ oauthMetadata, resourceServerUrl: own, scopesSupported: [scope] }))
app.use(requireBearerAuth({
  verifier: { verifyAccessToken },
  requiredScopes: [scope],
  resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(own),
  expectedResource: own,
}))
app.all('/mcp', express.json(), async (request, response) => {
  const mcp = new McpServer({ name: 'invoices', version: '1.0.0' })
  mcp.registerTool('who', { description: 'Tells who asks' }, ({ authInfo }) => ({
    content: [{ type: 'text', text: JSON.stringify({ token: authInfo.token, client: authInfo.clientId }) }],
  }))
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await mcp.connect(transport)
  await transport.handleRequest(request, response, request.body)
})
console.log(own.href)
