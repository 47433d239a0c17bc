//! Logins.

use super::{Example, example};
use crate::check::StatusSet;
use crate::evidence::Purpose;
use crate::evidence::testing::{Try, get, send};

const URL: &str = "https://api.test/login";

fn post() -> Try {
    send("POST", URL).at_login().body("application/json", "{}")
}

fn told(status: u16, text: &str) -> Try {
    post().gets(status).text(text)
}

/// A changed login that is sent back to the client.
fn back(with: &str) -> Try {
    let location = format!("https://client.test/cb{with}");
    told(303, "").says("location", &location).changed("consent.decision").wants(StatusSet::of(&[401]))
}

pub(super) fn examples() -> Vec<Example> {
    let message = |text: &str| told(401, &format!("{{\"message\":\"{text}\"}}"));
    let oauth = |code: &str| told(400, &format!("{{\"error\":\"{code}\"}}"));
    let page = "<html><form><input type=\"password\"></form></html>";
    vec![
        example("account-locked", post().gets(423), post().gets(401)),
        example("account-locked", message("too many failed logins"), message("the door is locked")),
        example("account-state", message("email not verified"), message("the email is unknown")),
        example("second-factor-wanted", oauth("mfa_required"), oauth("invalid_grant")),
        example("wrong-password", message("Invalid credentials"), message("no")),
        example("wrong-password", told(400, "\"Cannot find user\""), told(200, "\"Cannot find user\"")),
        example(
            "login-fields",
            told(422, r#"{"detail":[{"loc":["body","username"],"msg":"Field required"}]}"#),
            told(422, r#"{"detail":"no"}"#),
        ),
        example("login-fields", post().gets(415), send("POST", URL).gets(415)),
        example("login-not-there", post().gets(404), message("no")),
        example("login-not-there", post().gets(405), send("POST", URL).gets(405)),
        example("login-form-again", told(200, page), told(200, "<html>welcome</html>")),
        example(
            "login-form-again",
            post().gets(302).says("location", "/login?again"),
            post().gets(302).says("location", "/home"),
        ),
        example("changed-refused", oauth("invalid_client").changed("token.client_secret"), oauth("invalid_client")),
        example("changed-refused", told(403, "{}").changed("logout.x-csrf"), post().gets(429).changed("logout.x-csrf")),
        example("changed-refused", told(200, page).changed("form.password"), told(200, "{}").changed("form.password")),
        example(
            "changed-accepted",
            told(200, "{}").changed("token.code").wants(StatusSet::of(&[400])),
            told(200, "{}").changed("token.code").wants(StatusSet::of(&[201])),
        ),
        example(
            "changed-accepted",
            told(303, "{}").changed("token.code").wants(StatusSet::of(&[401])),
            told(200, page).changed("form.password").wants(StatusSet::of(&[401])),
        ),
        example("changed-refused", back("?state=s&error=access_denied"), back("?state=s&code=c")),
        example("changed-accepted", back("?code=c"), back("?error=access_denied")),
        example("client-refused", oauth("invalid_client"), oauth("invalid_grant")),
        example("grant-refused", oauth("invalid_grant").purpose(Purpose::Refresh), oauth("invalid_request")),
        example("grant-not-enabled", oauth("unsupported_grant_type"), oauth("invalid_grant")),
        example("scope-refused", oauth("invalid_scope"), oauth("invalid_grant")),
        example(
            "whoami-differs",
            get("https://api.test/me").bearer().purpose(Purpose::Whoami).text("{}"),
            get("https://api.test/me").bearer().purpose(Purpose::Whoami).gets(401),
        ),
    ]
}

/// What a server does well not to look at is not laid at its door.
#[test]
fn what_no_server_has_to_look_at_is_told_so() {
    let told_of =
        |facts: Try| crate::diagnose::explain(&facts.facts()).first().map(|e| e.cause.clone()).unwrap_or_default();
    let of = |what: &str| told(303, "{}").changed(what).wants(StatusSet::of(&[401]));
    assert!(told_of(of("authorize.state")).contains("no server has to look at"));
    assert!(told_of(of("par.nonce").pushed()).contains("no server has to look at"));
    assert!(told_of(of("authorize.dpop_jkt").pushed()).contains("beside `request_uri`"));
    for looked_at in
        [of("authorize.dpop_jkt"), of("authorize.request_uri").pushed(), of("authorize.state").changed("token.code")]
    {
        assert!(told_of(looked_at).contains("took it all the same"));
    }
}
