// A certified OpenID provider on a free port of 127.0.0.1, for the sign-in tests.
//
//   node provider.mjs '{"accounts": "accounts.json", "client": {...}}'
//
// The accounts file (login → claims) is read again at every sign-in, so a test can move people
// between groups. Prints `issuer <url>` once it listens. Any password is accepted.

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

import { Provider } from 'oidc-provider';

const { accounts, client } = JSON.parse(process.argv[2]);

async function findAccount(_context, login) {
  const claims = JSON.parse(await readFile(accounts, 'utf8'))[login];
  return claims && { accountId: login, claims: () => ({ sub: login, ...claims }) };
}

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [client],
    findAccount,
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups'], email: ['email'] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    features: { devInteractions: { enabled: true } },
    pkce: { required: () => true },
  });
  server.on('request', provider.callback());
  console.log(`issuer ${issuer}`);
});
