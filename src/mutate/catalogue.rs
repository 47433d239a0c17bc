//! Every mutation that is known for the blocks this tool covers, and what became of it: built, or why not.

/// A mutation that is known.
#[derive(Debug)]
pub struct Entry {
    /// The block's heading.
    pub block: &'static str,
    /// Its id.
    pub id: &'static str,
    /// What became of it.
    pub standing: Standing,
}

/// What became of a known mutation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is a row of its own name.
    Built,
    /// It is there by other rows, named here.
    As(&'static [&'static str]),
    /// It has no sense for a tool of this kind: why.
    NotHere(&'static str),
    /// It is left out: why.
    LeftOut(&'static str),
}

const TOKEN: &str = "Token structure and signature";
const CLAIMS: &str = "Claims and time";
const ACCESS: &str = "Authorization";
const HEADER: &str = "Placement and syntax of the credential";

const fn built(block: &'static str, id: &'static str) -> Entry {
    Entry { block, id, standing: Standing::Built }
}

const fn also(block: &'static str, id: &'static str, rows: &'static [&'static str]) -> Entry {
    Entry { block, id, standing: Standing::As(rows) }
}

const fn not_here(block: &'static str, id: &'static str, why: &'static str) -> Entry {
    Entry { block, id, standing: Standing::NotHere(why) }
}

const fn left_out(block: &'static str, id: &'static str, why: &'static str) -> Entry {
    Entry { block, id, standing: Standing::LeftOut(why) }
}

/// All that are known, by block.
pub const CATALOGUE: &[Entry] = &[
    built(HEADER, "hdr-missing"),
    built(HEADER, "hdr-empty"),
    built(HEADER, "hdr-scheme-only"),
    built(HEADER, "hdr-scheme-space"),
    built(HEADER, "hdr-no-scheme"),
    built(HEADER, "hdr-wrong-scheme"),
    built(HEADER, "hdr-lowercase-scheme"),
    built(HEADER, "hdr-double-space"),
    built(HEADER, "hdr-tab-sep"),
    built(HEADER, "hdr-double-bearer"),
    built(HEADER, "hdr-quoted"),
    built(HEADER, "hdr-trailing-ws"),
    built(HEADER, "hdr-inner-newline"),
    built(HEADER, "hdr-nul-ctl"),
    built(HEADER, "hdr-nonascii"),
    built(HEADER, "hdr-comma-list"),
    built(HEADER, "hdr-duplicate-good-bad"),
    built(HEADER, "hdr-duplicate-bad-good"),
    left_out(HEADER, "hdr-two-principals", "it takes two identities in one request"),
    left_out(HEADER, "hdr-two-schemes", "it takes credentials of two schemes in one request"),
    also(HEADER, "hdr-alt-name", &["hdr-alt-name", "hdr-alt-authorization", "hdr-alt-proxy"]),
    built(HEADER, "hdr-underscore-name"),
    built(HEADER, "hdr-oversize"),
    not_here(HEADER, "hdr-h2-uppercase", "the raw way speaks HTTP/1.1 alone"),
    built(HEADER, "loc-query"),
    left_out(HEADER, "loc-form", "a request with a body of its own has no room for it"),
    built(HEADER, "loc-cookie"),
    built(HEADER, "loc-multi"),
    left_out(HEADER, "loc-multi-diff", "it takes two identities in one request"),
    left_out(HEADER, "hop-by-hop-strip", "it takes a gateway to mean anything"),
    left_out(HEADER, "te-trailer-auth", "trailers are not written"),
    not_here(HEADER, "userinfo-url", "a URL with a user name in it is a fault of the suite"),
    built(TOKEN, "tok-garbage"),
    also(CLAIMS, "claim-exp-past", &["token-expired"]),
    also(ACCESS, "az-path-dslash", &["az-path-dslash"]),
];
