//! Exchanges made by hand, for the tests of facts and rules.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::{Facts, Kept, Memory, Observer, Purpose, Sender, Session, observe};
use crate::check::StatusSet;
use crate::http::jar::{Jar, SendContext};
use crate::http::{Address, Exchange, Headers, Request, Response, Trail};
use crate::secret::SecretSet;
use crate::step::IdentityId;

/// When every exchange is sent: 2023-11-14T22:13:20Z.
pub(crate) const NOW: i64 = 1_700_000_000;

/// An exchange on its way to become facts.
pub(crate) struct Try {
    hops: Vec<(Request, Response)>,
    jar: Jar,
    set_before: Vec<(String, String)>,
    sender: Sender,
    purpose: Purpose,
    wanted: Option<StatusSet>,
    memory: Memory,
    doubted: bool,
    refused_before: bool,
    changed: Vec<String>,
    pushed: bool,
    secrets: SecretSet,
    ungiven: Vec<String>,
    session: Session,
}

/// Begins with a request of alice, whose scheme sends a bearer token.
pub(crate) fn get(url: &str) -> Try {
    send("GET", url)
}

pub(crate) fn send(method: &str, url: &str) -> Try {
    let sender = Sender::Identity {
        name: "alice".into(),
        scheme: "login",
        refreshes: false,
        fields: vec!["authorization".into()],
        refused: Vec::new(),
    };
    let new = Try {
        hops: Vec::new(),
        jar: Jar::default(),
        set_before: Vec::new(),
        sender,
        purpose: Purpose::Case,
        wanted: None,
        memory: Memory::default(),
        doubted: false,
        refused_before: false,
        changed: Vec::new(),
        pushed: false,
        secrets: SecretSet::new(),
        ungiven: Vec::new(),
        session: Session::default(),
    };
    new.then(method, url)
}

