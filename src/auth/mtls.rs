//! A client certificate (RFC 8446, section 4.4.2; RFC 8705): who somebody is, is said by the connection.

use super::{AtOnce, Flow, ReadScheme, Scheme, SchemeKind, Seal, diags, fields, troubles};
use crate::files::{OUTSIDE, read_file_or_absolute};
use crate::http::{ClientCertificate, Half, Request, out_of_time};
use crate::source::Span;
use crate::spec::{Fields, Node, Shape, key};
use crate::template::{Scope, Template, TemplateError};

/// The word for it.
pub(super) const NAME: &str = "mtls";

pub(super) const KIND: SchemeKind = SchemeKind {
    name: NAME,
    about: "a client certificate: the connection says who somebody is; each identity has connections of its own",
    keys: &[
        key("cert", "a file with the certificate, those that signed it behind it, PEM").is(Shape::Text),
        key("key", "the file with its private key, PEM; `cert` may hold it too")
            .is(Shape::Text)
            .usually("the key in `cert`"),
        key("pkcs12", "a file with both, PKCS#12 (`.p12`, `.pfx`)").is(Shape::Text),
        key("password", "the password of the PKCS#12 file").is(Shape::Text),
    ],
    needs: &[],
    logs_in: false,
    look: fields::anything,
    example: include_str!("examples/mtls.yaml"),
    troubles: troubles::MTLS,
    read,
};

#[derive(Debug)]
struct Mtls {
    source: Source,
}

/// Where a client certificate comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// Files that were read when the plan was made.
    Pem(ClientCertificate),
    /// A file that needs its password to be opened.
    Pkcs12 { bytes: Vec<u8>, password: Template },
}

fn read(fields: Fields<'_>, node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Box<dyn Scheme>> {
    Some(Box::new(Mtls { source: source(fields, node, cx)? }))
}

/// Reads `cert` and `key`, or `pkcs12` and `password`.
pub(super) fn source(fields: Fields<'_>, node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Source> {
    let source = match (fields.get("cert"), fields.get("pkcs12")) {
        (Some(cert), None) => {
            let pem = file(cert, cx)?;
            let key = match fields.get("key") {
                None => pem.clone(),
                Some(node) => file(node, cx)?,
            };
            let certificate = ClientCertificate { cert: pem, key };
            if let Err((half, why)) = certificate.check() {
                let key = fields.get("key").filter(|_| half == Half::Key);
                cx.compile.reader.fault(diags::certificate(key.map_or(cert.span, |key| key.span), &why));
                return None;
            }
            in_time(cert.span, &certificate, cx);
            Source::Pem(certificate)
        }
        (None, Some(store)) => {
            let bytes = file(store, cx)?;
            if let Some((why, help)) = no_store(&bytes) {
                cx.compile.reader.fault(diags::no_store(store.span, why, help));
                return None;
            }
            let Some(password) = fields.get("password") else {
                cx.compile.reader.fault(diags::certificate(store.span, "a PKCS#12 file has a `password`"));
                return None;
            };
            let place = password.span;
            let password = cx.compile.reader.template(password)?;
            // What needs a secret to be opened is looked into when there is one.
            match password.as_literal().map(|text| open(&bytes, text)) {
                None => {}
                Some(Ok(certificate)) => in_time(store.span, &certificate, cx),
                Some(Err(why)) => {
                    cx.compile.reader.fault(diags::certificate(place, &why));
                    return None;
                }
            }
            Source::Pkcs12 { bytes, password }
        }
        _ => {
            cx.compile.reader.fault(diags::one_certificate(node.span));
            return None;
        }
    };
    let useless = match source {
        Source::Pem(_) => ["pkcs12", "password"],
        Source::Pkcs12 { .. } => ["cert", "key"],
    };
    for entry in fields.iter().filter(|e| useless.contains(&&*e.key)) {
        cx.compile.reader.fault(diags::certificate(entry.key_span, &format!("`{}` has no use here", entry.key)));
    }
    Some(source)
}

impl Source {
    /// The certificate with its key; the error is one sentence.
    pub(super) fn certificate(&self, scope: &Scope) -> Result<ClientCertificate, String> {
        match self {
            Self::Pem(certificate) => Ok(certificate.clone()),
            Self::Pkcs12 { bytes, password } => {
                password.render(scope).map_err(|e| e.message).and_then(|text| open(bytes, &text))
            }
        }
    }
}

/// A certificate that is not valid now is refused by every server that looks; that may be what is tested.
fn in_time(place: Span, certificate: &ClientCertificate, cx: &mut ReadScheme<'_, '_, '_>) {
    if let Some(why) = out_of_time(&certificate.cert, cx.now) {
        cx.compile.reader.fault(diags::out_of_time(place, &why));
    }
}

fn file(node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Vec<u8>> {
    let path = cx.compile.reader.path(node)?;
    if path.value.contains("{{") {
        cx.compile.reader.fault(diags::no_template(path.span));
        return None;
    }
    match read_file_or_absolute(cx.compile.folder, cx.compile.root, &path.value) {
        Ok(bytes) => Some(bytes.to_vec()),
        Err(why) if why == OUTSIDE => {
            cx.compile.reader.fault(crate::step::diags::file_outside(path.span, &path.value));
            None
        }
        Err(why) => {
            cx.compile.reader.fault(crate::step::diags::file(path.span, &path.value, &why));
            None
        }
    }
}

/// Tells why bytes are no PKCS#12 file whatever its password is, and what to do.
fn no_store(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    if bytes.windows(11).any(|part| part == b"-----BEGIN ") {
        return Some((
            "the file is PEM, and no PKCS#12 file",
            "name it by `cert`, and the file with its private key by `key`",
        ));
    }
    // Whatever is DER of several things begins with a sequence (X.690, section 8.9).
    let help = "`openssl pkcs12 -export -in cert.pem -inkey key.pem -out client.p12` makes one";
    (bytes.first() != Some(&0x30)).then_some(("the file is no PKCS#12 file", help))
}

/// Opens a PKCS#12 file (RFC 7292); the error is one sentence.
fn open(bytes: &[u8], password: &str) -> Result<ClientCertificate, String> {
    if fields::is_broken(password) {
        return Err("the password of the PKCS#12 file has a line break in it".to_owned());
    }
    let store = p12_keystore::KeyStore::from_pkcs12(bytes, password, p12_keystore::Pkcs12ImportPolicy::Strict)
        .map_err(|_| "the PKCS#12 file cannot be opened: it has another password, or is none".to_owned())?;
    let (_, chain) = store.private_key_chain().ok_or("the PKCS#12 file holds no private key with a certificate")?;
    let certs: String = chain.certs().iter().map(|c| pem("CERTIFICATE", c.as_der())).collect();
    Ok(ClientCertificate { cert: certs.into_bytes(), key: pem("PRIVATE KEY", chain.key().as_der()).into_bytes() })
}

/// The text form of DER (RFC 7468).
fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line) + "\n");
    format!("-----BEGIN {label}-----\n{}-----END {label}-----\n", lines.collect::<String>())
}

impl Scheme for Mtls {
    fn begin(&self) -> Box<dyn Flow> {
        Box::new(AtOnce)
    }

    fn certificate(&self, scope: &Scope) -> Option<Result<ClientCertificate, String>> {
        Some(self.source.certificate(scope))
    }

    /// The connection carries it.
    fn sign(&self, _: &Seal<'_>, _: &mut Request) -> Result<(), TemplateError> {
        Ok(())
    }

    fn fields(&self) -> Vec<String> {
        Vec::new()
    }
}
