//! A redirect to the plain path, in answer to a way around it that changes something: many servers send each request whose
//! path is not written their way on to where it is, before they look who asks.

use bytes::Bytes;

use super::detour::{Detour, NO_SUCH_PATH};
use super::exchange::{StepRun, count};
use super::mutant::Trial;
use crate::http::{Address, Request, Response, is_redirect, is_safe};

impl StepRun<'_> {
    /// Tells how the caller is refused where the answer leads, if that is what was refused without the detour, and a path
    /// that is not there is sent on in the same way: a form that was accepted leads back as well, but not for that.
    pub(super) async fn sent_back(&self, trial: &Trial<'_>, detour: &Detour<'_>) -> Option<u16> {
        let (sent, response) = (detour.trail.request()?, detour.trail.response()?);
        let plain = &detour.dressed.address;
        if is_safe(&sent.method) || !leads_to(sent, response, &plain.to_string()) {
            return None;
        }
        let name = plain.path().rsplit('/').find(|part| !part.is_empty())?;
        let other = format!("{}{}", plain.base(), renamed(plain.target(), name)?);
        let address = format!("{}{}", sent.address.base(), renamed(sent.address.target(), name)?);
        let mut request = Request { address: Address::parse(&address).ok()?, ..sent.clone() };
        let head = match &detour.head {
            None => None,
            Some(head) => Some(renamed_line(head, name)?),
        };
        if head.is_none() {
            detour.sender.renew_proof_here(&mut request);
        }
        let trail = self.post(request, head, trial.step, detour.transport).await;
        self.shared.limits.count(count(&trail));
        let same = trail.response().filter(|other| other.status == response.status)?;
        let is_sent_back = leads_to(trail.request()?, same, &other);
        detour.refused.filter(|_| is_sent_back)
    }
}

fn leads_to(sent: &Request, response: &Response, target: &str) -> bool {
    let location = response.headers.text("location").filter(|_| is_redirect(response.status));
    location.and_then(|to| sent.address.join(&to).ok()).is_some_and(|to| to.to_string() == target)
}

/// A target with another last part of its path.
fn renamed(target: &str, name: &str) -> Option<String> {
    let end = target.find(['?', '#']).unwrap_or(target.len());
    let at = target[..end].rfind(name)?;
    Some(format!("{}{NO_SUCH_PATH}{}", &target[..at], &target[at + name.len()..]))
}

/// The head of a request whose line has another last part of its path.
fn renamed_line(head: &Bytes, name: &str) -> Option<Bytes> {
    let end = head.windows(2).position(|pair| pair == b"\r\n")?;
    let line = std::str::from_utf8(&head[..end]).ok()?;
    let (method, rest) = line.split_once(' ')?;
    let (target, version) = rest.rsplit_once(' ')?;
    let line = format!("{method} {} {version}", renamed(target, name)?);
    Some([line.as_bytes(), &head[end..]].concat().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_a_path_is_another() {
        let of = |target| renamed(target, "users").unwrap();
        assert_eq!(of("/users//users?for=users"), format!("/users//{NO_SUCH_PATH}?for=users"));
        assert_eq!(of("http://a/admin/./users#x"), format!("http://a/admin/./{NO_SUCH_PATH}#x"));
        assert_eq!(renamed("/admin/%75sers", "users"), None);
        let head = renamed_line(&Bytes::from("POST /./users HTTP/1.1\r\nhost: users\r\n\r\n"), "users").unwrap();
        assert_eq!(head, format!("POST /./{NO_SUCH_PATH} HTTP/1.1\r\nhost: users\r\n\r\n"));
    }
}
