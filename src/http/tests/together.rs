//! Requests that leave together are in flight together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Barrier;

use super::{SOON, request, transport};

/// Answers only when so many requests are there, each on a connection of its own.
async fn patient(number: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (all, connections) = (Arc::new(Barrier::new(number)), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let all = Arc::clone(&all);
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                all.wait().await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            });
        }
    });
    (url, connections)
}

#[tokio::test]
async fn all_are_sent_before_the_first_answer() {
    let (url, connections) = patient(8).await;
    let (transport, gate) = (transport(), Barrier::new(8));
    let sent = (0..8).map(|_| transport.send_at(request("POST", &url), SOON, Some(&gate)));
    let answers = join_all(sent).await;
    assert!(answers.iter().all(|a| a.response.as_ref().is_ok_and(|r| r.status == 204)));
    assert_eq!(connections.load(Ordering::SeqCst), 8);
}

#[tokio::test]
async fn one_that_cannot_connect_keeps_nobody_back() {
    let (url, _) = patient(1).await;
    let (transport, gate) = (transport(), Barrier::new(2));
    let short = Duration::from_secs(5);
    let (good, bad) = tokio::join!(
        transport.send_at(request("GET", &url), short, Some(&gate)),
        transport.send_at(request("GET", "http://127.0.0.1:1/"), short, Some(&gate)),
    );
    assert!(good.response.is_ok() && bad.response.is_err());
}
