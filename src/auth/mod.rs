//! How an identity becomes a credential, and how that credential travels. No I/O: a [`Flow`] says
//! what to do next, and whoever runs the plan does it, so every exchange of a login is a labelled,
//! visible, testable step.
//!
//! To add a scheme: 1. `src/auth/<name>.rs` with a `read` function that gives a [`Scheme`], its flow
//! and signer, with unit tests over hand-made answers. 2. One row in [`SCHEMES`]. 3. An area of the
//! demo that asks for it and a suite in `specs/`. Tests over the table hold names, examples and
//! suites together.

use crate::diag::Diagnostic;
use crate::secret::Secret;
use crate::source::Span;
use crate::spec::{Data, Fields, Key, Node, SchemeSpec, Shape, key};
use crate::step::StepsId;
use crate::template::{Names, Template};

mod api_key;
mod aws;
mod basic;
mod bearer;
mod command;
mod credential;
pub mod diags;
mod digest;
mod dpop;
mod fields;
mod form;
mod hmac;
mod login;
mod moves;
mod mtls;
mod newest;
mod oauth2;
mod part;
mod read;
mod resign;
mod scheme;
mod send;
mod signed;
mod troubles;
mod vary;

pub use command::PRINTED;
pub use credential::Credential;
pub use dpop::{Bound, is_part_of_proof, wants_nonce};
use fields::lined;
pub use fields::{FieldFault, Look, field_fault};
pub use moves::{Agree, Browser, Ctx, Exchange, Flow, Heard, How, Move, Opening, PageScript, Program, Refused, Waits};
pub use newest::Newest;
pub use oauth2::{PARAMETERS, PUSH, approver, metadata_places, speaks_of_pushing};
pub use part::Part;
pub use read::{ReadScheme, read};
use read::{address, field_name, header_pairs, one_line, pairs, plain};
pub use resign::{Signer, part_of_assertion, turn};
pub use scheme::{After, Cookies, Csrf, CsrfSource, Exchanges, Handshake, Memory, Scheme, Seal};
use scheme::{AtOnce, unsigned};
pub use signed::{Signed, members, tokens};
pub use troubles::Trouble;
pub use vary::{Absent, LEFT_OUT, Spelled, Varied, texts, vary, without};

/// A kind of scheme: one word behind `scheme:`.
#[derive(Debug)]
pub struct SchemeKind {
    /// The word.
    pub name: &'static str,
    /// What it is, one sentence.
    pub about: &'static str,
    /// Its own keys; [`COMMON_KEYS`] come on top.
    pub keys: &'static [Key],
    /// The fields an identity must have for it.
    pub needs: &'static [&'static str],
    /// Whether a server gives the credential; else it is there before, or is made here.
    pub logs_in: bool,
    /// What a field cannot be beside what none can be; the scheme as it is written is at hand before a run alone.
    pub look: Look,
    /// A suite that a test runs: somebody logs in by it and is let in, and nobody else is.
    pub example: &'static str,
    /// What goes wrong with it in practice.
    pub troubles: &'static [Trouble],
    /// Reads its keys; faults go to the reader.
    pub read: fn(Fields<'_>, &Node, &mut ReadScheme<'_, '_, '_>) -> Option<Box<dyn Scheme>>,
}

/// All schemes.
pub const SCHEMES: &[SchemeKind] = &[
    api_key::KIND,
    aws::KIND,
    basic::KIND,
    bearer::KIND,
    command::KIND,
    digest::KIND,
    form::KIND,
    hmac::KIND,
    login::KIND,
    mtls::KIND,
    oauth2::KIND,
];

/// The keys that every scheme has.
pub const COMMON_KEYS: &[Key] = &[
    key("scheme", "the kind of scheme").is(Shape::Text).needed(),
    key("like", "another scheme: its keys, with these over them, one by one; `null` removes one").is(Shape::Text),
    key("signing_key", "the key that the server signs tokens with, `{ file: dev.pem }` or a template; PEM, a JWK or a bare secret. With it tokens are made that are wrong in one claim alone")
        .is(Shape::Either(&[Shape::Text, Shape::Keys(SIGNING_KEYS)])),
    key("jwks_url", "where the server publishes the keys that its tokens are verified with, a URL or a path below the target; else where the metadata of the token's issuer say, or `/.well-known/jwks.json`")
        .is(Shape::Text),
    key("whoami", "a step that runs after every login and proves that it worked and is the right person")
        .is(Shape::STEPS),
];

