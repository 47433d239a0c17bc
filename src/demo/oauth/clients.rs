//! The clients that are registered, each with the one way it authenticates and with what it may ask for.

use std::sync::LazyLock;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

/// How a client proves who it is; it is registered for exactly one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
    /// `none`: a public client.
    None,
    /// `private_key_jwt`, signed with that algorithm by the key of the same kind.
    PrivateKeyJwt(Algorithm),
    /// `client_secret_jwt`: HS256 with the secret.
    SecretJwt,
    /// `tls_client_auth`: a certificate with that common name (RFC 8705 §2.1).
    Tls(&'static str),
}

/// What a client may ask the token endpoint for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    ClientCredentials,
    Password,
    Code,
    Refresh,
    Device,
    Exchange,
    JwtBearer,
}

/// Every grant with its name on the wire.
pub(crate) const GRANTS: &[(Grant, &str)] = &[
    (Grant::ClientCredentials, "client_credentials"),
    (Grant::Password, "password"),
    (Grant::Code, "authorization_code"),
    (Grant::Refresh, "refresh_token"),
    (Grant::Device, "urn:ietf:params:oauth:grant-type:device_code"),
    (Grant::Exchange, "urn:ietf:params:oauth:grant-type:token-exchange"),
    (Grant::JwtBearer, "urn:ietf:params:oauth:grant-type:jwt-bearer"),
];

/// The scopes the server knows.
pub(crate) const SCOPES: &[&str] =
    &["openid", "profile", "email", "offline_access", "orders.read", "orders.write", "billing.read"];

/// A demand on a client that others do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Only pushed authorization requests (RFC 9126 §6).
    Par,
    /// Only tokens bound to a key (RFC 9449 §5.2).
    Dpop,
    /// May introspect the tokens of all clients: a resource server.
    Introspects,
}

/// A registered client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: &'static str,
    pub(crate) about: &'static str,
    pub(crate) method: Method,
    /// Empty where the client has none.
    pub(crate) secret: &'static str,
    pub(crate) grants: &'static [Grant],
    pub(crate) scopes: &'static [&'static str],
    /// Exact redirect URIs; one that begins with a slash is the demo's own.
    pub(crate) redirects: &'static [&'static str],
    /// Where a browser may be sent after a logout, in the same spelling.
    pub(crate) after_logout: &'static [&'static str],
    /// How many seconds its access tokens live.
    pub(crate) lifetime: u64,
    /// How many seconds its refresh tokens and device codes live.
    pub(crate) refresh_lifetime: u64,
    /// The algorithm of its tokens.
    pub(crate) alg: Algorithm,
    pub(crate) demands: &'static [Demand],
}

const ORDERS: &[&str] = &["orders.read", "orders.write", "billing.read"];
const READ: &[&str] = &["orders.read"];
const PEOPLE: &[&str] = &["openid", "profile", "email", "offline_access", "orders.read", "orders.write"];
const WEB: &[&str] = &["https://web.example.com/callback", "/oauth/demo/callback"];
const SPA: &[&str] = &["https://spa.example.com/callback", "/oauth/demo/callback"];
const WEB_GOODBYE: &[&str] = &["https://web.example.com/goodbye", "/oauth/demo/goodbye"];

const CC: &[Grant] = &[Grant::ClientCredentials];
const CODE: &[Grant] = &[Grant::Code, Grant::Refresh];

/// What most clients have in common.
const PLAIN: Client = Client {
    id: "",
    about: "",
    method: Method::Basic,
    secret: "",
    grants: CC,
    scopes: ORDERS,
    redirects: &[],
    after_logout: &[],
    lifetime: 300,
    refresh_lifetime: 86_400,
    alg: Algorithm::RS256,
    demands: &[],
};

/// What web applications have in common.
const WEB_APP: Client = Client { grants: CODE, scopes: PEOPLE, redirects: WEB, after_logout: WEB_GOODBYE, ..PLAIN };

