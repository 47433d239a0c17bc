//! Every outcome and every reason, each with one plain sentence that never tells a cookie's value.

use jiff::Timestamp;

/// Tells what became of one `Set-Cookie`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreOutcome {
    /// It is new in the jar.
    Stored,
    /// It took the place of a cookie with another value.
    Replaced,
    /// It took the place of a cookie with the same value; attributes may differ.
    Renewed,
    /// It was already expired, which is how a server deletes a cookie.
    Deleted(Deletion),
    /// It never got in.
    Refused(RefuseReason),
}

/// Tells what a deleting `Set-Cookie` hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The cookie is gone.
    Removed,
    /// No cookie has this name and scope.
    NothingThere {
        /// The scopes in which cookies of this name stay in the jar.
        left: Vec<String>,
    },
}

impl StoreOutcome {
    /// Says in one sentence what happened.
    pub fn why(&self) -> String {
        match self {
            Self::Stored => "the cookie is new".to_owned(),
            Self::Replaced => "the cookie replaced one with another value".to_owned(),
            Self::Renewed => "the cookie came again with the same value".to_owned(),
            Self::Deleted(deletion) => deletion.why(),
            Self::Refused(reason) => reason.why(),
        }
    }
}

impl Deletion {
    /// Says in one sentence what happened.
    pub fn why(&self) -> String {
        match self {
            Self::Removed => "the response expired the cookie and it was deleted".to_owned(),
            Self::NothingThere { left } if left.is_empty() => {
                "the response expired a cookie that was not in the jar".to_owned()
            }
            Self::NothingThere { left } => format!(
                "the response expired the cookie for another scope than the stored one, which stays: {}",
                left.join("; ")
            ),
        }
    }
}

/// Tells why a cookie was not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefuseReason {
    /// The field holds a control character other than a tab.
    ControlCharacter {
        /// The first one.
        byte: u8,
    },
    /// Name and value are too long together.
    TooLong {
        /// Their length.
        octets: usize,
        /// The longest allowed.
        limit: usize,
    },
    /// Neither name nor value is there.
    Empty,
    /// The response came from an address without a host.
    NoHost {
        /// Its scheme.
        scheme: String,
    },
    /// `Domain` holds characters beyond ASCII.
    DomainNotAscii {
        /// What it said.
        domain: String,
    },
    /// `Domain` is a name under which anybody can register.
    PublicSuffix {
        /// What it said.
        domain: String,
        /// The host that set it.
        host: String,
    },
    /// `Domain` is neither the host nor above it.
    Domain {
        /// What it said.
        domain: String,
        /// The host that set it.
        host: String,
    },
    /// `Secure` was set over a protocol that is not.
    SecureFromInsecure {
        /// The scheme.
        scheme: String,
        /// The host.
        host: String,
    },
    /// A plain response tried to cover a `Secure` cookie of the same name.
    SecureOverlay {
        /// The scope of the cookie that was protected.
        scope: String,
    },
    /// `SameSite=None` came without `Secure`.
    SameSiteNone,
    /// A `__Secure-` name came without `Secure`.
    SecurePrefix,
    /// A `__Host-` name broke one of its rules.
    HostPrefix(HostRule),
    /// A nameless cookie's value starts like a protected name.
    NamelessPrefix {
        /// The prefix it imitates.
        prefix: &'static str,
    },
}

/// Names the rule of a `__Host-` name that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostRule {
    /// `Secure` is missing.
    Secure,
    /// `Domain` is there.
    Domain {
        /// What it said.
        domain: String,
    },
    /// `Path` is missing or is not `/`.
    Path {
        /// What it said, if anything.
        path: Option<String>,
    },
}

impl RefuseReason {
    /// Says in one sentence why.
    pub fn why(&self) -> String {
        match self {
            Self::ControlCharacter { byte } => {
                format!("the Set-Cookie holds the control character 0x{byte:02X}")
            }
            Self::TooLong { octets, limit } => {
                format!("name and value have {octets} octets together, {limit} are allowed")
            }
            Self::Empty => "the Set-Cookie has neither a name nor a value".to_owned(),
            Self::NoHost { scheme } => format!("a `{scheme}:` address has no host to keep it for"),
            Self::DomainNotAscii { domain } => format!("Domain `{domain}` is not in ASCII"),
            Self::PublicSuffix { domain, host } => {
                format!("Domain `{domain}` is a public suffix, too wide for {host}")
            }
            Self::Domain { domain, host } => {
                format!("Domain `{domain}` does not cover {host}, which set the cookie")
            }
            Self::SecureFromInsecure { scheme, host } => {
                format!("the cookie is Secure but {scheme}://{host} is not, only https may set it")
            }
            Self::SecureOverlay { scope } => {
                format!("a response without TLS may not cover the Secure cookie of this name for {scope}")
            }
            Self::SameSiteNone => "SameSite=None needs Secure, which is missing".to_owned(),
            Self::SecurePrefix => "a `__Secure-` name needs Secure, which is missing".to_owned(),
            Self::HostPrefix(rule) => rule.why(),
            Self::NamelessPrefix { prefix } => {
                format!("a cookie without a name may not have a value that starts with `{prefix}`")
            }
        }
    }
}

