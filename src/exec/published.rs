//! The public key of the server that made a token, from where servers publish it. It is asked for once a run, and
//! nobody's credential travels with the question.

use std::sync::Arc;

use serde_json::Value;
use url::Origin;

use super::Shared;
use super::fetch::get;
use super::world::WorldRun;
use crate::auth::metadata_places;
use crate::event::Phase;
use crate::http::Address;
use crate::jose::{Jwks, Key, Token};
use crate::mutate::{Presented, Published, Unfit};

/// Where it is asked, and whose token it is about.
type Asking<'a> = (&'a Shared, &'a WorldRun, &'a Arc<str>);

/// Finds the key that verifies the credential of a request.
pub(super) async fn published(
    shared: &Shared,
    world: &WorldRun,
    presented: &Presented<'_>,
    (of, declared): (&Arc<str>, Option<String>),
    trusted: &[Origin],
) -> Result<Published, Unfit> {
    let (_, token) = presented.jwt()?;
    let is_told = declared.is_some();
    let mut asked = Vec::new();
    let places = match declared {
        // Whoever says where they are means no other keys.
        Some(place) if place.starts_with('/') => vec![format!("{}{place}", world.base.trim_end_matches('/'))],
        Some(place) => vec![place],
        None => places((shared, world, of), &token, trusted).await,
    };
    let stranger = issuer(&token).filter(|issuer| !is_told && !trusted.contains(&issuer.origin()));
    for place in places {
        if let Some(found) = known((shared, world, of), &place).await.ok().and_then(|text| matching(&text, &token)) {
            return Ok(found);
        }
        if !asked.contains(&place) {
            asked.push(place);
        }
    }
    let why = format!("the public key that verifies the token is not published at {}", crate::term::list(&asked, "or"));
    let mut add = if is_told { Vec::new() } else { vec!["say where it is: `jwks_url` on the scheme".to_owned()] };
    add.extend(stranger.map(|issuer| {
        format!("{0} is what the token calls its issuer, and is not asked: `origins: [{0}]` lets it be", issuer.base())
    }));
    Err(Unfit::Unavailable { why, add })
}

/// Where the keys may be: where the metadata of the token's issuer say (RFC 8414, section 2), or where most put them.
/// Nobody has looked at the token's signature yet, so an issuer is asked only where the suite names its origin.
async fn places(asking: Asking<'_>, token: &Token, trusted: &[Origin]) -> Vec<String> {
    let mut places = Vec::new();
    if let Some(issuer) = issuer(token).filter(|issuer| trusted.contains(&issuer.origin())) {
        let (base, path) = (issuer.base(), issuer.path().trim_end_matches('/'));
        for metadata in metadata_places(&issuer) {
            let document = known(asking, &metadata).await.ok();
            let document: Option<Value> = document.and_then(|text| serde_json::from_str(&text).ok());
            if let Some(keys) = document.as_ref().and_then(|d| d.get("jwks_uri")).and_then(Value::as_str) {
                places.push(keys.to_owned());
                break;
            }
        }
        places.push(format!("{base}{path}/.well-known/jwks.json"));
    }
    places.push(format!("{}/.well-known/jwks.json", asking.1.base.trim_end_matches('/')));
    places
}

/// What a token calls its issuer.
fn issuer(token: &Token) -> Option<Address> {
    let claims = token.claims().unwrap_or_default();
    claims.get("iss").and_then(Value::as_str).and_then(|iss| Address::parse(iss).ok())
}

async fn known((shared, world, of): Asking<'_>, address: &str) -> Result<String, String> {
    let mut known = shared.published.at(address).await;
    if let Some(text) = &*known {
        return text.clone();
    }
    known.insert(get(shared, world, (Arc::clone(of), Phase::Case), address).await).clone()
}

fn matching(text: &str, token: &Token) -> Option<Published> {
    let set: Value = serde_json::from_str(text).ok()?;
    set.get("keys")?.as_array()?.iter().find_map(|jwk| {
        let key = Key::from_jwk(jwk).ok()?;
        Jwks::of(key.clone()).verify(token).ok()?;
        Some(Published { jwk: jwk.clone(), key })
    })
}
