//! A request as it would leave, and where the credential stands in it.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::Unfit;
use crate::http::{Address, Request};
use crate::jose::Token;

/// A request as it would leave: signed, with its cookies. Rows copy it through the functions here, so that everything
/// but the one defect stays as it was.
#[derive(Debug)]
pub struct Presented<'a> {
    /// The request.
    pub request: &'a Request,
    /// Where the credential stands; none where the request carries none.
    pub spot: Option<Spot>,
    /// The names of the cookies of the sender's session, the likeliest to be the session itself first.
    pub cookies: Vec<String>,
    /// The header fields that the sender's scheme writes: together they are the credential.
    pub fields: Vec<String>,
    /// The names of the cookies that the scheme writes itself: they are the credential as well, or another part of it.
    pub written: Vec<String>,
}

/// Where a credential stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The place.
    pub place: Place,
    /// The credential itself: the token, the key, the cookie's value, without what stands around it.
    pub token: String,
}

/// The kinds of places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A header field; `before` is what stands in front of the credential, such as `Bearer `.
    Field {
        /// Its name.
        name: String,
        /// What stands in front of the credential.
        before: String,
    },
    /// A cookie.
    Cookie(String),
    /// A query parameter.
    Query(String),
    /// Somewhere in the body.
    Body,
}

/// Names under which credentials stand in a session, the likeliest first.
const LIKELY: &[&str] = &["access_token", "token", "jwt", "key", "api_key"];