impl HostRule {
    fn why(&self) -> String {
        match self {
            Self::Secure => "a `__Host-` name needs Secure, which is missing".to_owned(),
            Self::Domain { domain } => {
                format!("a `__Host-` name must have no Domain, this one has `{domain}`")
            }
            Self::Path { path: None } => "a `__Host-` name needs Path=/, which is missing".to_owned(),
            Self::Path { path: Some(path) } => {
                format!("a `__Host-` name needs Path=/, this one has `{path}`")
            }
        }
    }
}

/// Tells one reason why a stored cookie was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithholdReason {
    /// It belongs to exactly another host.
    HostOnly {
        /// The host it belongs to.
        domain: String,
        /// The host of the request.
        host: String,
    },
    /// It belongs to another domain.
    Domain {
        /// The domain it belongs to.
        domain: String,
        /// The host of the request.
        host: String,
    },
    /// The request is outside its path.
    Path {
        /// The path it belongs to.
        cookie: String,
        /// The path of the request.
        request: String,
    },
    /// It needs a secure protocol.
    Secure {
        /// The scheme of the request.
        scheme: String,
        /// The host of the request.
        host: String,
    },
    /// It needs a secure protocol; a browser would have excepted this loopback host.
    SecureLoopback {
        /// The scheme of the request.
        scheme: String,
        /// The host of the request.
        host: String,
    },
    /// Its time ran out.
    Expired {
        /// When.
        at: Timestamp,
    },
    /// It is `SameSite=Strict` and the request comes from another site.
    SameSiteStrict,
    /// It is `SameSite=Lax` and the request comes from another site, not by a safe navigation.
    SameSiteLax,
    /// It has no usable `SameSite`, which acts like `Lax`.
    SameSiteUnset,
}

impl WithholdReason {
    /// Says in one sentence why.
    pub fn why(&self) -> String {
        match self {
            Self::HostOnly { domain, host } => {
                format!("it is for {domain} alone (no Domain was set) and the request goes to {host}")
            }
            Self::Domain { domain, host } => {
                format!("it is for {domain} and below, and the request goes to {host}")
            }
            Self::Path { cookie, request } => {
                format!("its path `{cookie}` does not cover the request path `{request}`")
            }
            Self::Secure { scheme, host } => {
                format!("it is Secure, and {scheme}://{host} is not https")
            }
            Self::SecureLoopback { scheme, host } => {
                format!("it is Secure, and {scheme}://{host} is not https (browsers except loopback hosts)")
            }
            Self::Expired { at } => format!("it expired at {at}"),
            Self::SameSiteStrict => "it is SameSite=Strict and the request is cross-site".to_owned(),
            Self::SameSiteLax => "it is SameSite=Lax and the request is cross-site and no safe navigation".to_owned(),
            Self::SameSiteUnset => "it has no SameSite, which acts like Lax, and the request is \
                                    cross-site and no safe navigation"
                .to_owned(),
        }
    }
}

/// Tells why a stored cookie had to make room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvictReason {
    /// It had expired anyway.
    Expired,
    /// Its domain has too many.
    DomainFull {
        /// The most a domain may have.
        limit: usize,
    },
    /// The jar has too many.
    JarFull {
        /// The most a jar may have.
        limit: usize,
    },
}

impl EvictReason {
    /// Says in one sentence why.
    pub fn why(&self) -> String {
        match self {
            Self::Expired => "it had expired and room was needed".to_owned(),
            Self::DomainFull { limit } => {
                format!("its domain has more than {limit} cookies and it was used longest ago")
            }
            Self::JarFull { limit } => {
                format!("the jar has more than {limit} cookies and it was used longest ago")
            }
        }
    }
}
