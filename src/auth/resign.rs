//! Changes one thing in what was signed here and signs it anew, so that only that one thing is wrong with it: assertions
//! of clients (RFC 7523), and proofs of keys (RFC 9449).

use serde_json::{Map, Value};

use super::{Absent, Spelled, Varied, vary};
use crate::http::Request;
use crate::jose::{self, Algorithm, Family, Form, JoseFault, Key};

/// What stands in the header of a signed token (RFC 7515, section 4.1); everything else is a claim.
const HEADER: &[&str] = &["alg", "crit", "cty", "jku", "jwk", "kid", "typ", "x5c", "x5t", "x5t#S256", "x5u"];
/// The parameters that travel as signed assertions.
pub(super) const ASSERTIONS: &[&str] = &["assertion", "client_assertion"];
/// The part that stands for the key; nothing in a token is called so.
const KEY: &str = "key";
/// The part that stands for the signature.
const SIGNATURE: &str = "signature";
/// The value of [`KEY`] that stands for a key that nobody has seen.
const OTHER: &str = "other";

/// What signs.
#[derive(Debug, Clone)]
pub struct Signer {
    pub(super) key: Key,
    pub(super) algorithm: Algorithm,
}

/// The assertion that a parameter is a part of, and the part: `client_assertion.aud` …
pub fn part_of_assertion(parameter: &str) -> Option<(&'static str, &str)> {
    let (whole, part) = parameter.split_once('.')?;
    ASSERTIONS.iter().find(|known| **known == whole).map(|known| (*known, part))
}

/// Where a parameter stands among those that are changed in one exchange: whatever signs anew would undo another key, and
/// a signature in the place of the right one.
pub fn turn(parameter: &str) -> u8 {
    match parameter.rsplit_once('.').map(|(_, part)| part) {
        Some(KEY) => 1,
        Some(SIGNATURE) => 2,
        _ => 0,
    }
}

impl Signer {
    pub(super) const fn new(key: Key, algorithm: Algorithm) -> Self {
        Self { key, algorithm }
    }

    /// Changes a part of an assertion in a form; `None` when the parameter is none.
    pub fn vary(&self, request: &mut Request, parameter: &str, value: &Value) -> Option<Varied> {
        let (whole, part) = part_of_assertion(parameter)?;
        let mut form = url::form_urlencoded::parse(&request.body);
        let before = form.find(|(name, _)| name == whole).map(|(_, value)| value.into_owned());
        let after = before.as_ref().and_then(|before| self.change(before, part, value));
        let Some((after, varied)) = after else { return Some(Varied::Missing) };
        if matches!(varied, Varied::Missing | Varied::Same) {
            return Some(varied);
        }
        let sent = vary(request, whole, &after.into(), Absent::Leave, Spelled::Encoded);
        Some(if sent == Varied::Changed { varied } else { sent })
    }

    /// A token with one part changed; `None` when there is no such place in it.
    pub(super) fn change(&self, token: &str, part: &str, value: &Value) -> Option<(String, Varied)> {
        let parts = Parts::read(token)?;
        let (after, varied) = match part {
            KEY => (self.by_another_key(parts, value)?, Varied::Changed),
            SIGNATURE => (format!("{}.{}", signed(token), plain(value)), Varied::Changed),
            _ => self.with(parts, part, value)?,
        };
        let varied = if after == token { Varied::Same } else { varied };
        Some((after, varied))
    }

    fn with(&self, mut parts: Parts, name: &str, value: &Value) -> Option<(String, Varied)> {
        let first = name.split('.').next().unwrap_or_default();
        let whole = if HEADER.contains(&first) { &mut parts.header } else { &mut parts.claims };
        let (outer, last) = name.rsplit_once('.').map_or((None, name), |(outer, last)| (Some(outer), last));
        let mut inner = whole;
        for step in outer.into_iter().flat_map(|o| o.split('.')) {
            inner = inner.get_mut(step)?;
        }
        let members = inner.as_object_mut()?;
        match members.get(last) {
            Some(own) if own == value => return Some((String::new(), Varied::Same)),
            None if value.is_null() => return Some((String::new(), Varied::Missing)),
            _ => {}
        }
        let varied = match (value, members.contains_key(last)) {
            (Value::Null, _) => {
                members.shift_remove(last);
                Varied::Removed
            }
            (_, there) => {
                members.insert(last.to_owned(), value.clone());
                if there { Varied::Changed } else { Varied::Added }
            }
        };
        Some((self.sign(&parts).ok()?, varied))
    }

