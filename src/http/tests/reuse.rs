//! Connections that are kept: a server that closes one costs no case, and nothing that matters is
//! sent twice.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Answers every request of a connection after `rounds` of them by closing without a word, having
/// read the request: nobody can tell whether it was handled.
fn closes_after(rounds: usize) -> Server {
    Server::new(move |talk, _| {
        for _ in 0..rounds {
            if talk.hear().is_none() {
                return;
            }
            talk.say(ok("fine"));
        }
        talk.hear();
    })
}

#[tokio::test]
async fn connections_are_kept_and_used_again() {
    let server = Server::script([ok("")]);
    let transport = transport();
    for _ in 0..20 {
        transport.send(request("GET", &server.url("/")), SOON).await.response.unwrap();
    }
    assert_eq!(server.connections(), 1);
    for _ in 0..20 {
        transport.send(with(request("POST", &server.url("/")), &[], "x"), SOON).await.response.unwrap();
    }
    assert_eq!(server.connections(), 1, "an origin that keeps connections is trusted with every method");
}

#[tokio::test]
async fn methods_that_must_not_repeat_wait_for_trust() {
    let server = Server::script([ok("")]);
    let transport = transport();
    for _ in 0..3 {
        transport.send(request("POST", &server.url("/")), SOON).await.response.unwrap();
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn an_idempotent_request_is_sent_once_more_when_its_kept_connection_died() {
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let server = closes_after(1);
        let transport = transport();
        transport.send(request("GET", &server.url("/first")), SOON).await.response.unwrap();
        let again = transport.send(request(method, &server.url("/second")), SOON).await;
        assert_eq!(again.response.map(|r| r.status), Ok(200), "{method}");
        let heard = server.requests();
        let seconds = heard.iter().filter(|r| r.contains(" /second ")).count();
        assert_eq!((heard.len(), seconds), (3, 2), "{method}");
    }
}

#[tokio::test]
async fn it_is_sent_at_most_twice() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let server = Server::new(move |talk, _| {
        while talk.hear().is_some() && counted.fetch_add(1, Ordering::SeqCst) == 0 {
            talk.say(ok(""));
        }
    });
    let transport = transport();
    transport.send(request("GET", &server.url("/")), SOON).await.response.unwrap();
    let error = transport.send(request("GET", &server.url("/")), SOON).await.response.unwrap_err();
    assert_eq!((error, count.load(Ordering::SeqCst)), (HttpError::Closed, 3));
}

#[tokio::test]
async fn other_requests_are_never_sent_twice() {
    // Trust is earned on two answers; then the server breaks it on a POST.
    let server = closes_after(2);
    let transport = transport();
    for _ in 0..2 {
        transport.send(request("GET", &server.url("/get")), SOON).await.response.unwrap();
    }
    for method in ["POST", "PATCH", "PURGE"] {
        let sent = with(request(method, &server.url(&format!("/{method}"))), &[], "x");
        let _ = transport.send(sent, SOON).await;
        let heard = server.requests();
        assert_eq!(heard.iter().filter(|r| r.starts_with(method)).count(), 1, "{method}");
    }
    // The first broke the trust, so the others had a connection of their own and an answer.
    let last = transport.send(request("POST", &server.url("/last")), SOON).await;
    assert_eq!(last.response.map(|r| r.status), Ok(200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_closes_every_idle_connection_costs_nothing() {
    // It promises to keep each connection, then closes it at once.
    let server = Server::new(|talk, _| {
        if talk.hear().is_some() {
            talk.say(ok(""));
        }
    });
    let transport = Arc::new(transport());
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..4 {
        let (transport, url) = (Arc::clone(&transport), server.url("/"));
        tasks.spawn(async move {
            for round in 0..100 {
                let method = if (worker + round) % 2 == 0 { "GET" } else { "POST" };
                let sent = with(request(method, &url), &[("X-Number", &format!("{worker}-{round}."))], "");
                transport.send(sent, SOON).await.response.map_err(|e| format!("{method} {worker}-{round}: {e}"))?;
            }
            Ok::<(), String>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        assert_eq!(done.unwrap(), Ok(()));
    }
    let heard = server.requests();
    let posts: Vec<&String> = heard.iter().filter(|r| r.starts_with("POST")).collect();
    assert_eq!(posts.len(), 200, "every POST was heard exactly once");
}

#[tokio::test]
async fn idle_connections_are_given_up_before_servers_do() {
    let server = Server::script([ok("")]);
    let transport = transport();
    for _ in 0..2 {
        transport.send(request("GET", &server.url("/")), SOON).await.response.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(1700)).await;
    transport.send(request("POST", &server.url("/")), SOON).await.response.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn an_unread_body_does_not_spoil_the_next_answer() {
    let large = format!("HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n{}", "x".repeat(2_000_000));
    let server = Server::script([large.into_bytes(), ok("clean")]);
    let transport = transport();
    assert!(transport.send(request("GET", &server.url("/")), SOON).await.response.is_err());
    let next = transport.send(request("GET", &server.url("/")), SOON).await.response.unwrap();
    assert_eq!(next.body, "clean");
}