impl<'a> Presented<'a> {
    /// Finds the credential. `known` are values that belong to the sender by name, such as the parts of the session;
    /// `fields` the header fields that its scheme writes; `cookies` the names of the cookies of its session, the
    /// likeliest first.
    pub fn new(
        request: &'a Request,
        known: &[(Arc<str>, Value)],
        fields: &[String],
        cookies: &[String],
    ) -> Presented<'a> {
        let mut values: Vec<(&str, &str)> = known
            .iter()
            .filter_map(|(name, value)| Some((&**name, value.as_str()?)))
            .filter(|(name, v)| v.len() >= 3 && *name != "token_type" && !is_csrf(name))
            .collect();
        values.sort_by_key(|(name, _)| LIKELY.iter().position(|l| l == name).unwrap_or(LIKELY.len()));
        let values: Vec<&str> = values.into_iter().map(|(_, value)| value).collect();
        // What shows that one's own page asks is the credential where there is no other, and so is what nobody knows.
        let (forgeries, own): (Vec<String>, Vec<String>) = fields.iter().cloned().partition(|name| is_csrf(name));
        let by_cookie = in_cookies(request, |_, value| values.contains(&value));
        let named = || cookies.iter().find_map(|own| in_cookies(request, |name, _| name == own));
        let spot = in_fields(request, &values, &own, by_cookie.is_none())
            .or(by_cookie)
            .or_else(named)
            .or_else(|| in_query(request, &values))
            .or_else(|| in_body(request, &values))
            .or_else(|| in_fields(request, &values, &forgeries, true));
        Presented { request, spot, cookies: cookies.to_vec(), fields: fields.to_vec(), written: Vec::new() }
    }

    /// Says which cookies the sender's scheme writes itself, whatever its session has.
    pub fn with_written(mut self, written: &[String]) -> Self {
        let news = written.iter().filter(|name| !self.cookies.contains(name)).cloned();
        let news: Vec<String> = news.collect();
        self.cookies.extend(news);
        self.written = written.to_vec();
        self
    }

    /// The credential's place, or why there is nothing to break.
    pub fn spot(&self) -> Result<&Spot, Unfit> {
        self.spot.as_ref().ok_or_else(|| Unfit::not_here("the request carries no credential that is known"))
    }

    /// The credential.
    pub fn token(&self) -> Result<&str, Unfit> {
        self.spot().map(|spot| &*spot.token)
    }

    /// The credential's header field and what stands in front of it.
    pub fn field(&self) -> Result<(&str, &str), Unfit> {
        match &self.spot()?.place {
            Place::Field { name, before } => Ok((name, before)),
            Place::Cookie(_) | Place::Query(_) | Place::Body => {
                Err(Unfit::not_here("the credential stands in no header field"))
            }
        }
    }

    /// The scheme word in front of the credential, such as `Bearer`.
    pub fn scheme(&self) -> Result<&str, Unfit> {
        let word = self.field()?.1.trim_end();
        if word.is_empty() {
            Err(Unfit::not_here("no scheme word stands in front of the credential"))
        } else {
            Ok(word)
        }
    }

    /// Tells whether the credential travels as `Authorization: Bearer`.
    pub fn is_bearer(&self) -> bool {
        let bearer = self.scheme().is_ok_and(|word| word.eq_ignore_ascii_case("bearer"));
        bearer && self.field().is_ok_and(|(name, _)| name.eq_ignore_ascii_case("authorization"))
    }

    /// The credential as a JSON Web Token.
    pub fn jwt(&self) -> Result<(&str, Token), Unfit> {
        let token = self.token()?;
        let read = Token::parse(token).map_err(|_| Unfit::not_here("the credential is no JWT"))?;
        Ok((token, read))
    }

    /// The request with another credential in the same place.
    pub fn with_token(&self, token: &str) -> Result<Request, Unfit> {
        let spot = self.spot()?;
        let mut request = self.request.clone();
        match &spot.place {
            Place::Field { name, before } => self.put_field(&mut request, name, format!("{before}{token}").into()),
            Place::Cookie(name) => request.headers.put_cookie(name, Some(token)),
            Place::Query(name) => put_query(&mut request, name, Some(token))?,
            Place::Body => {
                let body = String::from_utf8_lossy(&request.body).into_owned();
                request.body = body.replace(&spot.token, token).into();
                length(&mut request);
            }
        }
        Ok(request)
    }

    /// The request with another value of the credential's header field.
    pub fn with_field(&self, value: impl Into<Bytes>) -> Result<Request, Unfit> {
        let (name, _) = self.field()?;
        let mut request = self.request.clone();
        self.put_field(&mut request, name, value.into());
        Ok(request)
    }

    /// The credential as a cookie: its name and value.
    pub fn cookie(&self) -> Result<(&str, &str), Unfit> {
        let spot = self.spot()?;
        match &spot.place {
            Place::Cookie(name) => Ok((name, &spot.token)),
            Place::Field { .. } | Place::Query(_) | Place::Body => Err(Unfit::not_here("the credential is no cookie")),
        }
    }

    /// The request as somebody sends it who never logged in: without the credential and what the scheme writes beside it,
    /// and without any cookie of the session where the credential is one.
    pub fn bare(&self) -> Result<Request, Unfit> {
        let mut request = self.without()?;
        let cookies = if self.cookie().is_ok() { &self.cookies } else { &self.written };
        cookies.iter().for_each(|name| request.headers.put_cookie(name, None));
        Ok(request)
    }

    /// The request as nobody sends it: without anything of the credential or the session, wherever it stands.
    pub fn nobodys(&self) -> Result<Request, Unfit> {
        let mut request = self.without()?;
        self.cookies.iter().for_each(|name| request.headers.put_cookie(name, None));
        self.fields.iter().for_each(|name| request.headers.remove(name));
        Ok(request)
    }

    /// The request without the credential.
    pub fn without(&self) -> Result<Request, Unfit> {
        let mut request = self.request.clone();
        match &self.spot()?.place {
            Place::Field { name, .. } => {
                request.headers.remove(name);
                if self.fields.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                    self.fields.iter().for_each(|own| request.headers.remove(own));
                }
            }
            Place::Cookie(name) => request.headers.put_cookie(name, None),
            Place::Query(name) => put_query(&mut request, name, None)?,
            Place::Body => return Err(Unfit::not_here("the credential is a part of the body")),
        }
        Ok(request)
    }

    /// Gives the request without the credential, for one that moves elsewhere: the proof of a key (RFC 9449) stays, or it
    /// would be refused for the want of that.
    pub fn moved(&self) -> Result<Request, Unfit> {
        const PROOF: &str = "dpop";
        let mut request = self.without()?;
        request.headers.remove(PROOF);
        self.request.headers.all(PROOF).for_each(|proof| request.headers.add(PROOF, proof.clone()));
        Ok(request)
    }

    fn put_field(&self, request: &mut Request, name: &str, value: Bytes) {
        // In its own place: the order of fields is not what is to change.
        let before: Vec<(String, Bytes)> =
            self.request.headers.iter().map(|(n, v)| (n.to_owned(), v.clone())).collect();
        let mut done = false;
        request.headers = crate::http::Headers::default();
        for (own, old) in before {
            if !own.eq_ignore_ascii_case(name) {
                request.headers.add(own, old);
            } else if !done {
                request.headers.add(own, value.clone());
                done = true;
            }
        }
    }
}