    /// The same token by another key: the one of the text, or a new one. A key that stands in the header is that one,
    /// too; by what name it is known stays, for it is the name of a key that the server would take.
    fn by_another_key(&self, mut parts: Parts, value: &Value) -> Option<String> {
        let key = match value.as_str() {
            Some(OTHER) if self.algorithm.family() == Family::Secret => Key::secret(unknown().as_bytes()).ok()?,
            Some(OTHER) => Key::generate(self.algorithm).ok()?,
            Some(text) => Key::of_signer(text, self.algorithm).ok()?,
            None => return None,
        };
        let fits = jose::sign_bytes(self.algorithm, b"", &key).is_ok();
        let algorithm = if fits { self.algorithm } else { key.usual_algorithm() };
        parts.header["alg"] = algorithm.name().into();
        if parts.header.get("jwk").is_some() {
            parts.header["jwk"] = key.public_jwk().ok()?;
        }
        Self { key, algorithm }.sign(&parts).ok()
    }

    /// Signs by the algorithm that the header says, so that a server which takes it finds nothing wrong: one of secrets
    /// has the public part of a key pair for its secret, in PEM, as a server has it that mixes them up. What says that it
    /// has none gets none, and one that nobody knows is that of the key.
    fn sign(&self, parts: &Parts) -> Result<String, JoseFault> {
        let text = format!("{}.{}", spell(&parts.header), spell(&parts.claims));
        let said = parts.header["alg"].as_str().unwrap_or_default();
        if said == "none" {
            return Ok(format!("{text}."));
        }
        let algorithm = Algorithm::named(said).unwrap_or(self.algorithm);
        // A secret has no public part, and signs itself.
        let public = self.key.public_pem(Form::Spki).filter(|_| algorithm.family() == Family::Secret);
        let public = public.map(|pem| Key::secret(pem.as_bytes())).transpose()?;
        let signature = jose::sign_bytes(algorithm, text.as_bytes(), public.as_ref().unwrap_or(&self.key))?;
        Ok(format!("{text}.{}", jose::encode(signature)))
    }
}

/// A token taken apart.
struct Parts {
    header: Value,
    claims: Value,
}

impl Parts {
    fn read(token: &str) -> Option<Self> {
        let mut all = token.split('.');
        let mut json = || serde_json::from_slice::<Map<String, Value>>(&jose::decode(all.next()?).ok()?).ok();
        let (header, claims) = (json()?.into(), json()?.into());
        all.next().filter(|_| all.next().is_none()).map(|_| Self { header, claims })
    }
}

fn spell(json: &Value) -> String {
    jose::encode(json.to_string())
}

/// A secret that nobody has seen.
fn unknown() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}