/// The keys of `signing_key` in its long form.
const SIGNING_KEYS: &[Key] = &[key("file", "a path from the file that names it").is(Shape::Text).needed()];

/// The key that a server signs with, for tokens that are wrong in one claim alone.
#[derive(Debug)]
pub enum SigningKey {
    /// Rendered with the identity's session.
    Text(Template),
    /// Read from a file.
    File(Secret),
}

/// A scheme with the steps of every identity that uses it.
#[derive(Debug)]
pub struct Login {
    /// The row of the table.
    pub kind: &'static SchemeKind,
    /// Flow and signer.
    pub scheme: Box<dyn Scheme>,
    /// Proves after each login that it worked.
    pub whoami: Option<StepsId>,
    /// What tokens are made with that are wrong in one claim alone.
    pub signing_key: Option<SigningKey>,
    /// Where the keys are that verify its tokens, where the scheme says it.
    pub jwks: Option<Template>,
}

/// The word for the scheme whose identities are known by nothing but their client certificate.
pub const CERTIFICATE: &str = mtls::NAME;

/// Fields that say who somebody is; every other field of an identity counts as secret.
const NAMES: &[&str] =
    &["username", "user", "email", "login", "name", "tenant", "id", "account", "phone", "role", "key_id"];

/// Tells whether a field says who somebody is.
pub fn is_name(field: &str) -> bool {
    NAMES.contains(&field)
}

/// Finds the row of a scheme.
pub fn kind_of(spec: &SchemeSpec) -> Option<&'static SchemeKind> {
    let word = spec.kind.as_ref()?;
    SCHEMES.iter().find(|s| s.name == &*word.value)
}

/// Tells whether a field of an identity takes the place of a key of its scheme. Text does so only where the key
/// takes text (`login: ann` says who somebody is, also where the scheme has a `login` of steps), and never where the
/// scheme itself asks for the person's field.
pub fn is_key(kind: &SchemeKind, scheme: &Node, name: &str, value: &Node) -> bool {
    let Some(key) = COMMON_KEYS.iter().chain(kind.keys).find(|k| k.name == name && name != "scheme") else {
        return false;
    };
    let persons = is_name(name) || kind.needs.contains(&name) || asks_for(scheme, name);
    match value.data {
        Data::Null | Data::Map(_) | Data::List(_) => true,
        Data::Bool(_) | Data::Number(..) | Data::Text(_) => !persons && key.shape.is_none_or(Shape::takes_scalars),
    }
}

/// Tells whether a template in a scheme uses a field of the identity.
fn asks_for(scheme: &Node, field: &str) -> bool {
    match &scheme.data {
        Data::Map(entries) => entries.iter().any(|e| asks_for(&e.value, field)),
        Data::List(items) => items.iter().any(|item| asks_for(item, field)),
        Data::Text(text) => text.split("identity.").skip(1).any(|after| {
            after.strip_prefix(field).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        }),
        Data::Null | Data::Bool(_) | Data::Number(..) => false,
    }
}

/// Tells what is wrong with a field of an identity whose value is written out.
pub fn check_field(scheme: &SchemeSpec, name: &str, text: &str, value: Span) -> Option<Diagnostic> {
    diags::field((kind_of(scheme)?, &scheme.node), name, text, value)
}

/// Tells what is wrong with a field that is a secret, whole, as far as that shows before it is read.
pub fn check_secret(scheme: &SchemeSpec, name: &str, value: &Node, names: &Names) -> Option<Diagnostic> {
    kind_of(scheme).filter(|kind| kind.needs.contains(&name))?;
    let (from, place) = lined(value, names)?;
    Some(diags::lined(value.span, &format!("`{name}`"), (&from, place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_unique() {
        assert!(SCHEMES.windows(2).all(|w| w[0].name < w[1].name));
    }
}
