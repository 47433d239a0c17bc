//! TLS against real handshakes: who is trusted, who is refused, and why.

use std::time::Instant;

use rcgen::{BasicConstraints, CertificateParams, CertifiedKey, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::super::jar::Jar;
use super::super::{Follow, Journey, TlsEnd, TlsSettings, Undressed, Verify};
use super::*;

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let (pem, certificate) = (certificate.pem(), certificate.der().clone());
        Self { issuer: Issuer::new(params, key), certificate, pem }
    }

    fn sign(&self, names: &[&str], change: impl Fn(&mut CertificateParams)) -> CertifiedKey<KeyPair> {
        let signing_key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        CertifiedKey { cert: params.signed_by(&signing_key, &self.issuer).unwrap(), signing_key }
    }

    fn server(&self, names: &[&str]) -> Server {
        serve(config(&self.sign(names, |_| ())))
    }

    fn trusted(&self) -> TlsSettings {
        TlsSettings { ca: Some(self.pem.clone().into()), ..TlsSettings::default() }
    }
}

fn builder() -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap()
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::try_from(key.serialize_der()).unwrap()
}

fn config(own: &CertifiedKey<KeyPair>) -> ServerConfig {
    let chain = vec![own.cert.der().clone()];
    builder().with_no_client_auth().with_single_cert(chain, private(&own.signing_key)).unwrap()
}

/// Answers every request with the name of the client's certificate, if it showed one.
fn serve(config: ServerConfig) -> Server {
    let config = Arc::new(config);
    Server::new(move |talk, _| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut tls = StreamOwned::new(connection, talk.stream.try_clone().unwrap());
        while let Some(request) = read_request(&mut tls) {
            talk.heard.lock().unwrap().requests.push(request);
            let shown = tls.conn.peer_certificates().map_or(0, <[_]>::len);
            let _ = tls.write_all(&ok(&format!("{shown} certificates")));
        }
        // Unread bytes would reset the connection and with it the alert that is on its way.
        talk.half_close();
        let mut sink = [0; 1024];
        while talk.stream.read(&mut sink).is_ok_and(|n| n > 0) {}
    })
}

fn url(server: &Server, host: &str, target: &str) -> String {
    format!("https://{host}:{}{target}", server.port)
}

/// Asks through both doors, which must agree.
async fn ask(server: &Server, host: &str, tls: TlsSettings) -> Result<String, HttpError> {
    let transport = Transport::new(Settings { tls, ..settings() });
    let mut results = Vec::new();
    for target in ["/", "/./"] {
        let secret = with(request("GET", &url(server, host, target)), &[("X", "s3cret")], "");
        let response = transport.send(secret, SOON).await.response;
        results.push(response.map(|r| r.text().into_owned()));
    }
    assert_eq!(results[0], results[1]);
    results.remove(0)
}

