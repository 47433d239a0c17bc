//! The authorization server over real sockets: every rule with the refusal it is there for.

mod authorize;
mod clients;
mod code;
mod device;
mod dpop;
mod flows;
mod logout;
mod resource;
mod tls;
mod tokens;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use url::Url;

use super::{Api, Got, password};
use crate::demo::oauth::clients::{CLIENT_KEY, find};
use crate::demo::{clock, random};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const WEB: &str = "https://web.example.com/callback";
const SPA: &str = "https://spa.example.com/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CC: (&str, &str) = ("grant_type", "client_credentials");

type Fields<'a> = &'a [(&'a str, &'a str)];

fn form(fields: Fields<'_>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The Basic header of a client, encoded as RFC 6749 §2.3.1 says.
fn basic(id: &str) -> String {
    basic_with(id, find(id).unwrap().secret)
}

fn basic_with(id: &str, secret: &str) -> String {
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret))))
}

fn s256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

fn now() -> u64 {
    clock::now_ms() / 1000
}

/// A JWT signed with the ES256 key of the clients.
fn signed(claims: &Value) -> String {
    let key = EncodingKey::from_ec_pem(CLIENT_KEY.as_bytes()).unwrap();
    encode(&Header::new(Algorithm::ES256), claims, &key).unwrap()
}

/// The claims of a good client assertion.
fn assertion(api: &Api, client: &str) -> Value {
    json!({ "iss": client, "sub": client, "aud": format!("{}/oauth", api.base), "exp": now() + 60, "iat": now(),
        "jti": random::secret() })
}

/// The claims of a JWT, not verified.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Adds to or changes fields; an empty value takes a field away.
fn changed<'a>(fields: &[(&'a str, &'a str)], changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = fields.iter().filter(|(name, _)| !changes.iter().any(|(n, _)| n == name));
    kept.chain(changes.iter().filter(|(_, value)| !value.is_empty())).copied().collect()
}

impl Got {
    /// Checks a refusal of the authorization server (RFC 6749 §5.2).
    #[track_caller]
    fn fault(self, status: u16, code: &str) -> Self {
        let got = self.is(status);
        assert_eq!(got.json()["error"], code, "{got:?}");
        let description = got.text("/error_description");
        assert!(!description.is_empty() && !description.contains(['"', '\\']), "{got:?}");
        assert_eq!(got.header("cache-control"), "no-store");
        assert_eq!(got.header("content-type"), "application/json");
        got
    }

    fn location(&self) -> Url {
        Url::parse(&self.header("location")).unwrap()
    }

    /// A parameter of the redirect.
    fn back(&self, name: &str) -> String {
        let found = self.location().query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned());
        found.unwrap_or_else(|| panic!("{name}: {self:?}"))
    }

    /// Checks an error that is told to the client by redirect, with state and issuer.
    #[track_caller]
    fn redirected(self, code: &str) -> Self {
        let got = self.is(303);
        assert_eq!(got.back("error"), code, "{got:?}");
        assert_eq!(got.back("state"), "s t&1", "{got:?}");
        assert!(got.back("iss").ends_with("/oauth"), "{got:?}");
        assert!(!got.header("location").contains("code="), "{got:?}");
        got
    }

    /// Checks an error that is told to the person: a page, and no way out.
    #[track_caller]
    fn on_a_page(self) -> Self {
        let got = self.is(400);
        assert!(got.header("content-type").starts_with("text/html"), "{got:?}");
        assert_eq!(got.header("location"), "");
        assert!(got.header("content-security-policy").contains("frame-ancestors 'none'"));
        got
    }
}

/// A client with a cookie jar of one cookie, as a browser's is here.
struct Browser<'a> {
    api: &'a Api,
    cookie: String,
}

impl<'a> Browser<'a> {
    fn new(api: &'a Api) -> Self {
        Self { api, cookie: String::new() }
    }