/// What pages in a browser have in common.
const PAGE: Client = Client { method: Method::None, grants: CODE, scopes: PEOPLE, redirects: SPA, ..PLAIN };

/// The registered clients.
pub(crate) const CLIENTS: &[Client] = &[
    Client { id: "service", about: "a service", secret: "service-secret-7d1f", ..PLAIN },
    Client {
        id: "service:odd/1",
        about: "a service whose id and secret need encoding",
        secret: "p+ss%20:w/rd &ü",
        ..PLAIN
    },
    Client {
        id: "service-post",
        about: "a service that sends its secret in the body",
        method: Method::Post,
        secret: "service-post-secret-2b8c",
        ..PLAIN
    },
    Client {
        id: "service-key",
        about: "a service with an ES256 key",
        method: Method::PrivateKeyJwt(Algorithm::ES256),
        grants: &[Grant::ClientCredentials, Grant::JwtBearer],
        ..PLAIN
    },
    Client {
        id: "service-key-rsa",
        about: "a service with an RS256 key",
        method: Method::PrivateKeyJwt(Algorithm::RS256),
        ..PLAIN
    },
    Client {
        id: "service-hmac",
        about: "a service that signs with its secret",
        method: Method::SecretJwt,
        secret: "service-hmac-secret-of-at-least-32-bytes",
        ..PLAIN
    },
    Client {
        id: "service-short",
        about: "a service whose tokens live 2 s",
        secret: "service-short-secret-91aa",
        lifetime: 2,
        ..PLAIN
    },
    Client {
        id: "service-reader",
        about: "a service that may only read",
        secret: "service-reader-secret-c04e",
        scopes: READ,
        ..PLAIN
    },
    Client {
        id: "service-dpop",
        about: "a service whose tokens are bound to a key",
        secret: "service-dpop-secret-5f3d",
        demands: &[Demand::Dpop],
        ..PLAIN
    },
    Client {
        id: "service-tls",
        about: "a service that shows the certificate of gate-7, to which its tokens are bound; over https",
        method: Method::Tls("gate-7"),
        ..PLAIN
    },
    Client {
        id: "web-tls",
        about: "a web application that does the same with that of gate-8",
        method: Method::Tls("gate-8"),
        ..WEB_APP
    },
    Client { id: "web", about: "a web application", secret: "web-secret-3c9e", ..WEB_APP },
    Client {
        id: "web-short",
        about: "a web application whose access tokens live 2 s",
        secret: "web-short-secret-77b0",
        lifetime: 2,
        ..WEB_APP
    },
    Client {
        id: "web-brief",
        about: "the same; its refresh tokens live 4 s",
        secret: "web-brief-secret-a61c",
        lifetime: 2,
        refresh_lifetime: 4,
        ..WEB_APP
    },
    Client {
        id: "web-par",
        about: "a web application that must push its requests",
        secret: "web-par-secret-e2d4",
        demands: &[Demand::Par],
        ..WEB_APP
    },
    Client {
        id: "web-bank",
        about: "a web application with the ES256 key, pushed requests and tokens bound to a key",
        method: Method::PrivateKeyJwt(Algorithm::ES256),
        demands: &[Demand::Par, Demand::Dpop],
        ..WEB_APP
    },
    Client { id: "spa", about: "a page in a browser; public, so PKCE is a must", ..PAGE },
    Client { id: "spa-dpop", about: "the same with tokens bound to a key", demands: &[Demand::Dpop], ..PAGE },
    Client {
        id: "native",
        about: "a program on a person's machine; any port of http://127.0.0.1/callback, tokens with ES256",
        method: Method::None,
        grants: CODE,
        scopes: PEOPLE,
        redirects: &["http://127.0.0.1/callback"],
        alg: Algorithm::ES256,
        ..PLAIN
    },
    Client {
        id: "tv",
        about: "a device without a keyboard",
        method: Method::None,
        grants: &[Grant::Device, Grant::Refresh],
        scopes: PEOPLE,
        refresh_lifetime: 300,
        ..PLAIN
    },
    Client {
        id: "tv-short",
        about: "the same; its codes live 2 s",
        method: Method::None,
        grants: &[Grant::Device],
        scopes: PEOPLE,
        refresh_lifetime: 2,
        ..PLAIN
    },
    Client {
        id: "legacy",
        about: "an old application that still asks for passwords",
        secret: "legacy-secret-40d6",
        grants: &[Grant::Password, Grant::Refresh],
        scopes: PEOPLE,
        ..PLAIN
    },
    Client {
        id: "legacy-short",
        about: "the same; its access tokens live 2 s",
        secret: "legacy-short-secret-1e7b",
        grants: &[Grant::Password, Grant::Refresh],
        scopes: PEOPLE,
        lifetime: 2,
        ..PLAIN
    },
    Client {
        id: "exchanger",
        about: "a service that calls others for its callers",
        secret: "exchanger-secret-b8f1",
        grants: &[Grant::Exchange],
        ..PLAIN
    },
    Client {
        id: "robot",
        about: "a robot that signs assertions with the ES256 key, for itself or for a person",
        method: Method::None,
        grants: &[Grant::JwtBearer],
        ..PLAIN
    },
    Client {
        id: "gateway",
        about: "a resource server that introspects the tokens of all",
        secret: "gateway-secret-d95a",
        grants: &[],
        scopes: &[],
        demands: &[Demand::Introspects],
        ..PLAIN
    },
];

