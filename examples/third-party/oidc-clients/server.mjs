// oidc-provider with clients that prove themselves by what they sign or by their certificate. It is copied into the
// folder where oidc-provider is installed and started there: `node server.mjs PORT KEYS`. PORT is the issuer, which asks
// nobody for a certificate; PORT + 1 is the door of those who have one, as the metadata's aliases say.
import crypto from 'node:crypto';
import fs from 'node:fs';
import https from 'node:https';
import { Provider } from 'oidc-provider';

const [port, keys] = [Number(process.argv[2]), process.argv[3]];
const read = (name) => fs.readFileSync(`${keys}/${name}`);
const jwk = (name, alg) => ({ ...crypto.createPublicKey(read(name)).export({ format: 'jwk' }), alg, use: 'sig', kid: name });
const der = (name) => new crypto.X509Certificate(read(name)).raw.toString('base64');

const [issuer, door] = [`https://127.0.0.1:${port}`, `https://127.0.0.1:${port + 1}`];
const program = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] };
const person = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], redirect_uris: ['http://127.0.0.1:9/cb'] };
const signing = (id, alg, file) => ({
  client_id: id, token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: alg, jwks: { keys: [jwk(file, alg)] }, ...program,
});
const secret = 'a-secret-of-at-least-thirty-two-bytes-for-hs256';
const bound = { tls_client_certificate_bound_access_tokens: true };
const own = { ...crypto.createPublicKey(read('self.pem')).export({ format: 'jwk' }), use: 'sig', kid: 'self', x5c: [der('self.pem')] };

const provider = new Provider(issuer, {
  clients: [
    { client_id: 'svc-secret', client_secret: secret, token_endpoint_auth_method: 'client_secret_jwt', token_endpoint_auth_signing_alg: 'HS256', ...program },
    { client_id: 'web-secret', client_secret: secret, token_endpoint_auth_method: 'client_secret_jwt', token_endpoint_auth_signing_alg: 'HS512', ...person },
    signing('svc-es256', 'ES256', 'es256.key'),
    signing('svc-rs256', 'RS256', 'rsa.key'),
    signing('svc-ps256', 'PS256', 'rsa.key'),
    signing('svc-eddsa', 'EdDSA', 'ed25519.key'),
    { client_id: 'svc-tls', token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=svc-tls,O=Example', ...program },
    { client_id: 'svc-self', token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: { keys: [own] }, ...program },
    { client_id: 'web-tls', token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=svc-tls,O=Example', ...bound, ...person },
    { client_id: 'web-other', token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=somebody-else,O=Example', ...bound, ...person },
    { client_id: 'rs', client_secret: 'rs-secret', grant_types: [], response_types: [], redirect_uris: [] },
  ],
  clientAuthMethods: ['client_secret_basic', 'client_secret_jwt', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'],
  enabledJWA: { clientAuthSigningAlgValues: ['HS256', 'HS512', 'RS256', 'PS256', 'ES256', 'EdDSA'] },
  cookies: { keys: ['target-cookie-key'] },
  scopes: ['openid', 'offline_access'],
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  pkce: { required: () => true },
  discovery: { mtls_endpoint_aliases: { token_endpoint: `${door}/token`, revocation_endpoint: `${door}/token/revocation` } },
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (ctx, client) => client.clientId === 'rs' },
    mTLS: {
      enabled: true, certificateBoundAccessTokens: true, tlsClientAuth: true, selfSignedTlsClientAuth: true,
      getCertificate: (ctx) => { const { raw } = ctx.socket.getPeerCertificate(); return raw && new crypto.X509Certificate(raw); },
      certificateAuthorized: (ctx) => ctx.socket.authorized,
      certificateSubjectMatches(ctx, property, expected) {
        const { subject } = ctx.socket.getPeerCertificate();
        return property === 'tls_client_auth_subject_dn' && `CN=${subject.CN},O=${subject.O}` === expected;
      },
    },
  },
  ttl: { AccessToken: 60, ClientCredentials: 60, AuthorizationCode: 10, IdToken: 60, RefreshToken: 60, Session: 120, Interaction: 60, Grant: 120 },
});

const server = { key: read('server.key'), cert: read('server.pem') };
https.createServer(server, provider.callback()).listen(port, '127.0.0.1');
https.createServer({ ...server, ca: read('ca.pem'), requestCert: true, rejectUnauthorized: false }, provider.callback())
  .listen(port + 1, '127.0.0.1');