    async fn send(&mut self, request: &str, fields: Fields<'_>) -> Got {
        let cookie = self.cookie.clone();
        let mut headers = vec![FORM];
        if !cookie.is_empty() {
            headers.push(("cookie", cookie.as_str()));
        }
        let got = self.api.send(request, &headers, form(fields)).await;
        if let Some(set) = got.headers.get("set-cookie") {
            set.to_str().unwrap().split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        got
    }

    async fn authorize(&mut self, query: Fields<'_>) -> Got {
        self.send(&format!("GET /oauth/authorize?{}", form(query)), &[]).await
    }

    /// Sends the form of a page with its hidden fields.
    async fn submit(&mut self, page: &Got, fields: Fields<'_>) -> Got {
        let action = between(&page.body, "action=\"", "\"");
        let hidden = hidden(&page.body);
        let mut all: Vec<(&str, &str)> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        all.extend_from_slice(fields);
        self.send(&format!("POST {action}"), &all).await
    }

    /// Goes where a redirect leads, on this server.
    async fn follow(&mut self, got: &Got) -> Got {
        self.send(&format!("GET {}", got.header("location")), &[]).await
    }

    /// Logs alice in at the page that an authorization request leads to, and gives the page after it.
    async fn login(&mut self, got: Got) -> Got {
        let page = self.follow(&got.is(303)).await.is(200);
        let credentials = [("username", "alice"), ("password", password("alice"))];
        let next = self.submit(&page, &credentials).await.is(303);
        self.follow(&next).await.is(200)
    }

    /// The whole way: login, consent, and the redirect with its code.
    async fn allow(&mut self, query: Fields<'_>) -> Got {
        let first = self.authorize(query).await;
        let consent = self.login(first).await;
        self.submit(&consent, &[("decision", "allow")]).await.is(303)
    }
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let after = text.split_once(start).unwrap_or_else(|| panic!("{start}: {text}")).1;
    after.split_once(end).unwrap().0
}

fn hidden(html: &str) -> Vec<(String, String)> {
    let inputs = html.split("<input type=\"hidden\" name=\"").skip(1);
    let plain = |text: &str| text.replace("&quot;", "\"").replace("&amp;", "&");
    inputs.map(|i| (plain(i.split('"').next().unwrap()), plain(between(i, "value=\"", "\"")))).collect()
}

/// The authorization request of the web client.
fn web_query() -> Vec<(&'static str, &'static str)> {
    vec![
        ("response_type", "code"),
        ("client_id", "web"),
        ("redirect_uri", WEB),
        ("scope", "openid profile email orders.read orders.write"),
        ("state", "s t&1"),
        ("nonce", "n-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
}

/// The authorization request of the public client.
fn spa_query() -> Vec<(&'static str, &'static str)> {
    changed(&web_query(), &[("client_id", "spa"), ("redirect_uri", SPA)])
}

/// The token request of the web client for a code.
fn redeem(code: &str) -> Vec<(&str, &str)> {
    vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", WEB), ("code_verifier", VERIFIER)]
}

impl Api {
    async fn form(&self, request: &str, headers: Fields<'_>, fields: Fields<'_>) -> Got {
        let headers: Vec<(&str, &str)> = [FORM].iter().chain(headers).copied().collect();
        self.send(request, &headers, form(fields)).await
    }

    /// A token request of a client that authenticates with Basic.
    async fn token_as(&self, client: &str, fields: Fields<'_>) -> Got {
        self.form("POST /oauth/token", &[("authorization", &basic(client))], fields).await
    }

    /// A token request with nothing but its body.
    async fn token_of(&self, fields: Fields<'_>) -> Got {
        self.form("POST /oauth/token", &[], fields).await
    }

    /// The tokens of alice at the web client.
    async fn web_tokens(&self) -> Got {
        let code = Browser::new(self).allow(&web_query()).await.back("code");
        self.token_as("web", &redeem(&code)).await.is(200)
    }

    /// An access token of the service.
    async fn service_token(&self, scope: &str) -> String {
        self.token_as("service", &[CC, ("scope", scope)]).await.is(200).text("/access_token")
    }

    async fn is_active(&self, token: &str) -> bool {
        let auth = basic("gateway");
        let got = self.form("POST /oauth/introspect", &[("authorization", &auth)], &[("token", token)]).await;
        got.is(200).json()["active"] == true
    }
}
