//! A device asks whether its person has decided (RFC 8628 §3.4, §3.5).

use super::{Issue, Request};
use crate::demo::oauth::books::Grant as Allowed;
use crate::demo::oauth::device::Decision;
use crate::demo::oauth::error::{OAuthError, Reply};
use crate::demo::oauth::mint;
use crate::demo::{clock, random};

/// By how many seconds the interval grows when a device asks too early (RFC 8628 §3.5).
const SLOWER: u64 = 5;

pub(super) fn answer(request: &Request<'_>) -> Reply {
    let key = random::fingerprint(request.need("device_code")?);
    let now = clock::now_ms();
    let (grant, family, refresh_token) = {
        let mut books = request.app.oauth.books();
        let device = books.devices.get_mut(&key);
        let device = device.filter(|d| d.client.id == request.client.id);
        let device = device.ok_or_else(|| OAuthError::invalid_grant("the device_code is not known here"))?;
        if device.used {
            return Err(OAuthError::invalid_grant("the device_code was used before"));
        }
        if device.until_ms <= now {
            return Err(OAuthError::new("expired_token", "the device_code has expired"));
        }
        let early = device.asked_ms.is_some_and(|at| now < at + device.interval * 1000);
        device.asked_ms = Some(now);
        if early {
            device.interval += SLOWER;
            return Err(OAuthError::new("slow_down", "the device asks too often, wait 5 s more from now on"));
        }
        let grant = match &device.decision {
            Decision::Open => {
                return Err(OAuthError::new("authorization_pending", "the person has not decided yet"));
            }
            Decision::Denied => return Err(OAuthError::new("access_denied", "the person did not allow it")),
            Decision::Allowed { user, auth_time } => Allowed {
                subject: mint::person(user),
                user: Some(user.clone()),
                auth_time: Some(*auth_time),
                ..request.own_grant(device.scope.clone(), device.audience.clone())
            },
        };
        device.used = true;
        let (family, token) = request.open(&mut books, &grant);
        (grant, family, token)
    };
    request.issue(Issue::of(&family, &grant, refresh_token))
}
