//! Who may do what: challenges, notes, accounts, the admin area.

use serde_json::json;

use super::{Api, Demo, DemoOptions, password};

const BEARER: &str = "Bearer realm=\"authspec demo\"";

#[tokio::test]
async fn every_bad_credential_gets_its_own_challenge() {
    let api = Api::shared();
    let token = api.token("alice").await;
    let (lower, spaces, upper) = (format!("bearer {token}"), format!("Bearer  {token}"), format!("BEARER {token} "));
    for good in [&lower, &spaces, &upper] {
        api.ask("GET /me", &[("authorization", good)]).await.is(200);
    }
    for none in ["", "Bearer", "Bearer ", "Basic YWxpY2U6eA==", &format!("Token {token}"), "Foo"] {
        let got = api.ask("GET /me", &[("authorization", none)]).await.refused(401, "unauthorized");
        assert_eq!(got.challenge(), BEARER, "{none}");
    }
    let bad = |why: &str| format!("{BEARER}, error=\"invalid_token\", error_description=\"{why}\"");
    for (value, why) in [
        (token.clone(), "the word Bearer is missing before the token"),
        (format!("Bearer\t{token}"), "the word Bearer is missing before the token"),
        (format!("Bearer Bearer {token}"), "the token is malformed"),
        (format!("Bearer \"{token}\""), "the token is malformed"),
        (format!("Bearer {token}, Bearer x"), "the token is malformed"),
        ("Bearer undefined".to_owned(), "the token is malformed"),
        (format!("Bearer {token}é"), "the token is malformed"),
    ] {
        let got = api.ask("GET /me", &[("authorization", &value)]).await.refused(401, "invalid_token");
        assert_eq!(got.challenge(), bad(why), "{value}");
    }
}

#[tokio::test]
async fn two_credentials_are_a_contradiction() {
    let api = Api::shared();
    let (alice, root) = (api.token("alice").await, api.token("root").await);
    let (alice, root) = (format!("Bearer {alice}"), format!("Bearer {root}"));
    for (first, second) in [(&alice, "Bearer bad"), (&alice, root.as_str()), (&root, alice.as_str())] {
        let headers = [("authorization", first.as_str()), ("authorization", second)];
        let got = api.ask("GET /me", &headers).await.refused(400, "invalid_request");
        assert!(got.challenge().contains("error=\"invalid_request\""));
    }
    let query = format!("GET /me?access_token={}", &root[7..]);
    api.ask(&query, &[("authorization", &alice)]).await.refused(400, "invalid_request");
    let got = api.ask(&query, &[]).await.refused(401, "unauthorized");
    assert_eq!(got.challenge(), BEARER);
}

#[tokio::test]
async fn a_note_is_hidden_from_all_but_its_owner_and_admins() {
    let api = Api::shared();
    let [alice, bob, dora, root] = tokens(&api).await;
    let draft = json!({ "title": "Diary", "text": "dear diary" });
    api.json("POST /notes", "", draft.clone()).await.refused(401, "unauthorized");
    let made = api.json("POST /notes", &alice, draft).await.is(201);
    let path = made.header("location");
    assert_eq!(path, format!("/notes/{}", made.text("/id")));
    assert_eq!(api.with(&alice, &format!("GET {path}")).await.is(200).body, made.body);
    assert_eq!(api.with(&root, &format!("GET {path}")).await.is(200).body, made.body);

    let missing = api.with(&bob, "GET /notes/note-0").await.refused(404, "not_found");
    let change = json!({ "title": "Mine", "text": "now" });
    for token in [&bob, &dora] {
        for method in ["GET", "DELETE"] {
            let hidden = api.with(token, &format!("{method} {path}")).await.refused(404, "not_found");
            assert_eq!(hidden.body, missing.body);
        }
        let hidden = api.json(&format!("PUT {path}"), token, change.clone()).await.refused(404, "not_found");
        assert_eq!(hidden.body, missing.body);
    }
    api.json(&format!("PUT {path}"), &root, change.clone()).await.refused(403, "forbidden");
    let changed = api.json(&format!("PUT {path}"), &alice, change).await.is(200);
    assert_eq!((changed.text("/title"), changed.text("/owner")), ("Mine".into(), "alice".into()));
    api.with(&root, &format!("DELETE {path}")).await.is(204);
    api.with(&alice, &format!("GET {path}")).await.refused(404, "not_found");
}

