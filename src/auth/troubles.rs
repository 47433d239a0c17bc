//! What goes wrong with each scheme in practice, for its page in the documents: what is seen, where it most often comes
//! from, and what to do.

/// Something that goes wrong with a scheme.
#[derive(Debug)]
pub struct Trouble {
    /// What the server says, or what else is seen.
    pub seen: &'static str,
    /// Where it most often comes from.
    pub cause: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

const fn trouble(seen: &'static str, cause: &'static str, remedy: &'static str) -> Trouble {
    Trouble { seen, cause, remedy }
}

pub(super) const API_KEY: &[Trouble] = &[
    trouble(
        "401, as if there were no key",
        "it is looked for elsewhere: another field, the query, a cookie",
        "look into the API's document, and say `header`, `query` or `cookie`",
    ),
    trouble(
        "401, and the name of the field has a `_`",
        "nginx and others drop such fields on the way",
        "a name with `-`, or `underscores_in_headers on` at the proxy",
    ),
    trouble(
        "401 for a key in the query that has a `+` or `&`",
        "the server decodes it before it compares",
        "look at `-vv`: the key leaves encoded as it has to be, so it is cut behind",
    ),
    trouble(
        "401 where `Authorization` carries the key",
        "the word before it is missing or another one: `ApiKey`, `Token`, `Key`",
        "`header: Authorization` with `prefix: ApiKey`",
    ),
    trouble(
        "403, and the key is right",
        "it is bound to addresses or origins, is one of the sandbox, or its quota is spent",
        "ask whoever gave it out; a run in CI comes from another address than yours",
    ),
];

pub(super) const AWS: &[Trouble] = &[
    trouble(
        "`SignatureDoesNotMatch`",
        "the secret has a line break or a blank at its end; a proxy changed `host`, the path or a field; another service is asked than `service` says",
        "hold the string that the server repeats in its answer against `-vv`; ask without the proxy",
    ),
    trouble(
        "`Credential should be scoped to …`",
        "`region` or `service` is another one",
        "take what the message names; API Gateway is `execute-api`, whatever stands behind it",
    ),
    trouble(
        "`InvalidClientTokenId`, `UnrecognizedClientException`",
        "the key is unknown or deleted, or temporary keys travel without their token",
        "give the identity its `session_token`; look the key up",
    ),
    trouble(
        "`ExpiredToken`",
        "the temporary keys are over",
        "get new ones at each run, into `secrets: { …: { command: … } }`",
    ),
    trouble(
        "`RequestTimeTooSkewed`",
        "the clocks differ by more than 15 minutes",
        "set the clock of the machine that runs this",
    ),
    trouble(
        "`MissingAuthenticationToken`",
        "the path or the method does not exist at the gateway, signed or not",
        "check path and stage before the keys",
    ),
    trouble(
        "`AccessDenied`",
        "the signature is right; the policy says no",
        "expect it where it is meant, or look at the policy",
    ),
];

pub(super) const BASIC: &[Trouble] = &[
    trouble(
        "401 with a password that is right in the browser",
        "a line break or a blank at its end, from a file or `$(cat …)`; a `$` or `!` that the shell took",
        "`secrets: { …: { file: … } }` trims line breaks; quote it where a shell sees it",
    ),
    trouble(
        "401 for names and passwords beyond ASCII alone",
        "the server reads Latin-1; UTF-8 is sent, as RFC 7617 has it",
        "let the server say `charset=\"UTF-8\"` and mean it, or take another password for tests",
    ),
    trouble("401 with a password that was in a URL", "it is still encoded: `%40` in place of `@`", "write it decoded"),
    trouble("407", "a proxy asks, not the server", "say who you are to the proxy under `proxy:`"),
    trouble(
        "401 behind Apache, PHP or WSGI, and `-vv` shows the field",
        "the field does not reach the application",
        "`CGIPassAuth On`, `WSGIPassAuthorization On`",
    ),
];

pub(super) const BEARER: &[Trouble] = &[
    trouble(
        "401 `invalid_token`, and it worked yesterday",
        "it is over: a token kept in a file or a variable is old by nature",
        "let the run get one: `login`, `oauth2`, or a secret by `command`",
    ),
    trouble(
        "401 for every request",
        "more than the token was copied: `Bearer ` before it, quotes around it, the whole JSON",
        "the token alone; of a JSON file `{ file: …, json: $.access_token }`",
    ),
    trouble(
        "401, and the login server takes it",
        "it is for another API (`aud`) or of another environment (`iss`)",
        "look with `jwt:` what it says, and ask for one with the API's audience",
    ),
    trouble(
        "401 `invalid_token` in the first second alone",
        "the clocks of issuer and API differ, and `nbf` is still to come",
        "let the API allow some seconds",
    ),
    trouble(
        "403 `insufficient_scope`",
        "the token is good and lacks a scope, which the challenge names",
        "ask for that scope, or expect the refusal",
    ),
];

pub(super) const COMMAND: &[Trouble] = &[
    trouble(
        "it works in a terminal and not in CI",
        "it asks a browser, a keychain or a prompt; another `PATH`, another home",
        "give it what it needs as `env`, with a service account",
    ),
    trouble(
        "the program is not found, or prints nothing",
        "there is no shell: pipes, `~` and `$VAR` stand for themselves",
        "a script of your own, or `[sh, -c, \"…\"]`",
    ),
    trouble(
        "`the command printed several lines`",
        "it prints messages beside the token, or it is JSON",
        "`capture:` takes parts of JSON; messages belong on standard error",
    ),
    trouble(
        "401 after an hour",
        "nobody said when the token ends",
        "capture `expires_in` or `expires_at`, and the program is asked anew in time; the `exp` of a JWT is read by itself",
    ),
    trouble(
        "a refusal to run it",
        "`--no-exec` is on, which is right for suites of others",
        "drop the flag where the suites are your own",
    ),
];

pub(super) const DIGEST: &[Trouble] = &[
    trouble(
        "401 again, and the password is right",
        "a proxy rewrote the path or the query, which are part of the hash",
        "ask the server without the proxy, or by the path that it sees",
    ),
    trouble(
        "401 with `stale=true`, again and again",
        "several instances behind a balancer, each with nonces of its own",
        "a sticky session at the balancer, or nonces that all instances know",
    ),
    trouble(
        "401 with SHA-512-256 alone",
        "the server cuts SHA-512 where RFC 7616 means SHA-512/256, as its own example does",
        "`sha-512-256: truncated`, or `algorithm: SHA-256`",
    ),
    trouble("401 with `auth-int`, and only for some bodies", "a proxy packs or rewrites the body", "`qop: auth`"),
    trouble(
        "401 for a name beyond ASCII",
        "the server knows neither `userhash` nor `username*` (RFC 7616, sections 3.4 and 4)",
        "a plain name for tests",
    ),
    trouble(
        "401, and `-vv` shows a challenge and no answer to it",
        "`algorithm` or `qop` asks for what the server does not offer, or it offers nothing that is known: the report says which",
        "leave both out, and the first challenge that can be answered is",
    ),
];

pub(super) const FORM: &[Trouble] = &[
    trouble(
        "the login page again, with or without a message",
        "wrong name or password; a field with another name; a checkbox that has to be ticked",
        "the message holds the page's words; `fields:` by the names of the inputs",
    ),
    trouble(
        "403, 419 or 422 at the login",
        "the CSRF token: it belongs to another session, or the cookie it goes with was not kept",
        "look at `login IDENTITY -v`; https cookies (`Secure`) do not travel over http",
    ),
    trouble(
        "403 for changes, and reading works",
        "unsafe requests need the CSRF token as a field",
        "`csrf: { cookie: …, header: … }` or `{ meta: true, header: … }`",
    ),
    trouble(
        "no form is found",
        "a script draws the page, so the answer has none",
        "a scheme `login` with the request that the script sends",
    ),
    trouble(
        "a second page asks for something",
        "a code, a device, terms: no page is guessed at",
        "`pages:` with a `submit` each, `totp()` for codes",
    ),
    trouble(
        "the login works, and every request is anonymous",
        "the cookie has another `Domain` or `Path`, or the server lost the session",
        "`-vv` says for each cookie why it did not travel",
    ),
];

pub(super) const HMAC: &[Trouble] = &[
    trouble(
        "every signature is wrong",
        "the key is Base64 or hexadecimal and taken as text, or ends with a line break",
        "`key_encoding`; a secret from a file is trimmed",
    ),
    trouble(
        "only those with a query are wrong",
        "the server signs `path` without the query, decoded, or its parameters sorted",
        "`request.path`, or the query as the server spells it",
    ),
    trouble(
        "only those with a body are wrong",
        "the server signs another spelling of the JSON than the one that travels",
        "hash `request.body`, and let the server hash the bytes it gets",
    ),
    trouble(
        "only those through a proxy are wrong",
        "`host` or the path is another one behind it",
        "sign what the server sees, or leave `host` out",
    ),
    trouble(
        "some are refused as too old",
        "the clocks differ; `seconds` where `milliseconds` are wanted",
        "`timestamp: milliseconds`; set the clock",
    ),
    trouble(
        "the second of two equal requests is refused",
        "the nonce or the time is covered and was used before",
        "`{{ nonce }}` in the string, which is new for each request",
    ),
];

pub(super) const LOGIN: &[Trouble] = &[
    trouble(
        "the login answers 200, and nothing works after it",
        "its body says `success: false`, or asks for a second factor",
        "`expect:` on the login step, and `whoami`",
    ),
    trouble(
        "`capture` finds nothing",
        "the token lies elsewhere in the answer",
        "see it with `authspec login IDENTITY -v`",
    ),
    trouble(
        "429, or an account that is locked, in the middle of a run",
        "many cases with `session: fresh`, each of which is a login",
        "the shared session where it will do; users of their own for cases that try passwords",
    ),
    trouble(
        "401 some minutes into the run",
        "nobody said when the token ends",
        "capture `expires_in`, and write `refresh:`",
    ),
    trouble(
        "everything ends at once after a refresh",
        "the old refresh token was sent again, and the server ended the family",
        "capture `refresh_token` in `refresh:` as well",
    ),
    trouble("401, and the login set a cookie", "with `send:` the login's cookies stay behind", "`cookies: keep`"),
];

pub(super) const MTLS: &[Trouble] = &[
    trouble(
        "`error: tls` at the first request",
        "the server does not trust who signed the certificate, or it is over",
        "put those that signed it behind it in `cert`; look at its dates",
    ),
    trouble(
        "400 `No required SSL certificate was sent`, 403.7",
        "the server asked for none at this name or path, or the proxy before it did not",
        "ask the address that demands it",
    ),
    trouble(
        "403 or an anonymous answer, and the certificate is right",
        "TLS ends at a proxy that does not pass the certificate on",
        "let the proxy pass it, or ask the server itself",
    ),
    trouble(
        "the certificate does not fit the key",
        "the key of another one, or a renewed certificate beside the old key",
        "take both from one place; `authspec check` finds it",
    ),
    trouble(
        "`the PKCS#12 file cannot be opened`",
        "another password, often one with a line break at its end; or the file is PEM or a bare certificate",
        "`openssl pkcs12 -info -in FILE` with the same password; a secret from a file is trimmed",
    ),
];

pub(super) const OAUTH2: &[Trouble] = &[
    trouble(
        "`invalid_client`",
        "another `client.auth` is registered; a secret with a special character, with a line break at its end, or one that has expired",
        "the `client.auth` of the registration; `basic-raw` for servers that do not decode",
    ),
    trouble(
        "`invalid_client`, and the certificate is right",
        "nobody asked for it: the endpoint is not the one of `mtls_endpoint_aliases`; a proxy ends TLS before the server; those that signed it are missing behind it",
        "leave `token_url` to the metadata; the whole chain in `cert`",
    ),
    trouble(
        "`invalid_grant`",
        "wrong password; a refresh token that was used before, is over, or belongs to another client",
        "`authspec login IDENTITY -v`: the first login tells which it is",
    ),
    trouble(
        "`unauthorized_client`, `unsupported_grant_type`",
        "the grant is not enabled for the client",
        "enable it at the server, or ask by another grant",
    ),
    trouble(
        "`invalid_scope`, `invalid_target`",
        "a name that the server does not know, or that the client may not ask for",
        "hold `scope`, `resource` and `audience` against the registration",
    ),
    trouble(
        "200, and a token with fewer scopes",
        "servers may leave out scopes silently",
        "hold `session.scope` against what was asked for",
    ),
    trouble(
        "`invalid_request` or a page with 400, and the parameters are right",
        "the server takes nothing but pushed requests from this client, and its metadata do not say so",
        "`par: true`",
    ),
    trouble(
        "`invalid_client` for a client that signs",
        "`aud` is not what the server calls itself; its public key is not registered, or under another `kid`; another algorithm is",
        "the refusal says what was sent: `client.audience`, `client.kid`, `client.alg`",
    ),
    trouble(
        "no `id_token` in the answer, although `openid` was asked for",
        "the server is no OpenID provider, or does not know the scope for this client",
        "drop `openid` from `scope`, or enable it at the server",
    ),
    trouble(
        "a page with 400 instead of a login",
        "the `redirect_uri` is not the registered one, to the last character; the client is unknown",
        "copy it from the registration, slash and port included",
    ),
    trouble(
        "`the pages did not lead to …`",
        "a page asks for something that is not a name, a password or consent",
        "write `pages:`",
    ),
    trouble(
        "a logout, and the next login asks for no password",
        "the tokens are revoked, and the browser's session lives on",
        "`logout: [revoke, end_session]`",
    ),
    trouble(
        "`invalid_dpop_proof`",
        "the clocks differ; behind a proxy the server knows itself by another scheme, host or port than `htu` names; it takes other algorithms",
        "let the server trust the forwarded host; `dpop: { alg: … }`",
    ),
    trouble(
        "`use_dpop_nonce`, again and again",
        "the nonce that it gives is not the one that it takes: several instances behind a balancer, or an answer from a cache",
        "nonces that all instances know, and `no-store`",
    ),
    trouble(
        "a token of the type `Bearer` for `dpop: true`",
        "DPoP is not enabled for the client, or the server does not know it",
        "enable it at the server",
    ),
    trouble(
        "401 `invalid_token` for a bound token",
        "the API is asked by another connection than the token endpoint, or by way of a proxy that does not pass the certificate on",
        "`cert` for both, and a proxy that passes it on",
    ),
    trouble("429", "it was asked too often", "nothing: the run waits as long as `Retry-After` says, up to a minute"),
];
