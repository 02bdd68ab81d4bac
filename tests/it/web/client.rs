//! A program that calls `/api/v1` with a token; every answer is held to its description.

use axum::body::Body;
use http::StatusCode;
use serde_json::{Value, json};
use tongluo::domain::access::Role;
use tongluo::domain::scope::Scopes;
use tongluo::engine::issue::Actor;
use tower::ServiceExt;

use super::Faces;
use super::schema::conforms;
use crate::town::Town;

/// A program with its token.
pub struct Client<'a> {
    pub faces: &'a Faces,
    pub token: String,
}

impl Client<'_> {
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let text = body.map_or_else(String::new, Value::to_string);
        let request = http::Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(Body::from(text))
            .unwrap();
        let answer = self.faces.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let kind = parts.headers["content-type"].to_str().unwrap().to_owned();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let json: Value = serde_json::from_slice(&body).unwrap();
        match parts.status.is_success() {
            true => {
                assert_eq!(kind, "application/json", "{method} {path}");
                conforms(method, path, &json);
            }
            false => {
                assert_eq!(kind, "application/problem+json", "{method} {path}");
                assert_eq!(json["status"], parts.status.as_u16(), "{json}");
                assert!(!json["detail"].as_str().unwrap().is_empty(), "{json}");
            }
        }
        (parts.status, json)
    }

    pub async fn gets(&self, path: &str) -> Value {
        let (status, json) = self.call("GET", path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {json}");
        json
    }

    pub async fn posts(&self, path: &str, body: &Value) -> Value {
        let (status, json) = self.call("POST", path, Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{path}: {json}");
        json
    }

    /// Signs what it reads now.
    pub async fn signs(&self, path: &str) -> Value {
        let read = self.gets(path).await;
        let waits = if read["next"].is_null() { &read["seen"] } else { &read["next"]["seen"] };
        self.posts(&format!("{path}/approve"), &json!({"seen": waits})).await
    }

    pub async fn is_refused(&self, method: &str, path: &str, body: &Value, with: u16, says: &str) {
        let (status, json) = self.call(method, path, Some(body)).await;
        assert_eq!(status.as_u16(), with, "{method} {path}: {json}");
        assert!(json["detail"].as_str().unwrap().contains(says), "{method} {path}: {json}");
    }
}

/// A program of an account's, whose token has these scopes; 5 is the administrator.
pub async fn client<'a>(town: &Town, faces: &'a Faces, account: i64, scopes: &str) -> Client<'a> {
    let boss = Actor { account_id: 5, name: "赵管理".into(), rights: vec![(Role::Admin, 1)] };
    let scopes = Scopes::parse(scopes).unwrap();
    let made = town.engine.add_token(&boss, account, "接口", scopes, 30).await;
    Client { faces, token: made.unwrap() }
}