/// Tells whether a name is one of those that tokens against forged requests bear: not who somebody is, but that their own
/// page asks.
pub fn is_csrf(name: &str) -> bool {
    let plain = name.to_ascii_lowercase().replace(['-', '_'], "");
    let words = ["csrf", "xsrf", "authenticitytoken", "requestverificationtoken"];
    name == "_token" || words.iter().any(|word| plain.contains(word))
}

/// Finds the credential in a header field. What is known to nobody by its value is one in `Authorization` in any case, and
/// in a field of the scheme where `unknown` ones may be.
fn in_fields(request: &Request, values: &[&str], fields: &[String], unknown: bool) -> Option<Spot> {
    const FIRST: &str = "authorization";
    let spot = |name: &str, before: &str, token: &str| Spot {
        place: Place::Field { name: name.to_owned(), before: before.to_owned() },
        token: token.to_owned(),
    };
    let of = |name: &str| {
        let value = request.headers.text(name)?;
        let known = values.iter().find_map(|v| Some(spot(name, &value[..value.find(v)?], v)));
        known.or_else(|| {
            // Made for the wire, as with Basic: the word in front is the scheme's.
            let at = value.find(' ').map_or(0, |at| at + 1);
            let may_be = unknown || name.eq_ignore_ascii_case(FIRST);
            (may_be && at < value.len()).then(|| spot(name, &value[..at], &value[at..]))
        })
    };
    let names = std::iter::once(FIRST).chain(fields.iter().map(String::as_str));
    let mut found = names.filter(|name| !name.eq_ignore_ascii_case("cookie")).filter_map(of);
    found.next().or_else(|| {
        // A template of the user's own put it into some other field.
        let others = request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("cookie") && !is_csrf(name));
        others
            .filter(|(_, text)| values.iter().any(|v| String::from_utf8_lossy(text).contains(v)))
            .find_map(|(n, _)| of(n))
    })
}

fn in_cookies(request: &Request, is_it: impl Fn(&str, &str) -> bool) -> Option<Spot> {
    let header = request.headers.text("cookie")?;
    let mut pairs = header.split("; ").filter_map(|pair| pair.split_once('='));
    let (name, value) = pairs.find(|(name, value)| is_it(name, value))?;
    Some(Spot { place: Place::Cookie(name.to_owned()), token: value.to_owned() })
}

fn in_query(request: &Request, values: &[&str]) -> Option<Spot> {
    let pairs = url::form_urlencoded::parse(request.address.query().as_bytes());
    let mut found = pairs.filter(|(_, value)| values.contains(&&**value));
    found.next().map(|(name, value)| Spot { place: Place::Query(name.into_owned()), token: value.into_owned() })
}

