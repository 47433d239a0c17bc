//! Where the way of a login ends: at the address that the server is to send the browser back to, and at every other one
//! that it might send a code to. None of them is asked for.

use percent_encoding::percent_decode_str;
use url::{Origin, form_urlencoded};

use super::address::Address;

/// The ends of the way of a login.
#[derive(Debug, Clone, Default)]
pub struct Ends {
    /// Where the browser is to come back to.
    pub until: Option<Address>,
    /// Where a request asked for it to be sent instead: whoever is sent to one of these, or with such a request
    /// anywhere else that is not at home, was not refused.
    pub asked: Option<Vec<Address>>,
    /// Whether the server has to go by what it was told before, and not by that request: coming back is right then.
    pub told_before: bool,
    /// The origins that the login may go through.
    pub home: Vec<Origin>,
    /// Whether codes and tokens stay within those.
    pub guards: bool,
    /// The origins that somebody logs in at, as the suite and the server's metadata say: names and passwords are typed in
    /// for no other, wherever the browser was led.
    pub own: Vec<Origin>,
}

/// An address that a browser was sent to and must not ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// The address, without its query.
    pub address: String,
    /// What it carries.
    pub carried: Carried,
    /// Which address it is.
    pub place: Place,
}

/// Which address a browser was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The one that is registered, though another one was asked for.
    Registered,
    /// One that was asked for.
    Asked,
    /// Another one.
    Elsewhere,
}

/// What the server's answer to an authorization request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// A code.
    Code,
    /// A token.
    Token,
    /// An error.
    Error,
    /// None of these.
    Nothing,
}

impl Carried {
    /// Reads the parameters of an address or of a form.
    fn by<'a>(names: impl Iterator<Item = std::borrow::Cow<'a, str>> + Clone) -> Self {
        let has = |wanted: &[&str]| names.clone().any(|name| wanted.contains(&&*name));
        match () {
            () if has(&["code"]) => Self::Code,
            () if has(&["access_token", "id_token", "response"]) => Self::Token,
            () if has(&["error"]) => Self::Error,
            () => Self::Nothing,
        }
    }
}

/// What becomes of a browser that is sent somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It goes there.
    On,
    /// It has come back.
    Reached,
    /// It was sent away.
    Strayed(Stray),
}

/// Tells whether two addresses are the same place: scheme, host and port, and the path segment by segment; the query is
/// not looked at.
pub(super) fn is_same_place(one: &Address, other: &Address) -> bool {
    one.origin() == other.origin() && segments(one).eq(segments(other))
}

/// The segments of a path, each percent-decoded on its own: `%2F` parts no segments.
fn segments(address: &Address) -> impl Iterator<Item = Vec<u8>> + '_ {
    address.path().split('/').map(|segment| percent_decode_str(segment).collect())
}

impl Ends {
    /// Tells what becomes of a browser that is sent to an address, with a fragment or the fields of a form beside its
    /// query, after it was at these origins.
    pub fn of(&self, to: &Address, more: &str, been: &[Origin]) -> End {
        let names = [to.query(), more].into_iter().flat_map(|part| form_urlencoded::parse(part.as_bytes()));
        let carried = Carried::by(names.map(|(name, _)| name));
        let is_home = self.home.iter().chain(been).any(|origin| *origin == to.origin());
        let comes_back = self.until.as_ref().is_some_and(|until| is_same_place(until, to));
        let is_asked = self.asked.iter().flatten().any(|asked| is_same_place(asked, to));
        let place = match (comes_back, is_asked) {
            // Another spelling of the registered address is another address, too: the last character counts.
            (true, _) if self.asked.is_some() && !self.told_before => Place::Registered,
            (true, true) if !self.is_spelled_right(to) => Place::Asked,
            (true, _) => return End::Reached,
            (false, true) => Place::Asked,
            (false, false) => Place::Elsewhere,
        };
        let is_held = self.asked.is_some() || (self.guards && matches!(carried, Carried::Code | Carried::Token));
        if place == Place::Elsewhere && (is_home || !is_held) {
            return End::On;
        }
        End::Strayed(Stray { address: format!("{}{}", to.base(), to.path()), carried, place })
    }

    /// Tells an address where the browser is to come back to from one that was asked for and is the same place but for
    /// its spelling or its query.
    fn is_spelled_right(&self, to: &Address) -> bool {
        let begins = |with: &Address| to.to_string().starts_with(&with.to_string());
        let longest = |with: &Address| begins(with).then(|| with.to_string().len());
        let asked = self.asked.iter().flatten().filter_map(longest).max();
        self.until.as_ref().and_then(longest) >= asked && self.until.as_ref().is_some_and(begins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn ends(asked: Option<&[&str]>) -> Ends {
        Ends {
            until: Some(at("https://app.test/cb")),
            asked: asked.map(|all| all.iter().map(|a| at(a)).collect()),
            told_before: false,
            home: vec![at("https://id.test").origin()],
            guards: true,
            own: Vec::new(),
        }
    }

    fn carried(end: &End) -> Option<Carried> {
        match end {
            End::Strayed(stray) => Some(stray.carried),
            End::On | End::Reached => None,
        }
    }

    #[test]
    fn a_code_goes_nowhere_but_home() {
        let of = |to: &str, more: &str| ends(None).of(&at(to), more, &[at("https://login.test").origin()]);
        assert_eq!(of("https://app.test/cb?code=1", ""), End::Reached);
        assert_eq!(of("https://id.test/next?code=1", ""), End::On);
        assert_eq!(of("https://login.test/back?code=1", ""), End::On, "it was there before");
        assert_eq!(of("https://other.test/login?state=1", ""), End::On, "a page of others that carries nothing");
        assert_eq!(carried(&of("https://other.test/cb?state=1&code=1", "")), Some(Carried::Code));
        assert_eq!(carried(&of("https://other.test/cb", "access_token=1")), Some(Carried::Token));
        assert_eq!(Ends { guards: false, ..ends(None) }.of(&at("https://other.test/?code=1"), "", &[]), End::On);
    }

    #[test]
    fn with_another_redirect_uri_every_way_out_is_astray() {
        let of = |to: &str| ends(Some(&["https://id.test/evil", "https://evil.test/x"])).of(&at(to), "", &[]);
        assert_eq!(of("https://id.test/login"), End::On, "the server's own pages");
        for (to, with) in [
            ("https://id.test/evil", Carried::Nothing),
            ("https://id.test/e%76il?error=no", Carried::Error),
            ("https://evil.test/x?code=1", Carried::Code),
            ("https://elsewhere.test/?state=1", Carried::Nothing),
            ("https://app.test/cb?code=1", Carried::Code),
        ] {
            assert_eq!(carried(&of(to)), Some(with), "{to}");
        }
        let End::Strayed(stray) = of("https://evil.test/x?code=s3cret") else { panic!("it went on") };
        assert_eq!(stray.address, "https://evil.test/x", "without what it carries");
    }

    #[test]
    fn what_was_told_before_holds_whatever_the_request_says() {
        let asked: &[&str] = &["https://evil.test/x", "https://app.test/cb?to=1"];
        let of = |to: &str| Ends { told_before: true, ..ends(Some(asked)) }.of(&at(to), "", &[]);
        assert_eq!(of("https://app.test/cb?code=1"), End::Reached);
        for to in ["https://evil.test/x?code=1", "https://app.test/cb?to=1&code=1", "https://elsewhere.test/?state=1"] {
            assert!(carried(&of(to)).is_some(), "{to}");
        }
    }
}
