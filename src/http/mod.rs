//! Requests, responses, cookies and the wire.
//!
//! A step's way is a [`Journey`]: it sends a [`Request`] through a [`Transport`], follows redirects
//! where asked, moves cookies in and out of a [`Jar`](jar::Jar), and returns a [`Trail`] of what
//! really happened. Everything here is raw and holds secrets; reports are made from masked records.

mod address;
mod body;
pub mod challenge;
mod error;
mod head;
pub mod jar;
mod landing;
mod limit;
mod message;
mod outgoing;
mod plain;
mod raw;
mod redirect;
mod reuse;
mod tls;
mod transport;

pub use address::{Address, AddressError, percent_decoded};
pub use challenge::is_token;
pub use error::{HttpError, TlsEnd};
pub use jar::is_loopback;
pub use landing::{Carried, End, Ends, Place, Stray};
pub use limit::is_limit;
pub use message::{Awaited, Exchange, FORM, Headers, Request, Response, Trail, is_safe};
pub use redirect::{Dress, Follow, Heard, Journey, MAX_HOPS, Undressed, is_redirect};
pub use tls::{ClientCertificate, Half, TlsSettings, Verify, out_of_time};
pub use transport::{Proxy, Settings, Transport};

#[cfg(test)]
mod tests;
