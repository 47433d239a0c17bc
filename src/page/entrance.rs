//! Which addresses lead in, by what they say: the login page of an application, and where an authorization server is
//! asked for a login. A page that is only on the way through (`/auth/UID`, where a login goes on) is none.

use crate::http::Address;

/// Words of a login page, at the begin or end of a part of the path.
const PAGES: &[&str] = &["login", "signin", "logon", "signon"];

/// Words of a login page that are a whole part of the path.
const WHOLE: &[&str] = &["sso", "authenticate"];

/// Words that are a login page where they end the path, and the name of an area where they do not.
const AREAS: &[&str] = &["auth", "authorize", "oauth", "oauth2"];

/// Parameters of a request for a login (RFC 6749, section 4.1.1; SAML bindings, section 3.4.3).
const ASKS: &[&str] = &["client_id", "SAMLRequest"];

/// Parameters of its answer (RFC 6749, section 4.1.2; SAML bindings, section 3.5.3).
const ANSWERS: &[&str] = &["code", "SAMLResponse"];

/// Tells whether a path has to do with logging in.
pub fn leads_in(path: &str) -> bool {
    parts(path).any(|part| is_page(&part) || AREAS.contains(&&*part))
}

/// Tells whether an answer that leads elsewhere leads to a login page: whoever asked is not logged in.
pub fn is_way_in(from: &Address, to: &Address) -> bool {
    let has =
        |names: &[&str]| url::form_urlencoded::parse(to.query().as_bytes()).any(|(name, _)| names.contains(&&*name));
    // Back to the page that was just sent, which is how a form is refused.
    if from.base() == to.base() && from.path() == to.path() {
        return leads_in(to.path());
    }
    if has(ANSWERS) {
        return false;
    }
    if parts(to.path()).any(|part| is_page(&part)) {
        return true;
    }
    let all: Vec<String> = parts(to.path()).filter(|part| !part.is_empty()).collect();
    let is_area = |part: &String| AREAS.contains(&&**part);
    let asks = all.last().is_some_and(is_area)
        || all.ends_with(&["oauth2".to_owned(), "start".to_owned()])
        || (all.iter().any(is_area) && has(ASKS));
    // Whoever has logged in goes on to where the login was asked for.
    asks && !parts(from.path()).any(|part| is_page(&part))
}

fn is_page(part: &str) -> bool {
    WHOLE.contains(&part) || PAGES.iter().any(|word| part.starts_with(word) || part.ends_with(word))
}

/// The words of a path without their joints: `/sign-in.php` has `signin` and `php`.
pub fn parts(path: &str) -> impl Iterator<Item = String> {
    path.split(['/', '.']).map(|part| part.to_ascii_lowercase().replace(['-', '_'], ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way_in(from: &str, to: &str) -> bool {
        let from = Address::parse(&format!("https://app.test{from}")).unwrap();
        is_way_in(&from, &from.join(to).unwrap())
    }

    #[test]
    fn login_pages_are_known_by_their_words() {
        for to in [
            "/login",
            "/users/sign_in",
            "/wp-login.php",
            "/accounts/login/",
            "/Account/LogOn?ReturnUrl=%2f",
            "/sso",
            "/sso/start",
            "/auth",
            "/auth/",
            "/auth/login",
            "/realms/a/protocol/openid-connect/auth?client_id=web",
            "/authorize/v2?response_type=code&client_id=web",
            "/oauth2/start?rd=%2f",
            "https://login.test/oauth2/v2.0/authorize?client_id=web",
        ] {
            assert!(way_in("/orders", to), "{to}");
        }
        for to in ["/", "/authors", "/blogindex", "/home", "/orders/17", "/signature", "/authorized"] {
            assert!(!way_in("/orders", to), "{to}");
        }
    }

    #[test]
    fn where_a_login_goes_on_is_no_login_page() {
        for (from, to) in [
            ("/interaction/x1", "/auth/x1"),
            ("/interaction/x1/login", "/auth/x1"),
            ("/u/login", "/authorize/resume?state=a"),
            ("/login", "/oauth2/authorize?client_id=web&continue"),
            ("/interaction/x1", "/login/oauth2/code/google?code=a&state=b"),
            ("/interaction/x1", "/sso/acs?SAMLResponse=a"),
        ] {
            assert!(!way_in(from, to), "{from} {to}");
        }
        // The way back is one, wherever the page stands.
        for (from, to) in [("/auth/x1", "/auth/x1"), ("/auth/x1", "/auth/x1?error=1"), ("/login", "/login?error")] {
            assert!(way_in(from, to), "{from} {to}");
        }
        assert!(!way_in("/profile", "/profile"));
    }

    #[test]
    fn what_has_to_do_with_logging_in_is_known_by_its_path() {
        assert!(["/users/sign_in", "/auth", "/auth/x1", "/oauth2/token"].into_iter().all(leads_in));
        assert!(!["/authors", "/orders", "/"].into_iter().any(leads_in));
    }
}
