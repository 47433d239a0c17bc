//! Starting and stopping a demo: one thread with a runtime of its own, so that it disturbs its caller little.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::JoinHandle;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::routes;
use super::state::State;
use super::tls::{Identity, Peer};
use super::token::Rsa;
use super::weakness::{Weak, Weakness};

/// How many passwords are hashed at once.
const HASHERS: usize = 2;

/// How a demo is started; the default is http on a free port, without any weakness.
#[derive(Debug, Default)]
pub struct DemoOptions {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Whether to serve https, with a certificate signed by an authority made for this demo.
    pub tls: bool,
    /// The RSA key that signs tokens, PEM; without it one is made for this demo alone.
    pub signing_key: Option<String>,
    /// The deliberate defects of this demo.
    pub weak: Vec<&'static Weakness>,
}

/// Why a demo could not be started.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The port is taken or may not be used.
    #[error("the demo cannot listen on 127.0.0.1:{port}: {cause}; choose another port, or 0 for a free one")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The system gives no thread or runtime.
    #[error("the demo cannot start its server thread: {0}")]
    Thread(std::io::Error),
    /// What was given to sign tokens with cannot sign them.
    #[error("the demo cannot sign with this key: it needs a private RSA key of at least 2048 bits in PEM")]
    SigningKey,
    /// No certificate could be made.
    #[error("the demo cannot make its certificate: {0}")]
    Certificate(Box<dyn std::error::Error + Send + Sync>),
}

/// A running demo API; dropping it stops the server and forgets its state.
#[derive(Debug)]
pub struct Demo {
    url: String,
    ca_pem: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Demo {
    /// Starts a demo on 127.0.0.1; when this returns, it accepts connections.
    pub fn start(options: DemoOptions) -> Result<Self, DemoError> {
        let port = options.port;
        let listen = |cause| DemoError::Listen { port, cause };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;

        let key = options.signing_key.map(|pem| Rsa::of_pem(&pem).ok_or(DemoError::SigningKey)).transpose()?;
        let identity = if options.tls { Some(Identity::generate().map_err(DemoError::Certificate)?) } else { None };
        let url = url_of(address, identity.as_ref());
        let ca_pem = identity.as_ref().map(|i| i.ca_pem.clone());
        let routes = routes::all(State::new(url.clone(), key, Weak::new(options.weak)));

        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(HASHERS)
            .thread_name("demo-hash")
            .build()
            .map_err(DemoError::Thread)?;
        let (stop, stopped) = oneshot::channel();
        let work = move || run(runtime, listener, identity, routes, stopped);
        let thread = std::thread::Builder::new().name("demo".to_owned()).spawn(work).map_err(DemoError::Thread)?;
        Ok(Self { url, ca_pem, stop: Some(stop), thread: Some(thread) })
    }

    /// Tells whether a demo can sign its tokens with that PEM text.
    pub fn can_sign_with(pem: &str) -> bool {
        Rsa::of_pem(pem).is_some()
    }

    /// The demo's URL without a slash at the end: `http://127.0.0.1:49321`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate of the demo's authority in PEM, if it serves https.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn url_of(address: SocketAddr, identity: Option<&Identity>) -> String {
    let scheme = if identity.is_some() { "https" } else { "http" };
    format!("{scheme}://{address}")
}

/// Serves until told to stop; connections that are still open are cut.
fn run(
    runtime: Runtime,
    listener: TcpListener,
    identity: Option<Identity>,
    routes: Router,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        tokio::select! {
            _ = stopped => {}
            () = serve(listener, identity, routes) => {}
        }
    });
    runtime.shutdown_background();
}

async fn serve(listener: TcpListener, identity: Option<Identity>, routes: Router) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    // Both futures run for ever: `axum::serve` handles the errors of single connections itself.
    let _ = if let Some(identity) = identity {
        axum::serve(identity.listen(listener), routes.into_make_service_with_connect_info::<Peer>()).await
    } else {
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, routes).await
    };
}