fn why(result: Result<String, HttpError>) -> String {
    match result {
        Err(HttpError::Tls { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_authority_that_is_named_is_trusted() {
    let authority = Authority::new("ours");
    let server = authority.server(&["127.0.0.1", "localhost"]);
    assert_eq!(ask(&server, "127.0.0.1", authority.trusted()).await.unwrap(), "0 certificates");
    assert_eq!(ask(&server, "localhost", authority.trusted()).await.unwrap(), "0 certificates");
    let heard = server.requests();
    let port = server.port;
    assert!(heard[0].ends_with(&format!("accept: */*\r\nx: s3cret\r\nhost: 127.0.0.1:{port}\r\n\r\n")), "{}", heard[0]);
}

#[tokio::test]
async fn strangers_are_refused() {
    let authority = Authority::new("ours");
    let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let itself = serve(config(&own));
    let refused = why(ask(&itself, "127.0.0.1", TlsSettings::default()).await);
    assert_eq!(refused, "no trusted authority has signed the certificate");
    assert_eq!(why(ask(&itself, "127.0.0.1", authority.trusted()).await), refused);
    let signed = authority.server(&["127.0.0.1"]);
    assert_eq!(why(ask(&signed, "127.0.0.1", TlsSettings::default()).await), refused);
    assert_eq!(why(ask(&signed, "127.0.0.1", Authority::new("theirs").trusted()).await), refused);
    let renewed = why(ask(&signed, "127.0.0.1", Authority::new("ours").trusted()).await);
    assert!(renewed.ends_with("but with another key"), "{renewed}");
    let help = HttpError::Tls { why: refused, by: TlsEnd::Own }.help();
    assert!(help[0].contains("`tls: { ca: path }`"), "{help:?}");
    assert_eq!(itself.requests().len() + signed.requests().len(), 0, "nothing was sent");
}

#[tokio::test]
async fn other_names_and_times_are_refused() {
    let authority = Authority::new("ours");
    let server = authority.server(&["localhost"]);
    assert_eq!(why(ask(&server, "127.0.0.1", authority.trusted()).await), "the certificate is not for `127.0.0.1`");
    let server = authority.server(&["example.com", "127.0.0.1"]);
    assert_eq!(why(ask(&server, "localhost", authority.trusted()).await), "the certificate is not for `localhost`");
    let old = authority.sign(&["127.0.0.1"], |p| p.not_after = rcgen::date_time_ymd(2020, 1, 1));
    assert_eq!(why(ask(&serve(config(&old)), "127.0.0.1", authority.trusted()).await), "the certificate has expired");
    let early = authority.sign(&["127.0.0.1"], |p| p.not_before = rcgen::date_time_ymd(2999, 1, 1));
    let refused = why(ask(&serve(config(&early)), "127.0.0.1", authority.trusted()).await);
    assert_eq!(refused, "the certificate is not valid yet");
}

#[tokio::test]
async fn without_verification_all_are_accepted() {
    let authority = Authority::new("ours");
    let old = authority.sign(&["example.com"], |p| p.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let own = rcgen::generate_simple_self_signed(vec!["example.com".to_owned()]).unwrap();
    for own in [old, own] {
        let off = TlsSettings { verify: Verify::Off, ..TlsSettings::default() };
        assert!(ask(&serve(config(&own)), "127.0.0.1", off).await.is_ok());
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_only_by_its_own_transport() {
    let authority = Authority::new("ours");
    let own = authority.sign(&["127.0.0.1"], |_| ());
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.clone()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let chain = vec![own.cert.der().clone()];
    let mutual =
        builder().with_client_cert_verifier(verifier).with_single_cert(chain, private(&own.signing_key)).unwrap();
    let server = serve(mutual);
    let client = authority.sign(&["alice"], |_| ());
    let shows = TlsSettings {
        cert: Some(client.cert.pem().into()),
        key: Some(client.signing_key.serialize_pem().into()),
        ..authority.trusted()
    };
    assert_eq!(ask(&server, "127.0.0.1", shows.clone()).await.unwrap(), "1 certificates");
    // Whoever asks for none is shown none, through either door.
    let careless = authority.server(&["127.0.0.1"]);
    for (server, asked) in [(&server, true), (&careless, false)] {
        for target in ["/", "/./"] {
            let transport = Transport::new(Settings { tls: shows.clone(), ..settings() });
            let request = request("GET", &url(server, "127.0.0.1", target));
            assert!(transport.send(request, SOON).await.response.is_ok());
            assert_eq!(transport.was_asked_for_certificate(), asked, "{target}");
        }
    }
    let refused = ask(&server, "127.0.0.1", authority.trusted()).await.unwrap_err();
    assert_eq!(refused.to_string(), "TLS failed: the server asks for a client certificate");
    assert!(refused.help()[0].contains("`tls: { cert: path, key: path }`"));
    let stranger = Authority::new("theirs").sign(&["mallory"], |_| ());
    let false_one = TlsSettings {
        cert: Some(stranger.cert.pem().into()),
        key: Some(stranger.signing_key.serialize_pem().into()),
        ..authority.trusted()
    };
    assert!(why(ask(&server, "127.0.0.1", false_one).await).starts_with("the server refuses the handshake"));
}

#[tokio::test]
async fn settings_that_cannot_be_used_say_which() {
    let authority = Authority::new("ours");
    let client = authority.sign(&["alice"], |_| ());
    let other = KeyPair::generate().unwrap().serialize_pem();
    let check = |tls: TlsSettings| Transport::new(Settings { tls, ..settings() }).check().unwrap_err();
    let pem = |text: &str| Some(text.as_bytes().to_vec());
    let none = TlsSettings::default;
    assert_eq!(check(TlsSettings { ca: pem("s3cret"), ..none() }), "`ca` holds no certificate in PEM form");
    let cert = pem(&client.cert.pem());
    let said = check(TlsSettings { cert: cert.clone(), key: pem("s3cret"), ..none() });
    assert_eq!(said, "`key` holds no private key in PEM form");
    let said = check(TlsSettings { cert: cert.clone(), key: cert.clone(), ..none() });
    assert_eq!(said, "`cert` holds no private key, and no other file is named as `key`");
    let locked = pem("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let said = check(TlsSettings { cert: cert.clone(), key: locked, ..none() });
    assert_eq!(said, "the private key is encrypted; it is needed in the clear");
    let said = check(TlsSettings { cert, key: pem(&other), ..none() });
    assert_eq!(said, "`key` is not the key of the certificate in `cert`");
    assert_eq!(Transport::new(settings()).check(), Ok(()));
}

#[tokio::test]
async fn ports_that_speak_something_else_are_told() {
    let plain = Server::new(|t, _| {
        let mut some = [0; 64];
        let _ = t.stream.read(&mut some);
        t.say("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let told = why(ask(&plain, "127.0.0.1", TlsSettings::default()).await);
    assert_eq!(told, "the server does not speak TLS on this port");
    let closing = Server::new(|_, _| ());
    assert_eq!(ask(&closing, "127.0.0.1", TlsSettings::default()).await.unwrap_err(), HttpError::Closed);
    let authority = Authority::new("ours");
    let secure = authority.server(&["127.0.0.1"]);
    let error = get(&format!("http://127.0.0.1:{}/", secure.port)).await.unwrap_err();
    assert!(matches!(error, HttpError::BadAnswer { .. } | HttpError::Closed), "{error:?}");
}

#[tokio::test]
async fn http_2_is_spoken_where_it_is_offered() {
    let authority = Authority::new("ours");
    let mut offers = config(&authority.sign(&["127.0.0.1"], |_| ()));
    offers.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(offers));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let answer = hyper::service::service_fn(|request: http::Request<hyper::body::Incoming>| async move {
                let mut names: Vec<&str> = request.headers().keys().map(http::HeaderName::as_str).collect();
                names.sort_unstable();
                let text = format!("{} {} {}", request.method(), request.uri(), names.join(","));
                Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Full::new(Bytes::from(text))))
            });
            let executor = hyper_util::rt::TokioExecutor::new();
            let io = hyper_util::rt::TokioIo::new(stream);
            tokio::spawn(hyper::server::conn::http2::Builder::new(executor).serve_connection(io, answer));
        }
    });
    let transport = Transport::new(Settings { tls: authority.trusted(), ..settings() });
    let url = format!("https://127.0.0.1:{port}/path?q");
    for method in ["GET", "GET", "POST", "POST"] {
        let sent = with(request(method, &url), &[("X-Mine", "1"), ("Connection", "close")], "");
        let exchange = transport.send(sent, SOON).await;
        let response = exchange.response.unwrap();
        assert_eq!((response.status, response.version), (200, "HTTP/2"));
        // HTTP/2 drops `connection` and then no longer keeps the order.
        let mut recorded: Vec<&str> = exchange.request.headers.iter().map(|(n, _)| n).collect();
        recorded.sort_unstable();
        let expected = format!("{method} {url} {}", recorded.join(","));
        assert_eq!(response.text(), expected, "the record holds what was heard");
    }
    assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 1, "all share one connection");
}

#[tokio::test]
async fn plain_http_never_loads_authorities() {
    let server = Server::script([ok("")]);
    let transport = transport();
    for target in ["/", "/./"] {
        let clock = Instant::now();
        transport.send(request("GET", &server.url(target)), SOON).await.response.unwrap();
        assert!(clock.elapsed() < Duration::from_millis(250), "{:?}", clock.elapsed());
    }
    transport.send(request("POST", &server.url("/")), SOON).await.response.unwrap();
    assert!(!transport.has_loaded_tls());
}

#[tokio::test]
async fn leaving_tls_is_told_and_takes_nothing_along() {
    let plain = Server::script([ok("")]);
    let authority = Authority::new("ours");
    let own = Arc::new(config(&authority.sign(&["127.0.0.1"], |_| ())));
    let to = plain.url("/plain");
    let secure = Server::new(move |talk, _| {
        let mut tls =
            StreamOwned::new(ServerConnection::new(Arc::clone(&own)).unwrap(), talk.stream.try_clone().unwrap());
        read_request(&mut tls);
        let answer =
            format!("HTTP/1.1 302 X\r\nset-cookie: sid=s3cret; Secure\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
        let _ = tls.write_all(answer.as_bytes());
    });
    let transport = Transport::new(Settings { tls: authority.trusted(), ..settings() });
    let mut jar = Jar::new();
    let journey = Journey {
        transport: &transport,
        elsewhere: None,
        jar: &mut jar,
        cookies: Vec::new(),
        follow: Follow::Yes,
        timeout: SOON,
        gate: None,
    };
    let sent = with(request("GET", &url(&secure, "127.0.0.1", "/")), &[("Authorization", "Bearer s3cret")], "");
    let trail = journey.go(sent, &mut Undressed).await;
    assert_eq!((trail.error.clone(), trail.hops.len()), (None, 2));
    assert!(!plain.requests()[0].contains("s3cret"), "{}", plain.requests()[0]);
    assert!(trail.notes.iter().any(|n| n.contains("leaves TLS")), "{:?}", trail.notes);
}
