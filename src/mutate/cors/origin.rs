//! Origins, and what the answer to a request from one says.

use super::super::due::{Heard, Said};
use super::super::forged::Unfit;
use super::super::presented::Presented;
use super::said::{CREDENTIALS, EXPOSED, ORIGIN, Told, told};
use crate::term::list;

/// The parts of an origin.
pub(super) struct Origin<'a> {
    pub(super) scheme: &'a str,
    pub(super) host: &'a str,
    /// With its colon; nothing where the scheme's own is meant.
    pub(super) port: &'a str,
}

impl<'a> Origin<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let at = rest.rfind(':').filter(|at| !rest[*at..].contains(']')).unwrap_or(rest.len());
        let (host, port) = rest.split_at(at);
        (!host.is_empty() && !host.contains('/')).then_some(Self { scheme, host, port })
    }

    /// Scheme and host.
    pub(super) fn start(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }

    /// The origin of another host.
    pub(super) fn host_as(&self, host: &str) -> Option<String> {
        Some(format!("{}://{host}{}", self.scheme, self.port))
    }

    /// The host, where it is a name of several parts and no address.
    pub(super) fn name(&self) -> Option<&'a str> {
        let name = self.host.contains('.') && !self.host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        name.then_some(self.host)
    }
}

/// The origin that a request names, whose pages may call.
pub(super) fn good(p: &Presented<'_>) -> Result<String, Unfit> {
    let none = || Unfit::not_here("the request names no origin whose pages may call; its `Origin` says which");
    p.request.headers.text("origin").ok_or_else(none)
}

fn sent(heard: &Heard<'_>) -> String {
    heard.sent.headers.text("origin").unwrap_or_default()
}

/// Pages of the origin may read the answer, with their cookies where the request has some.
pub(super) fn allowed(heard: &Heard<'_>) -> Said {
    let said = Told(&heard.response.headers);
    let with_cookies = heard.sent.headers.has("cookie");
    if !said.allows(&sent(heard)) {
        return Said::Amiss(told(heard.response, ORIGIN));
    }
    if with_cookies && said.origin().as_deref() == Some("*") {
        return Said::Amiss(format!(
            "{}, which is not enough for a request with cookies",
            told(heard.response, ORIGIN)
        ));
    }
    if with_cookies && !said.credentials() {
        return Said::Amiss(format!("{}, and the request has cookies", told(heard.response, CREDENTIALS)));
    }
    Said::Due(told(heard.response, ORIGIN))
}

/// Another origin is not allowed.
pub(super) fn denied(heard: &Heard<'_>) -> Said {
    let said = Told(&heard.response.headers);
    if said.origin().as_deref() == Some("*") {
        return Said::Nothing("every origin is allowed (`*`), so that none is compared".to_owned());
    }
    if said.allows(&sent(heard)) {
        return Said::Amiss(told(heard.response, ORIGIN));
    }
    Said::Due(told(heard.response, ORIGIN))
}

/// The same for an origin that nobody has anything to do with. That all may read is told: their browsers send no
/// credential along.
pub(super) fn foreign(heard: &Heard<'_>) -> Said {
    match denied(heard) {
        Said::Nothing(_) => Said::Lax(format!("{}: every page may read it", told(heard.response, ORIGIN))),
        said => said,
    }
}

/// Another origin is not allowed together with credentials.
pub(super) fn reflected(heard: &Heard<'_>) -> Said {
    match denied(heard) {
        Said::Amiss(what) if !Told(&heard.response.headers).credentials() => {
            Said::Lax(format!("{what}, without credentials"))
        }
        Said::Amiss(what) => Said::Amiss(format!("{what} and `{CREDENTIALS}: true`")),
        said => said,
    }
}

/// `*` does not stand beside allowed credentials.
pub(super) fn star(heard: &Heard<'_>) -> Said {
    let said = Told(&heard.response.headers);
    match said.origin() {
        None => Said::Nothing(format!("no origin is allowed ({})", told(heard.response, ORIGIN))),
        Some(origin) if origin == "*" && said.credentials() => {
            Said::Amiss(format!("`{ORIGIN}: *` and `{CREDENTIALS}: true`"))
        }
        Some(_) => Said::Due(told(heard.response, ORIGIN)),
    }
}

/// Credentials are allowed by the word that browsers read.
pub(super) fn spelling(heard: &Heard<'_>) -> Said {
    let said = Told(&heard.response.headers);
    match &said.lines(CREDENTIALS)[..] {
        [] => Said::Nothing("the answer allows no credentials".to_owned()),
        [word] if word == "true" => Said::Due(said.field(CREDENTIALS)),
        _ => Said::Amiss(said.field(CREDENTIALS)),
    }
}

/// An answer that depends on the origin tells caches so.
pub(super) fn varies(heard: &Heard<'_>) -> Said {
    let Some(good) = heard.good.map(Told) else {
        return Said::Nothing("the answer to the good origin was not seen".to_owned());
    };
    if good.lines(ORIGIN) == Told(&heard.response.headers).lines(ORIGIN) {
        return Said::Due("the answer is the same whatever the origin".to_owned());
    }
    if good.lists("vary", "origin", false) || good.lines("vary").iter().any(|line| line == "*") {
        return Said::Due(good.field("vary"));
    }
    Said::Amiss(format!(
        "{} for the good origin, {} for another one, and {}",
        good.field(ORIGIN),
        Told(&heard.response.headers).field(ORIGIN),
        good.field("vary")
    ))
}

/// A refusal can be read by pages of the good origin.
pub(super) fn on_error(heard: &Heard<'_>) -> Said {
    let status = heard.response.status;
    if status < 400 {
        return Said::Nothing(format!("the request without a credential is not refused with 4xx ({status})"));
    }
    let told = told(heard.response, ORIGIN);
    if Told(&heard.response.headers).allows(&sent(heard)) { Said::Due(told) } else { Said::Amiss(told) }
}

/// The fields that say what to do.
const HELPFUL: [&str; 3] = ["WWW-Authenticate", "DPoP-Nonce", "Retry-After"];

/// Pages of the good origin can read the fields that say what to do.
pub(super) fn exposes(heard: &Heard<'_>) -> Said {
    let said = Told(&heard.response.headers);
    if !matches!(on_error(heard), Said::Due(_)) {
        return Said::Nothing("no refusal came that pages could read".to_owned());
    }
    let there: Vec<&str> = HELPFUL.into_iter().filter(|name| heard.response.headers.has(name)).collect();
    let hidden: Vec<String> =
        there.iter().filter(|name| !said.lists(EXPOSED, name, true)).map(|name| format!("`{name}`")).collect();
    if there.is_empty() {
        return Said::Nothing("the refusal has no field that says what to do".to_owned());
    }
    if hidden.is_empty() {
        return Said::Due(said.field(EXPOSED));
    }
    Said::Lax(format!("{}, which hides {}", said.field(EXPOSED), list(&hidden, "and")))
}