/// A token of these claims.
pub(crate) fn jwt(header: &str, claims: &str) -> String {
    format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

impl Try {
    /// One more request, after a redirect.
    pub(crate) fn then(mut self, method: &str, url: &str) -> Self {
        let request = Request {
            method: method.into(),
            address: Address::parse(url).unwrap(),
            headers: Headers::default(),
            body: bytes::Bytes::new(),
        };
        let response =
            Response { status: 200, version: "HTTP/1.1", headers: Headers::default(), body: bytes::Bytes::new() };
        self.hops.push((request, response));
        self
    }

    /// A field of the request.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.hops.last_mut().unwrap().0.headers.add(name, value.to_owned());
        self
    }

    /// `Authorization: Bearer …` with a token that nothing is wrong with.
    pub(crate) fn bearer(self) -> Self {
        self.with("authorization", "Bearer s3cr3t-t0k3n")
    }

    /// The body of the request.
    pub(crate) fn body(mut self, media: &str, text: &str) -> Self {
        let request = &mut self.hops.last_mut().unwrap().0;
        request.headers.set("content-type", media.to_owned());
        request.body = text.to_owned().into();
        self
    }

    /// The status of the answer.
    pub(crate) fn gets(mut self, status: u16) -> Self {
        self.hops.last_mut().unwrap().1.status = status;
        self
    }

    /// A field of the answer.
    pub(crate) fn says(mut self, name: &str, value: &str) -> Self {
        self.hops.last_mut().unwrap().1.headers.add(name, value.to_owned());
        self
    }

    /// The body of the answer.
    pub(crate) fn text(mut self, text: &str) -> Self {
        let response = &mut self.hops.last_mut().unwrap().1;
        response.body = text.to_owned().into();
        let media = if text.starts_with('<') { "text/html" } else { "application/json" };
        response.headers.set("content-type", media);
        self
    }

    /// A cookie that an earlier answer from this address set.
    pub(crate) fn jar(mut self, from: &str, set: &str) -> Self {
        self.set_before.push((from.into(), set.into()));
        self
    }

    /// Who sends it.
    pub(crate) fn by(mut self, sender: Sender) -> Self {
        self.sender = sender;
        self
    }

    /// An identity whose scheme adds no field: its cookies travel.
    pub(crate) fn by_cookies(self) -> Self {
        self.by(Sender::Identity {
            name: "alice".into(),
            scheme: "login",
            refreshes: false,
            fields: Vec::new(),
            refused: Vec::new(),
        })
    }

    /// An identity that its connection shows.
    pub(crate) fn by_certificate(self) -> Self {
        self.by(Sender::Identity {
            name: "alice".into(),
            scheme: "mtls",
            refreshes: false,
            fields: Vec::new(),
            refused: Vec::new(),
        })
    }

    /// An identity whose login set a cookie that was not taken.
    pub(crate) fn refused_at_login(self, kept: Kept) -> Self {
        self.by(Sender::Identity {
            name: "alice".into(),
            scheme: "login",
            refreshes: false,
            fields: Vec::new(),
            refused: vec![kept],
        })
    }

    /// Nobody sends it.
    pub(crate) fn by_nobody(self) -> Self {
        self.by(Sender::Nobody)
    }

    /// It is a step of alice's login.
    pub(crate) fn at_login(mut self) -> Self {
        self.purpose = Purpose::Login;
        self.by(Sender::Entering { name: "alice".into() })
    }

    /// Why it is sent.
    pub(crate) fn purpose(mut self, purpose: Purpose) -> Self {
        self.purpose = purpose;
        self
    }

    /// What status the step asks for.
    pub(crate) fn wants(mut self, status: StatusSet) -> Self {
        self.wanted = Some(status);
        self
    }

    /// The same was refused before somebody else was allowed it.
    pub(crate) fn refused_before(mut self) -> Self {
        self.refused_before = true;
        self
    }

    /// The run holds the expected refusal for no proof.
    pub(crate) fn doubted(mut self) -> Self {
        self.doubted = true;
        self
    }

    /// Its authorization request was pushed.
    pub(crate) const fn pushed(mut self) -> Self {
        self.pushed = true;
        self
    }

    /// What `vary` changed in it.
    pub(crate) fn changed(mut self, what: &str) -> Self {
        self.changed.push(what.to_owned());
        self
    }

    /// A secret that is known.
    pub(crate) fn knows(self, label: &str, value: &str) -> Self {
        self.secrets.declare(label, value);
        self
    }

    /// A scope that the login asked for in vain.
    pub(crate) fn without_scope(mut self, scope: &str) -> Self {
        self.ungiven.push(scope.to_owned());
        self
    }

    /// The session that it is sent with.
    pub(crate) fn of(mut self, session: Session) -> Self {
        self.session = session;
        self
    }

    /// What the run remembers.
    pub(crate) fn remembers(mut self, memory: Memory) -> Self {
        self.memory = memory;
        self
    }

    /// Takes the facts.
    pub(crate) fn facts(mut self) -> Facts {
        let now = Timestamp::from_second(NOW).unwrap();
        for (from, set) in &self.set_before {
            self.jar.store(
                set.as_bytes(),
                Address::parse(from).unwrap().url(),
                now - jiff::SignedDuration::from_secs(60),
            );
        }
        let mut trail = Trail::default();
        for (mut request, response) in self.hops {
            let selection = self.jar.cookies_for(request.address.url(), now, SendContext::default());
            if let Some(header) = selection.header() {
                request.headers.add("cookie", header);
            }
            trail.jar.requested(request.address.url(), selection);
            for field in response.headers.all("set-cookie") {
                let stored = self.jar.store(field, request.address.url(), now);
                trail.jar.received(request.address.url(), stored);
            }
            trail.hops.push(Exchange { request, response: Ok(response), started: now, elapsed: Duration::ZERO });
        }
        let identity = matches!(self.sender, Sender::Identity { .. }).then_some(IdentityId(0));
        let observer = Observer {
            secrets: &self.secrets,
            purpose: self.purpose,
            sender: self.sender,
            identity,
            wanted: self.wanted.as_ref(),
            request: 0,
        };
        let mut facts = observe(observer, &trail);
        facts.memory = self.memory;
        facts.wanted.doubted = self.doubted;
        facts.wanted.refused_before = self.refused_before;
        facts.changed = self.changed;
        facts.pushed = self.pushed;
        facts.ungiven = self.ungiven;
        facts.session = self.session;
        facts
    }
}
