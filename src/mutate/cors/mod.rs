//! What browsers are told: which pages of other origins may call and read (Fetch, CORS protocol).
//!
//! These rows start from a request that names a good origin in `Origin`, and are about the answer's header fields. Where
//! nothing would be shown by an origin that is denied, because none is allowed, a [`Basis`] says what has to be seen first.

mod origin;
mod preflight;
mod said;

use super::due::{Basis, Due};
use super::forged::{Forged, Unfit};
use super::presented::Presented;
use super::{Aim, Expect, Family, Mutation, Severity};
use crate::http::{is_loopback, is_safe};

pub use said::shares;

/// Mutations of origins.
pub(super) const FAMILY: Family = Family { name: "cors", title: "Pages of other origins", rows: ROWS };

const BASE: Mutation = Mutation { aim: Aim::Origin, severity: Severity::Medium, ..super::BASE };

/// An origin that nobody has anything to do with.
const FOREIGN: &str = "https://authspec-elsewhere.example";

const LIST: &str =
    "The origin is compared in part. Compare it whole, byte for byte, with a list: scheme, host and port.";
const BROWSER: &str =
    "Pages of your own get nothing, and their console shows a network error in place of what the server says.";

const ROWS: &[Mutation] = &[
    Mutation {
        id: "cors-origin-allowed",
        about: "the request as it is: pages of its origin have to be able to read the answer",
        explain: BROWSER,
        refs: &["Fetch, CORS check"],
        expect: Expect::Says(&Due {
            words: "`access-control-allow-origin` with the origin of the request",
            fault: "pages of the good origin cannot read the answer",
            basis: Basis::Nothing,
            judge: origin::allowed,
        }),
        apply: |p, _| plain(p),
        ..BASE
    },
    Mutation {
        id: "cors-preflight-noauth",
        about: "the preflight of the request, which browsers send without any credential",
        explain: "The guard stands before the answer to preflights, which never carry a credential. Answer `OPTIONS` with `Access-Control-Request-Method` before the guard, with 2xx and no redirect.",
        refs: &["Fetch, CORS-preflight fetch", "Fetch, CORS protocol"],
        expect: Expect::Says(&Due {
            words: "2xx with `access-control-allow-origin`",
            fault: "the preflight is not answered",
            basis: Basis::Nothing,
            judge: preflight::answered,
        }),
        apply: |p, _| preflight::of(p, &origin::good(p)?),
        ..BASE
    },
    Mutation {
        id: "cors-allow-authorization",
        about: "the preflight that asks for the fields of the request, `authorization` among them",
        explain: "A field that is not listed is not sent by pages. `*` does not cover `authorization`, which has to be listed by its name.",
        refs: &["Fetch, CORS-preflight fetch", "Fetch, CORS protocol"],
        expect: Expect::Says(&Due {
            words: "the fields in `access-control-allow-headers`, `authorization` by its name",
            fault: "pages may not send what the request needs",
            basis: Basis::Nothing,
            judge: preflight::headers,
        }),
        apply: |p, _| preflight::with_fields(p),
        ..BASE
    },
    Mutation {
        id: "cors-allow-method",
        about: "the preflight that asks for the method of the request",
        explain: "A method that is not listed is not sent by pages, but for GET, HEAD and POST.",
        refs: &["Fetch, CORS-preflight fetch"],
        expect: Expect::Says(&Due {
            words: "the method in `access-control-allow-methods`",
            fault: "pages may not use the method of the request",
            basis: Basis::Nothing,
            judge: preflight::method,
        }),
        apply: |p, _| preflight::with_method(p),
        ..BASE
    },
    Mutation {
        id: "cors-preflight-foreign",
        about: "the preflight of the request from a page that nobody has anything to do with",
        explain: "Every preflight gets the same answer, so that any page may send requests that change something; that it cannot read the answer undoes nothing. Compare the origin before a preflight is answered.",
        refs: &["ASVS 3.4.2", "WSTG-CLNT-07", "CWE-942"],
        severity: Severity::High,
        expect: Expect::Says(&Due {
            words: "no `access-control-allow-origin` for the other origin",
            fault: "the preflight of a foreign page is answered like that of the good one",
            basis: Basis::Preflight,
            judge: origin::denied,
        }),
        apply: |p, _| preflight::of(p, FOREIGN),
        ..BASE
    },
    Mutation {
        id: "cors-origin-foreign",
        about: "an origin that nobody has anything to do with",
        explain: "Any page may read what the server answers. Compare the origin with a list of your own.",
        refs: &["ASVS 3.4.2", "WSTG-CLNT-07", "CWE-942"],
        expect: Expect::Says(&Due {
            words: "no `access-control-allow-origin` for the other origin",
            fault: "a foreign page may read the answer",
            basis: Basis::Shared,
            judge: origin::foreign,
        }),
        apply: |p, _| from(p, FOREIGN),
        ..BASE
    },
    Mutation {
        id: "cors-reflect",
        about: "an origin that nobody has anything to do with: it must not be allowed together with credentials",
        explain: "The origin is repeated whatever it is, and credentials are allowed: any page reads what its visitor may read here. Compare the origin with a list of your own.",
        refs: &["ASVS 3.4.2", "WSTG-CLNT-07", "CWE-942"],
        severity: Severity::High,
        expect: Expect::Says(&Due {
            words: "no other origin together with `access-control-allow-credentials: true`",
            fault: "a foreign page may read the answer with its visitor's credentials",
            basis: Basis::Shared,
            judge: origin::reflected,
        }),
        apply: |p, _| from(p, "https://authspec-3f9a61.example"),
        ..BASE
    },
    Mutation {
        id: "cors-null",
        about: "the origin `null`, which pages in a sandbox and files have",
        explain: "Any page can make itself a frame whose origin is `null`. Never list it.",
        severity: Severity::High,
        apply: |p, _| from(p, "null"),
        ..OTHER
    },
    Mutation {
        id: "cors-localhost",
        about: "a page on the visitor's own machine, at a port that nobody listed: `http://localhost:49517`",
        explain: "Every page on `localhost` is let in, for developers. Whatever runs on a visitor's machine, or has a hole there, reads what the visitor may read here. List the ports that are meant, and leave them out where no developer is.",
        severity: Severity::Low,
        apply: |p, _| {
            other(p, |good| {
                let is_local = url::Url::parse(&good.start()).is_ok_and(|url| is_loopback(&url));
                (!is_local).then(|| "http://localhost:49517".to_owned())
            })
        },
        ..OTHER
    },
    Mutation {
        id: "cors-suffix",
        about: "an origin that begins like the good one: `https://good.example.evil`",
        apply: |p, _| other(p, |good| Some(format!("{}.authspec.example{}", good.start(), good.port))),
        ..OTHER
    },
    Mutation {
        id: "cors-prefix",
        about: "an origin that ends like the good one: `https://evilgood.example`",
        apply: |p, _| other(p, |good| good.host_as(&format!("authspec{}", good.host))),
        ..OTHER
    },
    Mutation {
        id: "cors-subdomain",
        about: "an origin below the good one: `https://evil.good.example`",
        explain: "Whoever gets hold of any name below the domain, or can write into a page there, reads what its visitors may read here. List the names that are meant.",
        severity: Severity::Low,
        apply: |p, _| other(p, |good| good.host_as(&format!("authspec.{}", good.name()?))),
        ..OTHER
    },
    Mutation {
        id: "cors-scheme",
        about: "the good origin without encryption: `http://` in place of `https://`",
        explain: "Whoever can change what travels unencrypted writes pages of that origin, and reads what its visitors may read here. Compare the scheme, too.",
        apply: |p, _| other(p, |good| (good.scheme == "https").then(|| format!("http://{}{}", good.host, good.port))),
        ..OTHER
    },
    Mutation {
        id: "cors-port",
        about: "the good origin at another port",
        severity: Severity::Low,
        apply: |p, _| {
            other(p, |good| {
                let port = if good.port == ":8081" { ":8082" } else { ":8081" };
                Some(format!("{}{port}", good.start()))
            })
        },
        ..OTHER
    },
    Mutation {
        id: "cors-dot-escape",
        about: "the good origin with a letter in place of its first dot: `https://appXgood.example`",
        explain: "The origin is matched by a regular expression whose dots stand for any letter. Escape them, or compare texts.",
        apply: |p, _| other(p, |good| good.host_as(&good.name()?.replacen('.', "x", 1))),
        ..OTHER
    },
    Mutation {
        id: "cors-star-cred",
        about: "the request as it is: `*` must not stand beside allowed credentials",
        explain: "No browser takes `*` together with credentials, so pages get nothing; and somebody meant to let everybody in. Name the origins.",
        refs: &["Fetch, CORS protocol"],
        severity: Severity::Low,
        expect: Expect::Says(&Due {
            words: "an origin by its name where credentials are allowed",
            fault: "every origin (`*`) is allowed with credentials, which no browser takes",
            basis: Basis::Nothing,
            judge: origin::star,
        }),
        apply: |p, _| plain(p),
        ..BASE
    },
    Mutation {
        id: "cors-cred-case",
        about: "the request as it is: credentials are allowed by the word `true`, in lower case",
        explain: "Browsers compare the value byte for byte: `True` allows nothing.",
        refs: &["Fetch, CORS check", "Fetch, CORS protocol"],
        severity: Severity::Low,
        expect: Expect::Says(&Due {
            words: "`access-control-allow-credentials: true`, in lower case, or no such field",
            fault: "credentials are allowed by a word that no browser reads",
            basis: Basis::Nothing,
            judge: origin::spelling,
        }),
        apply: |p, _| plain(p),
        ..BASE
    },
    Mutation {
        id: "cors-vary",
        about: "another origin: where its answer differs, `Vary` has to name `Origin`",
        explain: "A cache that does not know that the answer depends on the origin gives one page what was answered to another: your own page is refused, or a foreign one let in. Answer with `Vary: Origin`.",
        refs: &["Fetch, CORS protocol", "RFC 9110 section 12.5.5"],
        severity: Severity::Low,
        expect: Expect::Says(&Due {
            words: "`Vary: Origin` on an answer that depends on the origin",
            fault: "caches are not told that the answer depends on the origin",
            basis: Basis::Shared,
            judge: origin::varies,
        }),
        apply: |p, _| from(p, FOREIGN),
        ..BASE
    },
    Mutation {
        id: "cors-on-error",
        about: "the request without its credential: pages have to be able to read the refusal",
        explain: "The fields are missing on refusals, so that a page sees a network error and no 401: it cannot tell its visitor to log in. Set them on every answer, errors too.",
        refs: &["Fetch, CORS check"],
        expect: Expect::Says(&Due {
            words: "`access-control-allow-origin` on the refusal, too",
            fault: "pages of the good origin cannot read the refusal",
            basis: Basis::Shared,
            judge: origin::on_error,
        }),
        apply: |p, _| refused(p),
        ..BASE
    },
    Mutation {
        id: "cors-expose",
        about: "the request without its credential: pages should be able to read the fields that say what to do",
        explain: "`WWW-Authenticate`, `DPoP-Nonce` and `Retry-After` are hidden from pages unless `Access-Control-Expose-Headers` lists them. A page that has to act on them needs that.",
        refs: &["Fetch, CORS check", "RFC 9449 section 8"],
        severity: Severity::Info,
        expect: Expect::Says(&Due {
            words: "the fields that say what to do in `access-control-expose-headers`",
            fault: "pages cannot read the fields that say what to do",
            basis: Basis::Shared,
            judge: origin::exposes,
        }),
        apply: |p, _| refused(p),
        ..BASE
    },
];

