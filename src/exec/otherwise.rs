//! Compares the request line of a defect with the one of its step.

use crate::http::Request;

/// The request line of a head that leaves byte for byte, where it is another one than the request's.
pub(super) fn written(request: &Request, head: Option<&[u8]>) -> Option<String> {
    let line = head?.split(|b| *b == b'\r').next().map(String::from_utf8_lossy)?;
    let line = line.strip_suffix(" HTTP/1.1").unwrap_or(&line).to_owned();
    (line != format!("{} {}", request.method, request.address.target())).then_some(line)
}

/// In what a request line is another one.
#[derive(Clone, Copy, Default)]
pub(super) struct Otherwise {
    target: bool,
    method: bool,
}

impl Otherwise {
    /// Compares what leaves, with the request line that is `written` in its head, with what would have left.
    pub(super) fn of(plain: &Request, sent: &Request, written: Option<&str>) -> Self {
        let target = written.and_then(|line| line.split(' ').nth(1)).is_some_and(|t| t != plain.address.target());
        Self { target: target || sent.address.path() != plain.address.path(), method: sent.method != plain.method }
    }

    /// Whether something else is asked for, as far as its path tells.
    pub(super) const fn is_elsewhere(self) -> bool {
        self.target
    }

    /// Whether an answer says of that line alone that there is no such thing.
    pub(super) const fn is_unknown(self, status: u16) -> bool {
        (self.target && matches!(status, 400 | 404)) || (self.method && matches!(status, 405 | 501))
    }
}

#[cfg(test)]
mod tests {
    use super::{Otherwise, written};
    use crate::http::{Address, Headers, Request};

    fn request(method: &str, target: &str) -> Request {
        let address = Address::parse(&format!("http://api.example{target}")).unwrap();
        Request { method: method.to_owned(), address, headers: Headers::default(), body: bytes::Bytes::new() }
    }

    #[test]
    fn what_nobody_knows_is_another_line() {
        let plain = request("GET", "/admin/users?a=1");
        let of = |sent: &Request, head: Option<&[u8]>| {
            let line = Otherwise::of(&plain, sent, written(sent, head).as_deref());
            [400, 404, 405, 501, 403].map(|status| line.is_unknown(status))
        };
        let (target, method) = ([true, true, false, false, false], [false, false, true, true, false]);
        assert_eq!(of(&request("GET", "/admin//users?a=1"), None), target);
        assert_eq!(of(&plain, Some(b"GET /admin\\users?a=1 HTTP/1.1\r\nhost: a\r\n\r\n")), target);
        assert_eq!(of(&request("TRACE", "/admin/users?a=1"), None), method);
        assert_eq!(of(&request("GET", "/admin/users?a=1&role=admin"), None), [false; 5], "the same thing is asked for");
        let odd = b"GET /admin\\users?a=1 HTTP/1.1\r\nhost: a\r\n\r\n";
        assert_eq!(written(&plain, Some(odd)).as_deref(), Some("GET /admin\\users?a=1"));
        assert_eq!(written(&plain, Some(b"GET /admin/users?a=1 HTTP/1.1\r\nx: \t\r\n\r\n")), None);
        assert_eq!(of(&plain, Some(b"GET /admin/users?a=1 HTTP/1.1\r\nhost: a\r\n\r\n")), [false; 5]);
    }
}