/// The private key of the clients that sign with ES256, open to everybody: it protects only the demo.
pub(crate) const CLIENT_KEY: &str = include_str!("data/client-key.pem");
/// The same for RS256.
pub(crate) const CLIENT_KEY_RSA: &str = include_str!("data/client-key-rsa.pem");

/// The public half of the ES256 key.
static EC_KEY: LazyLock<Option<DecodingKey>> = LazyLock::new(|| {
    let key = EncodingKey::from_ec_pem(CLIENT_KEY.as_bytes()).ok()?;
    DecodingKey::from_jwk(&Jwk::from_encoding_key(&key, Algorithm::ES256).ok()?).ok()
});
/// The public half of the RS256 key.
static RSA_KEY: LazyLock<Option<DecodingKey>> = LazyLock::new(|| {
    let key = EncodingKey::from_rsa_pem(CLIENT_KEY_RSA.as_bytes()).ok()?;
    DecodingKey::from_jwk(&Jwk::from_encoding_key(&key, Algorithm::RS256).ok()?).ok()
});

/// The client of that id.
pub(crate) fn find(id: &str) -> Option<&'static Client> {
    CLIENTS.iter().find(|c| c.id == id)
}

impl Client {
    pub(crate) fn may(&self, grant: Grant) -> bool {
        self.grants.contains(&grant)
    }

    pub(crate) fn is_public(&self) -> bool {
        self.method == Method::None
    }

    pub(crate) fn must(&self, demand: Demand) -> bool {
        self.demands.contains(&demand)
    }

    /// The algorithm of the client's own signatures, and what verifies them.
    pub(crate) fn key(&self) -> Option<(Algorithm, DecodingKey)> {
        match self.method {
            Method::PrivateKeyJwt(Algorithm::RS256) => Some((Algorithm::RS256, RSA_KEY.clone()?)),
            Method::PrivateKeyJwt(_) => Some((Algorithm::ES256, EC_KEY.clone()?)),
            Method::SecretJwt => Some((Algorithm::HS256, DecodingKey::from_secret(self.secret.as_bytes()))),
            Method::None if self.may(Grant::JwtBearer) => Some((Algorithm::ES256, EC_KEY.clone()?)),
            Method::Basic | Method::Post | Method::None | Method::Tls(_) => None,
        }
    }
}

impl Method {
    /// The name of the method in metadata (RFC 8414 §2).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
            Self::None => "none",
            Self::PrivateKeyJwt(_) => "private_key_jwt",
            Self::SecretJwt => "client_secret_jwt",
            Self::Tls(_) => "tls_client_auth",
        }
    }
}
