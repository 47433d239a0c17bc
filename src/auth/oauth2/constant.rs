//! What parameters always are, where the scheme says so in so many words: known before anything is sent.

use super::Config;
use super::client::Proof;
use super::code::REDIRECT;
use super::post::POSTED;
use super::read::Grant;
use crate::template::Template;

/// The value that a parameter of an exchange has each time.
pub(super) fn constant(config: &Config, exchange: &str, parameter: &str) -> Option<String> {
    // What a server wants pushed, and then sends by its reference alone, its metadata say.
    if exchange == "authorize" && (config.par || config.issuer.is_some()) {
        return None;
    }
    // A pushed request is that of the browser, and then has what is said of itself.
    let labels: &[&str] = if exchange == "par" { &["par", "authorize"] } else { &[exchange] };
    let mut extras = labels.iter().flat_map(|label| config.extra.iter().filter(move |extra| extra.label == *label));
    if let Some(extra) = extras.find(|extra| &*extra.name == parameter) {
        return one(&extra.values);
    }
    let is_begun = matches!(exchange, "authorize" | "par");
    let has_scope = match exchange {
        "authorize" | "par" | "device" => true,
        "token" => !matches!(config.grant, Grant::AuthorizationCode | Grant::DeviceCode),
        _ => false,
    };
    // One that signs or shows a certificate need not be named in the form.
    let is_named = !matches!(config.client.proof, Proof::PrivateKey | Proof::SecretKey | Proof::Tls);
    match parameter {
        "grant_type" if exchange == "token" => Some(config.grant.registered().to_owned()),
        "grant_type" if exchange == "refresh" => Some("refresh_token".to_owned()),
        "response_type" if is_begun => Some("code".to_owned()),
        "code_challenge_method" if is_begun => Some("S256".to_owned()),
        "redirect_uri" if is_begun || exchange == "token" && config.grant == Grant::AuthorizationCode => {
            config.redirect.as_ref().map_or_else(|| Some(REDIRECT.to_owned()), literal).filter(|uri| !is_path(uri))
        }
        "client_id" if is_begun || POSTED.contains(&exchange) && is_named => literal(&config.client.id),
        "scope" if has_scope && !config.scope.is_empty() => {
            config.scope.iter().map(literal).collect::<Option<Vec<_>>>().map(|all| all.join(" "))
        }
        "audience" if has_scope => one(&config.audience),
        "resource" if has_scope || exchange == "token" => one(&config.resource).filter(|uri| !is_path(uri)),
        _ => None,
    }
}

fn literal(template: &Template) -> Option<String> {
    template.as_literal().map(ToString::to_string)
}

fn one(values: &[Template]) -> Option<String> {
    if let [value] = values { literal(value) } else { None }
}

/// A path is one of the target, which a command line may name.
fn is_path(uri: &str) -> bool {
    uri.starts_with('/')
}
