// A client of the MCP TypeScript SDK for each of its machine-to-machine providers: calls the tool `who`.
// Input: JSON on standard input, see test_mcp.py. Output: one JSON object, by client id.

import { text } from 'node:stream/consumers'

import { ClientCredentialsProvider, PrivateKeyJwtProvider, StaticPrivateKeyJwtProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'

const asked = JSON.parse(await text(process.stdin))
const own = (clientId) => ({ clientId, expectedIssuer: asked.issuer })
const providers = [
  ...['basic', 'post'].map((id) => new ClientCredentialsProvider({ ...own(id), clientSecret: asked.secrets[id] })),
  ...Object.entries(asked.keys).map(
    ([algorithm, privateKey]) => new PrivateKeyJwtProvider({ ...own(`key-${algorithm}`), privateKey, algorithm }),
  ),
  new StaticPrivateKeyJwtProvider({ ...own('workload'), jwtBearerAssertion: asked.assertion }),
]

async function who(authProvider) {
  const client = new Client({ name: 'billing', version: '1.0.0' })
  await client.connect(new StreamableHTTPClientTransport(new URL(asked.server), { authProvider }))
  const told = await client.callTool({ name: 'who', arguments: {} })
  await client.close()
  return JSON.parse(told.content[0].text)
}

const told = {}
for (const provider of providers) {
  told[provider.clientInformation().client_id] = await who(provider).catch((error) => ({ failed: String(error) }))
}
console.log(JSON.stringify(told))