fn in_body(request: &Request, values: &[&str]) -> Option<Spot> {
    let text = std::str::from_utf8(&request.body).ok()?;
    let value = values.iter().find(|v| text.contains(**v))?;
    Some(Spot { place: Place::Body, token: (*value).to_owned() })
}

/// Puts a query parameter in place of those of the same name, or drops them.
pub(super) fn put_query(request: &mut Request, name: &str, value: Option<&str>) -> Result<(), Unfit> {
    let query = request.address.query().to_owned();
    let same = |pair: &&str| url::form_urlencoded::parse(pair.as_bytes()).next().is_some_and(|(n, _)| n == name);
    let mut pairs: Vec<String> =
        query.split('&').filter(|p| !p.is_empty()).filter(|p| !same(p)).map(ToOwned::to_owned).collect();
    if let Some(value) = value {
        let mut one = url::form_urlencoded::Serializer::new(String::new());
        pairs.push(one.append_pair(name, value).finish());
    }
    let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
    retarget(request, &format!("{}{query}", request.address.path().to_owned()))
}

/// Sends the request to another target of the same server, byte for byte.
pub(super) fn retarget(request: &mut Request, target: &str) -> Result<(), Unfit> {
    let text = format!("{}{target}", request.address.base());
    request.address =
        Address::parse(&text).map_err(|why| Unfit::not_here(format!("the target cannot be changed so: {why}")))?;
    Ok(())
}

/// The head of a request as bytes, its fields' values as the function gives them: for what no HTTP library would send.
pub(super) fn raw_head(request: &Request, value: impl Fn(&str, &[u8]) -> Vec<u8>) -> Bytes {
    raw(request, request.address.target(), value)
}

/// The head of a request with another target, which no HTTP library would send.
pub(super) fn raw_line(request: &Request, target: &str) -> Bytes {
    raw(request, target, |_, value| value.to_vec())
}

