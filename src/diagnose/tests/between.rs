//! What stands between.

use super::{Example, example};
use crate::evidence::testing::{Try, get};

fn told(status: u16, text: &str) -> Try {
    get("http://api.test:8080/me").bearer().gets(status).text(&format!("{{\"message\":\"{text}\"}}"))
}

pub(super) fn examples() -> Vec<Example> {
    vec![
        example("proxy-login", told(407, ""), told(401, "")),
        example("proxy-login", told(403, "").says("proxy-authenticate", "Basic realm=\"p\""), told(403, "")),
        example(
            "http-to-https-port",
            told(400, "The plain HTTP request was sent to HTTPS port"),
            told(400, "The plain request was sent"),
        ),
        example("header-too-large", told(431, ""), told(400, "")),
        example("header-too-large", told(400, "Request Header Or Cookie Too Large"), told(413, "")),
        example(
            "gateway-knows-no-route",
            told(403, "Missing Authentication Token"),
            told(401, "Missing Authentication Token"),
        ),
        example(
            "gateway-wants-signature",
            told(403, "'x' not a valid key=value pair (missing equal-sign)"),
            told(403, "x=y"),
        ),
        example("mesh-policy", told(403, "RBAC: access denied"), told(403, "access denied")),
        example("firewall", told(403, "error code: 1020"), told(403, "error code: 10")),
        example("cached-refusal", told(401, "").says("age", "17"), told(401, "").says("age", "0")),
        example("cached-refusal", told(403, "").says("x-cache", "HIT from edge"), told(404, "").says("x-cache", "HIT")),
        example("address-not-allowed", told(403, "IP address is not allowed"), told(403, "address is not allowed")),
        example(
            "answered-by-gateway",
            get("https://api.test/me").bearer().gets(403).text("<html><h1>403 Forbidden</h1></html>"),
            get("https://api.test/me").bearer().gets(403).text("{}"),
        ),
    ]
}
