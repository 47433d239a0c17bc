//! The Digest area, asked by a client that others wrote.

use http_auth::{PasswordClient, PasswordParams};

use super::Api;

async fn challenge(api: &Api, path: &str) -> PasswordClient {
    let got = api.ask(&format!("GET {path}"), &[]).await.refused(401, "unauthorized");
    PasswordClient::try_from(got.challenge().as_str()).unwrap()
}

fn answer(client: &mut PasswordClient, uri: &str, password: &str) -> String {
    let params = PasswordParams { username: "camera", password, uri, method: "GET", body: Some(b"") };
    client.respond(&params).unwrap()
}

#[tokio::test]
async fn a_client_of_others_gets_in_and_a_counter_is_good_once() {
    let api = Api::shared();
    for corner in ["md5", "sha-256", "old"] {
        let path = format!("/digest/{corner}/report?day=1");
        let mut client = challenge(&api, &path).await;
        for _ in 0..2 {
            let good = answer(&mut client, &path, "lens-cap-4");
            let got = api.ask(&format!("GET {path}"), &[("authorization", &good)]).await.is(200);
            assert_eq!(got.text("/device"), "camera");
            assert!(got.header("authentication-info").starts_with("rspauth="));
            if corner != "old" {
                let again = api.ask(&format!("GET {path}"), &[("authorization", &good)]).await;
                assert!(again.refused(401, "stale_nonce").challenge().contains("stale=true"));
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_the_answer_is_refused() {
    let api = Api::shared();
    let path = "/digest/sha-256/report";
    let mut client = challenge(&api, path).await;
    let wrong = answer(&mut client, path, "lens-cap-5");
    let got = api.ask("GET /digest/sha-256/report", &[("authorization", &wrong)]).await;
    assert!(!got.refused(401, "invalid_credentials").challenge().contains("stale"));
    let elsewhere = answer(&mut client, "/digest/sha-256/settings", "lens-cap-4");
    api.ask("GET /digest/sha-256/report", &[("authorization", &elsewhere)]).await.refused(400, "invalid_request");
    api.ask("GET /digest/md5/report", &[("authorization", &elsewhere)]).await.refused(401, "unauthorized");
    let good = answer(&mut client, path, "lens-cap-4").replace("sha-256", "md5");
    api.ask("GET /digest/sha-256/report", &[("authorization", &good)]).await.refused(401, "unauthorized");
    let settings = "/digest/sha-256/settings";
    let mut client = challenge(&api, settings).await;
    let camera = answer(&mut client, settings, "lens-cap-4");
    api.ask("GET /digest/sha-256/settings", &[("authorization", &camera)]).await.refused(403, "forbidden");
    api.ask("GET /digest/none/report", &[]).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_nonce_for_one_use_is_called_stale_at_the_second() {
    let api = Api::shared();
    let path = "/digest/once/report";
    let mut client = challenge(&api, path).await;
    let first = answer(&mut client, path, "lens-cap-4");
    api.ask("GET /digest/once/report", &[("authorization", &first)]).await.is(200);
    let second = answer(&mut client, path, "lens-cap-4");
    let got = api.ask("GET /digest/once/report", &[("authorization", &second)]).await.refused(401, "stale_nonce");
    assert!(got.challenge().contains("stale=true"));
}