/// An origin that is like the good one, and is another.
const OTHER: Mutation = Mutation {
    explain: LIST,
    refs: &["ASVS 3.4.2", "WSTG-CLNT-07", "CWE-942"],
    expect: Expect::Says(&Due {
        words: "no `access-control-allow-origin` for the other origin",
        fault: "another origin than the good one is allowed",
        basis: Basis::Shared,
        judge: origin::denied,
    }),
    ..BASE
};

/// The request as it is, where it may be sent again and again.
fn plain(p: &Presented<'_>) -> Result<Forged, Unfit> {
    origin::good(p)?;
    if !is_safe(&p.request.method) {
        return Err(Unfit::not_here("the request changes something, so only its preflights are sent"));
    }
    Ok(Forged::new(p.request.clone(), "the request is sent as it is"))
}

/// The request from a page of another origin.
fn from(p: &Presented<'_>, origin: &str) -> Result<Forged, Unfit> {
    let Forged { mut request, .. } = plain(p)?;
    request.headers.set("Origin", origin.to_owned());
    Ok(Forged::new(request, format!("the origin is `{origin}`")))
}

/// The request from a page of an origin that is like the good one.
fn other(p: &Presented<'_>, make: impl FnOnce(&origin::Origin<'_>) -> Option<String>) -> Result<Forged, Unfit> {
    let good = origin::good(p)?;
    let parts =
        origin::Origin::parse(&good).ok_or_else(|| Unfit::not_here("the origin of the request is no address"))?;
    match make(&parts).filter(|other| *other != good) {
        Some(other) => from(p, &other),
        None => Err(Unfit::not_here(format!("the origin `{good}` has no such neighbour"))),
    }
}

/// The request without its credential.
fn refused(p: &Presented<'_>) -> Result<Forged, Unfit> {
    plain(p)?;
    Ok(Forged::new(p.bare()?, "the credential is left out"))
}

#[cfg(test)]
mod tests;
