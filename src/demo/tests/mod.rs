//! The demo over real sockets, one file per area.

mod access;
mod aws;
mod digest;
mod hmac;
mod login;
mod oauth;
mod openapi;
mod other;
mod tokens;
mod weak;
mod web;
mod wire;

use std::sync::LazyLock;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::{Demo, DemoError, DemoOptions};

/// A demo that tests share; one that changes a seeded user starts a demo of its own.
static SHARED: LazyLock<Demo> = LazyLock::new(|| Demo::start(DemoOptions::default()).unwrap());

/// A client that follows nothing and keeps nothing.
struct Api {
    base: String,
    client: Client,
}

/// An answer that was read to its end.
#[derive(Debug)]
struct Got {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    fn text(&self, pointer: &str) -> String {
        let value = self.json();
        value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}: {self:?}")).to_owned()
    }

    /// All lines of one header, joined as RFC 9110 §5.3 does.
    fn header(&self, name: &str) -> String {
        let lines: Vec<&str> = self.headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect();
        lines.join(", ")
    }

    fn challenge(&self) -> String {
        self.header("www-authenticate")
    }

    /// Checks the status and gives the answer on.
    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// Checks a refusal in the demo's shape.
    #[track_caller]
    fn refused(self, status: u16, code: &str) -> Self {
        let got = self.is(status);
        assert_eq!(got.json()["error"], code, "{got:?}");
        assert!(!got.text("/message").is_empty());
        assert_eq!(got.header("cache-control"), "no-store");
        got
    }
}

impl Api {
    fn of(demo: &Demo) -> Self {
        Self { base: demo.url().to_owned(), client: client().build().unwrap() }
    }

    fn shared() -> Self {
        Self::of(&SHARED)
    }

    async fn send(&self, request: &str, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Got {
        let (method, path) = request.split_once(' ').unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut builder = self.client.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let response = builder.body(body).send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Got { status, headers, body: response.text().await.unwrap() }
    }

    /// A request without a body.
    async fn ask(&self, request: &str, headers: &[(&str, &str)]) -> Got {
        self.send(request, headers, "").await
    }

    /// A request with a JSON body and, where the token is not empty, a Bearer token.
    async fn json(&self, request: &str, token: &str, body: Value) -> Got {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("content-type", "application/json")];
        if !token.is_empty() {
            headers.push(("authorization", &bearer));
        }
        self.send(request, &headers, body.to_string()).await
    }

    /// A request without a body, with a Bearer token.
    async fn with(&self, token: &str, request: &str) -> Got {
        self.ask(request, &[("authorization", &format!("Bearer {token}"))]).await
    }

    async fn login(&self, name: &str, password: &str) -> Got {
        self.json("POST /login", "", json!({ "username": name, "password": password })).await
    }

    /// An access token of one of the seeded users.
    async fn token(&self, name: &str) -> String {
        self.login(name, password(name)).await.is(200).text("/access_token")
    }
}

fn client() -> reqwest::ClientBuilder {
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none())
}

fn password(name: &str) -> &'static str {
    match name {
        "alice" => "wonderland-7",
        "bob" => "builder-8",
        "carol" => "caramel-4",
        "dora" => "auditor-3",
        "lara" => "lockout-5",
        "root" => "toor-admin-9",
        other => panic!("no such user: {other}"),
    }
}