fn raw(request: &Request, target: &str, value: impl Fn(&str, &[u8]) -> Vec<u8>) -> Bytes {
    let mut head = format!("{} {target} HTTP/1.1\r\n", request.method).into_bytes();
    if !request.headers.has("host") {
        head.extend_from_slice(format!("host: {}\r\n", request.address.host()).as_bytes());
    }
    for (name, own) in request.headers.iter() {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(&value(name, own));
        head.extend_from_slice(b"\r\n");
    }
    if !request.body.is_empty() && !request.headers.has("content-length") {
        head.extend_from_slice(format!("content-length: {}\r\n", request.body.len()).as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head.into()
}

/// A length that a client wrote goes with the body.
pub(super) fn length(request: &mut Request) {
    if request.headers.has("content-length") {
        request.headers.set("content-length", request.body.len().to_string());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::get;
    use super::*;

    fn parts(token: &str) -> Vec<(Arc<str>, Value)> {
        vec![("refresh_token".into(), json!("r-123456")), ("access_token".into(), json!(token))]
    }

    #[test]
    fn a_credential_is_found_wherever_it_was_put() {
        let known = parts("secret-1");
        let find = |request: &Request| Presented::new(request, &known, &["x-key".to_owned()], &["sid".to_owned()]).spot;
        let field = |name: &str, before: &str| Place::Field { name: name.to_owned(), before: before.to_owned() };
        let spot = |place| Some(Spot { place, token: "secret-1".to_owned() });
        let with = |name: &str, value: &str| get("/me", &[(name, value)]);
        assert_eq!(find(&with("authorization", "Bearer secret-1")), spot(field("authorization", "Bearer ")));
        assert_eq!(find(&with("x-auth", "secret-1")), spot(field("x-auth", "")));
        assert_eq!(find(&with("cookie", "a=b; t=secret-1")), spot(Place::Cookie("t".to_owned())));
        assert_eq!(find(&with("cookie", "a=b; sid=77")).unwrap().token, "77");
        assert_eq!(find(&get("/me?a=b&t=secret-1", &[])), spot(Place::Query("t".to_owned())));
        let mut body = get("/me", &[]);
        body.body = "{\"t\":\"secret-1\"}".into();
        assert_eq!(find(&body), spot(Place::Body));
        assert_eq!(find(&get("/me", &[("accept", "*/*")])), None);
        let basic = find(&with("authorization", "Basic YTpi")).unwrap();
        assert_eq!((basic.place, &*basic.token), (field("authorization", "Basic "), "YTpi"));
    }

    /// A field beside a cookie that is known, and one against forged requests, are no credential of their own.
    #[test]
    fn a_credential_in_a_cookie_is_not_sought_in_the_fields_beside_it() {
        let known = [parts("secret-1"), vec![("csrf".into(), json!("5f5f"))]].concat();
        let find = |fields: &[(&str, &str)], cookies: &[&str]| {
            let names: Vec<String> = fields.iter().map(|(name, _)| (*name).to_owned()).collect();
            let cookies: Vec<String> = cookies.iter().map(|name| (*name).to_owned()).collect();
            let request = get("/me", &[&[("cookie", "a=b; t=secret-1")], fields].concat());
            let out = Presented::new(&request, &known, &names, &cookies).with_written(&["t".to_owned()]);
            (out.spot.as_ref().unwrap().place.clone(), out.bare().unwrap(), out.nobodys().unwrap())
        };
        let cookie = || Place::Cookie("t".to_owned());
        // What is left of the cookies stands behind the fields.
        let beside = |fields: &[(&str, &str)]| get("/me", &[fields, &[("cookie", "a=b")]].concat());
        for field in [("x-csrf", "5f5f"), ("x-device", "77")] {
            assert_eq!(find(&[field], &[]), (cookie(), beside(&[field]), beside(&[])));
        }
        // Where both are the credential, nobody has either.
        let (place, bare, nobodys) = find(&[("x-own", "secret-1")], &[]);
        assert!(place != cookie() && bare == beside(&[]) && nobodys == beside(&[]));
    }

    /// What is left of several fields would be half a signature, and no longer anonymous.
    #[test]
    fn without_a_credential_of_several_fields_none_of_them_is_left() {
        let fields = ["x-key-id", "x-signature"].map(ToOwned::to_owned);
        let request = get("/me", &[("x-key-id", "ann"), ("accept", "a"), ("x-signature", "5f")]);
        let out = Presented::new(&request, &[], &fields, &[]).without().unwrap();
        assert_eq!(out, get("/me", &[("accept", "a")]));
        let other = get("/me", &[("x-own", "secret-1"), ("x-trace", "5f")]);
        let out = Presented::new(&other, &parts("secret-1"), &["x-trace-2".to_owned()], &[]).without().unwrap();
        assert_eq!(out, get("/me", &[("x-trace", "5f")]));
    }

    #[test]
    fn another_credential_stands_in_the_same_place_and_nothing_else_moves() {
        let known = parts("secret-1");
        let swapped = |request: &Request| Presented::new(request, &known, &[], &[]).with_token("other").unwrap();
        let request = get("/me?x=1", &[("accept", "a"), ("authorization", "Bearer secret-1"), ("x-last", "z")]);
        let out = swapped(&request);
        let fields: Vec<(&str, &[u8])> = out.headers.iter().map(|(n, v)| (n, &v[..])).collect();
        assert_eq!(fields, [("accept", &b"a"[..]), ("authorization", b"Bearer other"), ("x-last", b"z")]);
        assert_eq!(out.address, request.address);
        assert_eq!(
            swapped(&get("/me", &[("cookie", "a=b; t=secret-1; c=d")])).headers.text("cookie").unwrap(),
            "a=b; t=other; c=d"
        );
        assert_eq!(swapped(&get("/me?a=%20&t=secret-1", &[])).address.target(), "/me?a=%20&t=other");
        let without = get("/me?t=secret-1", &[]);
        assert_eq!(Presented::new(&without, &known, &[], &[]).without().unwrap().address.target(), "/me");
    }
}