/// A token without its signature.
fn signed(token: &str) -> &str {
    token.rsplit_once('.').map_or(token, |(signed, _)| signed)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::{Address, FORM, Headers};
    use crate::jose::{Jwks, Token};

    fn own() -> Signer {
        Signer::new(Key::secret(b"secret-1").unwrap(), Algorithm::Hs256)
    }

    fn request(token: &str) -> Request {
        let address = Address::parse("http://h/token").unwrap();
        let mut headers = Headers::default();
        headers.add("content-type", FORM);
        let body = format!("grant_type=x&client_assertion={token}&scope=a+b").into();
        Request { method: "POST".into(), address, headers, body }
    }

    fn assertion() -> String {
        let header = json!({"typ": "JWT", "kid": "k1"}).as_object().unwrap().clone();
        let claims = json!({"iss": "job", "aud": "http://h", "exp": 7});
        jose::sign(Algorithm::Hs256, header, claims.to_string().as_bytes(), &own().key).unwrap()
    }

    /// The form's own assertion after a change, and what became of it.
    fn changed(parameter: &str, value: &Value) -> (Option<Varied>, String) {
        let mut request = request(&assertion());
        let varied = own().vary(&mut request, parameter, value);
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        assert!(body.starts_with("grant_type=x&client_assertion=") && body.ends_with("&scope=a+b"), "{body}");
        let token = body.split(['=', '&']).nth(3).unwrap().to_owned();
        (varied, token)
    }

    #[test]
    fn one_claim_of_an_assertion_is_changed_and_its_signature_holds() {
        let holds = |parameter: &str, value: Value, varied: Varied| {
            let (became, token) = changed(parameter, &value);
            assert_eq!(became, Some(varied), "{parameter}");
            let token = Token::parse(&token).unwrap();
            Jwks::of(own().key).verify(&token).unwrap();
            token
        };
        let claims = |token: Token| token.claims().unwrap();
        let all = json!({"iss": "job", "aud": "http://other", "exp": 7});
        assert_eq!(claims(holds("client_assertion.aud", json!("http://other"), Varied::Changed)), all);
        assert_eq!(
            claims(holds("client_assertion.exp", Value::Null, Varied::Removed)),
            json!({"iss": "job", "aud": "http://h"})
        );
        assert_eq!(claims(holds("client_assertion.nbf", json!(9), Varied::Added))["nbf"], 9);
        assert_eq!(holds("client_assertion.kid", json!("k2"), Varied::Changed).key_id(), Some("k2"));
    }

    #[test]
    fn another_key_signs_as_the_first_one_would() {
        for key in ["other", "secret-2"] {
            let (varied, token) = changed("client_assertion.key", &json!(key));
            let token = Token::parse(&token).unwrap();
            assert_eq!((varied, token.key_id()), (Some(Varied::Changed), Some("k1")));
            assert_eq!(token.claims().unwrap(), json!({"iss": "job", "aud": "http://h", "exp": 7}));
            assert!(Jwks::of(own().key).verify(&token).is_err());
            let known = Jwks::of(Key::secret(b"secret-2").unwrap()).verify(&token);
            assert_eq!(known.is_ok(), key == "secret-2");
        }
        assert!(changed("client_assertion.alg", &json!("none")).1.ends_with('.'));
        assert!(changed("client_assertion.signature", &json!("AAAA")).1.ends_with(".AAAA"));
        let mut order = ["a.signature", "a.key", "a.aud", "scope"];
        order.sort_by_key(|parameter| turn(parameter));
        assert_eq!(order, ["a.aud", "scope", "a.key", "a.signature"], "nothing signs anew after these");
    }

    #[test]
    fn whoever_takes_the_algorithm_that_is_named_finds_the_signature_right() {
        let key = Key::generate(Algorithm::Rs256).unwrap();
        let (other_secret, own) = (own().key, Signer::new(key.clone(), Algorithm::Rs256));
        let claims = json!({"iss": "job"}).to_string();
        let token = jose::sign(Algorithm::Rs256, Map::new(), claims.as_bytes(), &key).unwrap();
        let verified = |algorithm: &str, known: &Key| {
            let (after, varied) = own.change(&token, "alg", &json!(algorithm)).unwrap();
            let token = Token::parse(&after).unwrap();
            assert_eq!((varied, token.algorithm().unwrap().name()), (Varied::Changed, algorithm));
            Jwks::of(known.clone()).verify(&token).is_ok()
        };
        assert!(verified("PS256", &key) && verified("RS512", &key));
        let public = Key::secret(key.public_pem(Form::Spki).unwrap().as_bytes()).unwrap();
        assert!(verified("HS256", &public) && !verified("HS256", &other_secret));
        assert!(own.change(&token, "alg", &json!("ES256")).is_none(), "no such key");
    }

    #[test]
    fn what_is_not_there_is_not_changed() {
        let same = |parameter: &str, value: Value| {
            let (varied, token) = changed(parameter, &value);
            assert_eq!(token, assertion(), "{parameter}");
            varied
        };
        assert_eq!(same("client_assertion.aud", json!("http://h")), Some(Varied::Same), "the value that it has");
        assert_eq!(same("client_assertion.sub", Value::Null), Some(Varied::Missing));
        assert_eq!(same("client_assertion.iss.x", json!(1)), Some(Varied::Missing));
        assert_eq!(same("client_assertion.key", json!("secret-1")), Some(Varied::Same), "its own key");
        assert_eq!(same("assertion.aud", json!("x")), Some(Varied::Missing), "there is no such assertion");
        assert_eq!(same("client_assertion", json!("x")), None, "as a whole");
        assert_eq!(same("scope.x", json!("x")), None);
        let mut broken = request("made.up");
        assert_eq!(own().vary(&mut broken, "client_assertion.aud", &json!("x")), Some(Varied::Missing));
        assert_eq!(broken, request("made.up"));
    }
}
