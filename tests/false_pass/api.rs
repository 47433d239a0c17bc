//! A right little API that the false servers bend: three people, bearer tokens, an admin area.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::server::{Reply, Request, json, status};

/// What the server knows of a token.
#[derive(Debug, Clone)]
struct Token {
    user: String,
    ends: Instant,
}

/// `alice` and `bob` are users, `root` is the admin; every password is `right-` and the name.
#[derive(Debug)]
pub struct Api {
    tokens: Mutex<HashMap<String, Token>>,
    refreshes: Mutex<HashMap<String, String>>,
    issued: Mutex<usize>,
    pub lifetime: Duration,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            tokens: Mutex::default(),
            refreshes: Mutex::default(),
            issued: Mutex::default(),
            lifetime: Duration::from_mins(10),
        }
    }
}

impl Api {
    pub fn living(lifetime: Duration) -> Self {
        Self { lifetime, ..Self::default() }
    }

    /// Answers as a careful server would.
    pub fn answer(&self, request: &Request) -> Reply {
        let path = request.path.split('?').next().unwrap_or_default();
        match (request.method.as_str(), path) {
            ("POST", "/login") => self.login(request),
            ("POST", "/refresh") => self.refresh(request),
            ("POST", "/logout") => self.logout(request),
            ("GET", "/health") => json(200, r#"{"status":"up"}"#),
            ("GET", "/me") => self.known(request, |user| json(200, &format!(r#"{{"username":"{user}"}}"#))),
            ("GET", "/admin") => self.known(request, |user| match user {
                "root" => json(200, r#"{"users":3}"#),
                _ => json(403, r#"{"error":"forbidden"}"#),
            }),
            _ => json(404, r#"{"error":"not found"}"#),
        }
    }

    /// The user of a good token.
    pub fn user(&self, request: &Request) -> Result<String, &'static str> {
        let tokens = self.tokens.lock().unwrap();
        let token = tokens.get(request.bearer()).ok_or("invalid token")?;
        if token.ends < Instant::now() { Err("the token expired") } else { Ok(token.user.clone()) }
    }

    /// Answers for somebody known, 401 to all others.
    pub fn known(&self, request: &Request, answer: impl FnOnce(&str) -> Reply) -> Reply {
        match self.user(request) {
            Ok(user) => answer(&user),
            Err(why) => unauthorized(why),
        }
    }

    /// Ends all tokens.
    pub fn forget(&self) {
        self.tokens.lock().unwrap().clear();
    }

    /// Makes a token and a refresh token.
    pub fn issue(&self, user: &str) -> Reply {
        let number = {
            let mut issued = self.issued.lock().unwrap();
            *issued += 1;
            *issued
        };
        let (token, refresh) = (format!("token-of-{user}-{number}"), format!("refresh-of-{user}-{number}"));
        let ends = Instant::now() + self.lifetime;
        self.tokens.lock().unwrap().insert(token.clone(), Token { user: user.to_owned(), ends });
        self.refreshes.lock().unwrap().insert(refresh.clone(), user.to_owned());
        let body = format!(r#"{{"access_token":"{token}","refresh_token":"{refresh}"}}"#);
        json(200, &body)
    }

    fn login(&self, request: &Request) -> Reply {
        let (user, password) = (request.field("username"), request.field("password"));
        if ["alice", "bob", "root"].contains(&&*user) && password == format!("right-{user}") {
            self.issue(&user)
        } else {
            unauthorized("wrong name or password")
        }
    }

    /// Rotates: a refresh token works once.
    fn refresh(&self, request: &Request) -> Reply {
        let user = self.refreshes.lock().unwrap().remove(&request.field("refresh_token"));
        user.map_or_else(|| json(400, r#"{"error":"invalid_grant"}"#), |user| self.issue(&user))
    }

    /// Ends the token, and the refresh token that came with it.
    fn logout(&self, request: &Request) -> Reply {
        let gone = self.tokens.lock().unwrap().remove(request.bearer());
        self.refreshes.lock().unwrap().remove(&request.bearer().replacen("token", "refresh", 1));
        gone.map_or_else(|| unauthorized("invalid token"), |_| status(204))
    }
}

/// A 401 that says why.
pub fn unauthorized(why: &str) -> Reply {
    let challenge = format!(r#"Bearer error="invalid_token", error_description="{why}""#);
    json(401, &format!(r#"{{"error":"{why}"}}"#)).header("www-authenticate", challenge)
}
