//! Hosts, domains and paths (draft, section 5.1), and what counts as a secure protocol.

use std::net::IpAddr;

use url::{Host, Url};

/// Chooses which requests may carry and set `Secure` cookies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecureOver {
    /// Only those over TLS.
    #[default]
    HttpsOnly,
    /// Those over TLS and plain ones to `localhost`, `127.0.0.0/8` and `::1`, as browsers do.
    HttpsAndLoopback,
}

impl SecureOver {
    /// Says whether `Secure` cookies may travel with a request to `url`.
    pub fn trusts(self, url: &Url) -> bool {
        let over_tls = matches!(url.scheme(), "https" | "wss");
        match self {
            Self::HttpsOnly => over_tls,
            Self::HttpsAndLoopback => over_tls || is_loopback(url),
        }
    }
}

/// Tells whether a URL leads to this machine, by its name.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Returns the host as cookies compare it: lower case, punycode, IPv6 without brackets.
pub(super) fn host_of(url: &Url) -> Option<String> {
    let host = match url.host()? {
        Host::Ipv4(ip) => ip.to_string(),
        Host::Ipv6(ip) => ip.to_string(),
        Host::Domain(name) => name.to_ascii_lowercase(),
    };
    (!host.is_empty()).then_some(host)
}

/// Says whether `host` is `domain` or below it; an address is below nothing.
pub(super) fn domain_match(host: &str, domain: &str) -> bool {
    if host == domain {
        return true;
    }
    let below = host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    // An empty domain would otherwise match every host that ends in a dot.
    below && !domain.is_empty() && host.parse::<IpAddr>().is_err()
}

/// Says whether a request for `path` is at or under `cookie_path`.
pub(super) fn path_match(path: &str, cookie_path: &str) -> bool {
    path.strip_prefix(cookie_path)
        .is_some_and(|rest| rest.is_empty() || cookie_path.ends_with('/') || rest.starts_with('/'))
}

/// Returns the folder of the request, which a cookie without `Path` belongs to.
pub(super) fn default_path(url: &Url) -> String {
    let path = url.path();
    match path.rfind('/') {
        Some(last) if last > 0 && path.starts_with('/') => path[..last].to_owned(),
        _ => "/".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_domain_covers_itself_and_what_is_below() {
        assert!(domain_match("example.com", "example.com"));
        assert!(domain_match("a.b.example.com", "example.com"));
        assert!(!domain_match("badexample.com", "example.com"));
        assert!(!domain_match("example.com", "www.example.com"));
        assert!(!domain_match("example.com.", ""));
        assert!(domain_match("127.0.0.1", "127.0.0.1"));
        assert!(!domain_match("127.0.0.1", "0.0.1"));
    }

    #[test]
    fn a_path_covers_itself_and_whole_segments_below() {
        assert!(path_match("/docs", "/docs"));
        assert!(path_match("/docs/a", "/docs"));
        assert!(path_match("/docs/a", "/docs/"));
        assert!(!path_match("/docs", "/docs/"));
        assert!(!path_match("/docsets", "/docs"));
        assert!(path_match("/anything", "/"));
    }

    #[test]
    fn the_default_path_is_the_folder() {
        assert_eq!(default_path(&url("https://a.example")), "/");
        assert_eq!(default_path(&url("https://a.example/login")), "/");
        assert_eq!(default_path(&url("https://a.example/app/login?x=/y")), "/app");
        assert_eq!(default_path(&url("https://a.example/app/")), "/app");
        assert_eq!(default_path(&url("data:text/plain,x")), "/");
    }

    #[test]
    fn hosts_are_canonical() {
        assert_eq!(host_of(&url("https://EXAMPLE.com:8443/")).as_deref(), Some("example.com"));
        assert_eq!(host_of(&url("https://bücher.example/")).as_deref(), Some("xn--bcher-kva.example"));
        assert_eq!(host_of(&url("http://[::1]/")).as_deref(), Some("::1"));
        assert_eq!(host_of(&url("data:x")), None);
    }

    #[test]
    fn loopback_is_trusted_only_when_asked() {
        for text in ["http://localhost:80/", "http://x.localhost/", "http://127.9.9.9/", "http://[::1]/"] {
            assert!(!SecureOver::HttpsOnly.trusts(&url(text)), "{text}");
            assert!(SecureOver::HttpsAndLoopback.trusts(&url(text)), "{text}");
        }
        assert!(SecureOver::HttpsOnly.trusts(&url("https://example.com/")));
        assert!(!SecureOver::HttpsAndLoopback.trusts(&url("http://localhost.example.com/")));
    }
}
