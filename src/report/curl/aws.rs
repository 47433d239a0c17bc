//! A request with a signature of AWS, version 4: curl signs it itself, which a signature of another time would not survive.

use super::words::Variables;
use crate::event::HopRecord;

/// The fields that curl makes when it signs.
pub(super) const OWN: &[&str] = &["authorization", "x-amz-content-sha256", "x-amz-date"];

/// Whose key signed, and for what.
pub(super) struct Scope<'a> {
    key: &'a str,
    region: &'a str,
    service: &'a str,
}

/// Reads `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`.
pub(super) fn signed(hop: &HopRecord) -> Option<Scope<'_>> {
    let (_, value) = hop.request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    let scope = value.strip_prefix("AWS4-HMAC-SHA256 Credential=")?.split(',').next()?;
    // A key may hold slashes, what follows it may not.
    let mut parts = scope.rsplitn(5, '/');
    let (end, service, region, _day, key) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (end == "aws4_request").then_some(Scope { key, region, service })
}

impl Scope<'_> {
    /// The options by which curl signs (since 7.75).
    pub(super) fn options(&self, caller: Option<&str>, variables: &mut Variables) -> [String; 2] {
        let caller = caller.unwrap_or("user");
        let scope = variables.quote(&format!("aws:amz:{}:{}", self.region, self.service));
        let user = variables.quote(&format!("{}:‹{caller}.secret_key›", self.key));
        [format!("--aws-sigv4 {scope}"), format!("-u {user}")]
    }
}
