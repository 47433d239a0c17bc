//! What `demo` takes.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::demo::{WEAKNESSES, Weakness};
use crate::term::did_you_mean;

/// Arguments of `demo`.
#[derive(Debug, ClapArgs)]
pub struct DemoArgs {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8787)]
    pub port: u16,

    /// Serve https with a certificate of its own.
    #[arg(long)]
    pub tls: bool,

    /// Write the certificate of its authority, PEM, for `tls: { ca: … }`.
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub ca_out: Option<PathBuf>,

    /// Write the certificates of its clients with their keys into this folder, PEM and PKCS#12: `gate-7.pem`, `gate-7.key` …
    #[arg(long, value_name = "FOLDER", requires = "tls")]
    pub client_certs: Option<PathBuf>,

    /// Sign its tokens with the RSA key of this file, PEM, that a suite can hold too.
    #[arg(long, value_name = "FILE")]
    pub signing_key: Option<PathBuf>,

    /// Start it with a deliberate defect; `authspec list weaknesses` names them.
    #[arg(long, value_name = "NAME", value_parser = weakness, value_delimiter = ',')]
    pub weak: Vec<&'static Weakness>,
}

fn weakness(name: &str) -> Result<&'static Weakness, String> {
    let found = WEAKNESSES.iter().find(|w| w.id == name);
    found.ok_or_else(|| match did_you_mean(name, WEAKNESSES.iter().map(|w| w.id)) {
        Some(near) => format!("no weakness of the demo; did you mean `{near}`?"),
        None => "no weakness of the demo; `authspec list weaknesses` names them".to_owned(),
    })
}
