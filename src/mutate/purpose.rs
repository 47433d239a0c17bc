//! Good tokens of the same login, sent where they are not for.

use super::forged::{Forged, Unfit};
use super::token::BASE;
use super::{Family, Kit, Mutation, Severity};

/// Tokens of another purpose.
pub(super) const FAMILY: Family = Family { name: "purpose", title: "Token purpose", rows: ROWS };

const ROWS: &[Mutation] = &[
    Mutation {
        id: "life-id-as-access",
        about: "the ID token of the same login in place of the access token",
        explain: "An ID token tells a client who logged in; it opens no API. Check `typ` and `aud` of access tokens.",
        refs: &["ASVS 9.2.2", "RFC 9068 section 5", "RFC 8725 section 2.8", "API2:2023"],
        severity: Severity::High,
        apply: |p, kit| {
            let token = (kit.part)("id_token").ok_or_else(|| Unfit::not_here("the login gave no ID token"))?;
            if p.token()? == token {
                return Err(Unfit::not_here("the credential is the ID token"));
            }
            Ok(Forged::new(p.with_token(&token)?, "the credential is the ID token"))
        },
        ..BASE
    },
    Mutation {
        id: "life-refresh-as-access",
        about: "the refresh token of the same login in place of the access token",
        explain: "A refresh token lives long and is for the token endpoint alone. Check what kind of token it is.",
        refs: &["ASVS 9.2.2", "API2:2023"],
        severity: Severity::High,
        apply: |p, kit| {
            let token = (kit.part)("refresh_token").ok_or_else(|| no_refresh_token(kit))?;
            if p.token()? == token {
                return Err(Unfit::not_here("the credential is the refresh token"));
            }
            Ok(Forged::new(p.with_token(&token)?, "the credential is the refresh token"))
        },
        ..BASE
    },
];

/// Says that no refresh token is known, and where one may stand under another name.
fn no_refresh_token(kit: &Kit<'_>) -> Unfit {
    Unfit::not_here((kit.named)("refresh").map_or_else(
        || "the login gave no refresh token".to_owned(),
        |name| format!("no refresh token is known by that name: capture `{name}` as `refresh_token`"),
    ))
}