#[tokio::test]
async fn lists_of_notes_hold_what_the_caller_may_see() {
    let api = Api::shared();
    let [alice, bob, ..] = tokens(&api).await;
    let mine = api.with(&alice, "GET /notes").await.is(200).json();
    let mine = mine.as_array().unwrap();
    assert_eq!(mine[0]["id"], "note-alice-1");
    assert!(mine.iter().all(|note| note["owner"] == "alice"));
    assert_eq!(api.with(&alice, "GET /notes?limit=0").await.json(), json!([]));
    api.with(&alice, "GET /notes?limit=x").await.refused(400, "invalid_request");

    let shared = json!({ "title": "Open", "text": "for all", "shared": true });
    let made = api.json("POST /notes", &alice, shared).await.is(201);
    let path = made.header("location");
    let all = api.with(&bob, "GET /notes/shared").await.is(200).json();
    assert!(all.as_array().unwrap().iter().any(|n| n["id"] == made.json()["id"]), "{all}");
    api.with(&bob, &format!("GET {path}")).await.is(200);
    api.with(&bob, &format!("DELETE {path}")).await.refused(403, "forbidden");
    api.json(&format!("PUT {path}"), &alice, json!({ "title": "Shut", "text": "" })).await.is(200);
    api.with(&bob, &format!("GET {path}")).await.refused(404, "not_found");
    api.ask("GET /notes/shared", &[]).await.refused(401, "unauthorized");
    api.json("POST /notes", &alice, json!({ "title": "", "text": "" })).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn money_moves_by_its_owner_only() {
    let demo = Demo::start(DemoOptions::default()).unwrap();
    let api = Api::of(&demo);
    let [alice, bob, dora, root] = tokens(&api).await;
    let own = api.with(&alice, "GET /accounts").await.is(200).json();
    assert_eq!(own, json!([{ "id": "acc-alice-1", "owner": "alice", "balance": 1000 }]));
    assert_eq!(api.with(&dora, "GET /accounts").await.is(200).json(), json!([]));
    for token in [&alice, &dora, &root] {
        api.with(token, "GET /accounts/acc-alice-1").await.is(200);
    }
    let hidden = api.with(&bob, "GET /accounts/acc-alice-1").await.refused(404, "not_found");
    assert_eq!(hidden.body, api.with(&bob, "GET /accounts/none").await.is(404).body);

    let transfer = |amount: i64, to: &str| json!({ "to": to, "amount": amount });
    let path = "POST /accounts/acc-alice-1/transfer";
    for token in [&dora, &root] {
        api.json(path, token, transfer(1, "acc-bob-1")).await.refused(403, "forbidden");
    }
    api.json(path, &bob, transfer(1, "acc-bob-1")).await.refused(404, "not_found");
    for (amount, to) in [(0, "acc-bob-1"), (-5, "acc-bob-1"), (1, "acc-alice-1"), (1, "acc-none")] {
        api.json(path, &alice, transfer(amount, to)).await.refused(400, "invalid_request");
    }
    api.json(path, &alice, transfer(1001, "acc-bob-1")).await.refused(409, "insufficient_funds");
    let done = api.json(path, &alice, transfer(400, "acc-bob-1")).await.is(201).json();
    assert_eq!(done["balance"], 600);
    assert_eq!(api.with(&bob, "GET /accounts/acc-bob-1").await.json()["balance"], 900);
}

#[tokio::test]
async fn the_admin_area_names_the_missing_role() {
    let api = Api::shared();
    let [alice, _, dora, root] = tokens(&api).await;
    let scope = |role: &str| {
        format!(
            "{BEARER}, error=\"insufficient_scope\", error_description=\"this needs the role {role}\", scope=\"{role}\""
        )
    };
    api.ask("GET /admin/users", &[]).await.refused(401, "unauthorized");
    for path in ["GET /admin/users", "GET /admin/users/bob", "GET /admin/users/none"] {
        let got = api.with(&alice, path).await.refused(403, "insufficient_scope");
        assert_eq!(got.challenge(), scope("auditor"));
    }
    for token in [&dora, &root] {
        let users = api.with(token, "GET /admin/users").await.is(200).json();
        assert_eq!(users[0]["username"], "alice");
        api.with(token, "GET /admin/users/none").await.refused(404, "not_found");
    }
    assert!(!api.with(&root, "GET /admin/users").await.body.contains("argon2"));
    for action in ["disable", "enable", "unlock", "roles"] {
        for token in [&alice, &dora] {
            let got = api.with(token, &format!("POST /admin/users/bob/{action}")).await;
            assert_eq!(got.refused(403, "insufficient_scope").challenge(), scope("admin"));
        }
    }
}

#[tokio::test]
async fn what_an_admin_does_counts_at_once() {
    let demo = Demo::start(DemoOptions::default()).unwrap();
    let api = Api::of(&demo);
    let [alice, bob, _, root] = tokens(&api).await;
    let roles = |roles: serde_json::Value| json!({ "roles": roles });
    let path = "POST /admin/users/alice/roles";
    api.json(path, &root, roles(json!(["user", "king"]))).await.refused(400, "invalid_request");
    api.json(path, &root, roles(json!(["user", "auditor"]))).await.is(200);
    api.with(&alice, "GET /admin/users").await.is(200);
    api.json(path, &root, roles(json!(["user"]))).await.is(200);
    api.with(&alice, "GET /admin/users").await.is(403);

    assert_eq!(api.with(&root, "POST /admin/users/bob/disable").await.is(200).json()["disabled"], true);
    let dead = api.with(&bob, "GET /me").await.refused(401, "invalid_token");
    assert!(dead.challenge().contains("the account was disabled"));
    api.login("bob", password("bob")).await.refused(401, "invalid_credentials");
    api.with(&root, "POST /admin/users/bob/enable").await.is(200);
    api.with(&bob, "GET /me").await.is(401);
    api.token("bob").await;
    api.with(&root, "POST /admin/users/root/disable").await.refused(409, "yourself");
    api.json("POST /admin/users/root/roles", &root, roles(json!([]))).await.refused(409, "yourself");
    api.with(&root, "POST /admin/users/none/disable").await.refused(404, "not_found");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let demo = Demo::start(DemoOptions::default()).unwrap();
    let api = Api::of(&demo);
    let (here, there) = (api.token("alice").await, api.token("alice").await);
    let change = |old: &str, new: &str| json!({ "old": old, "new": new });
    let path = "PUT /me/password";
    api.json(path, &here, change("wrong", "a better one")).await.refused(403, "wrong_password");
    api.json(path, &here, change(password("alice"), "short")).await.refused(400, "invalid_request");
    api.json(path, &here, change(password("alice"), "a better one")).await.is(204);
    api.with(&here, "GET /me").await.is(200);
    let dead = api.with(&there, "GET /me").await.refused(401, "invalid_token");
    assert!(dead.challenge().contains("the password was changed"));
    api.login("alice", password("alice")).await.is(401);
    api.login("alice", "a better one").await.is(200);
    api.with(&here, "DELETE /me/sessions").await.is(204);
    api.with(&here, "GET /me").await.is(401);
}

#[tokio::test]
async fn a_token_is_welcome_where_none_is_needed() {
    let api = Api::shared();
    assert_eq!(api.ask("GET /greeting", &[]).await.is(200).json()["hello"], "stranger");
    let token = api.token("alice").await;
    assert_eq!(api.with(&token, "GET /greeting").await.is(200).json()["hello"], "alice");
    api.with("bad", "GET /greeting").await.refused(401, "invalid_token");
}

async fn tokens(api: &Api) -> [String; 4] {
    let (alice, bob) = tokio::join!(api.token("alice"), api.token("bob"));
    let (dora, root) = tokio::join!(api.token("dora"), api.token("root"));
    [alice, bob, dora, root]
}
