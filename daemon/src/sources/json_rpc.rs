//! JSON-RPC 2.0 in a [`Conversation`]: the client's side.
//!
//! Calls are made one after another. Notifications, answers to other calls and lines that are no JSON are skipped; the
//! program's own requests are refused, because a source serves nothing.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::SourceError;
use super::conversation::Conversation;

/// The code of a refused request.
const METHOD_NOT_FOUND: i64 = -32601;

/// Makes calls in a conversation.
pub(super) struct JsonRpc<'p> {
    conversation: Conversation<'p>,
    calls: u64,
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CallError {
    /// The program answered with an error of this code. Its message may contain anything, so it is dropped.
    Refused { code: i64 },
    /// The result has another shape.
    InvalidResult,
    /// There is no answer.
    Source(SourceError),
}

impl From<SourceError> for CallError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// Any message of the program.
#[derive(Deserialize)]
struct Message {
    id: Option<Value>,
    method: Option<String>,
    result: Option<Box<RawValue>>,
    error: Option<Value>,
}

impl<'p> JsonRpc<'p> {
    /// Makes calls in `conversation`.
    pub(super) fn new(conversation: Conversation<'p>) -> Self {
        Self { conversation, calls: 0 }
    }

    /// Calls a method and waits for its result. The caller bounds the time.
    pub(super) async fn call<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: impl Serialize,
    ) -> Result<T, CallError> {
        self.calls += 1;
        let id = Value::from(self.calls);
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": json!(params)});
        self.conversation.send(&request).await?;
        let answer = self.answer(&id).await?;
        if let Some(error) = answer.error {
            let code = error["code"].as_i64();
            return Err(code.map_or(CallError::InvalidResult, |code| CallError::Refused { code }));
        }
        let result = answer.result.ok_or(CallError::InvalidResult)?;
        serde_json::from_str(result.get()).map_err(|_| CallError::InvalidResult)
    }

    /// Sends a notification, which has no answer.
    pub(super) async fn notify(&mut self, method: &str) -> Result<(), SourceError> {
        self.conversation.send(&json!({"jsonrpc": "2.0", "method": method})).await
    }

    async fn answer(&mut self, id: &Value) -> Result<Message, SourceError> {
        loop {
            let line = self.conversation.next_line().await?;
            let Ok(message) = serde_json::from_slice::<Message>(&line) else { continue };
            match (&message.method, &message.id) {
                (Some(_), Some(request)) => self.refuse(request).await?,
                (None, Some(answered)) if answered == id => return Ok(message),
                _ => {}
            }
        }
    }

    async fn refuse(&mut self, request: &Value) -> Result<(), SourceError> {
        let error = json!({"code": METHOD_NOT_FOUND, "message": "method not found"});
        self.conversation.send(&json!({"jsonrpc": "2.0", "id": request, "error": error})).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::process::Program;
    use crate::sources::script::executable;

    /// The result of the first call to a script, which has the request as `$call`.
    async fn call(body: &str) -> Result<u32, CallError> {
        let folder = tempfile::tempdir().unwrap();
        let script = executable(folder.path(), "agent", &format!("read -r call; {body}"));
        let program = Program::new(script, ["serve"]);
        JsonRpc::new(Conversation::start(&program, None).unwrap()).call("sum", json!([40, 2])).await
    }

    fn invalid_output() -> CallError {
        CallError::Source(SourceError::InvalidOutput { program: "agent".to_owned() })
    }

    #[tokio::test]
    async fn returns_result_of_call() {
        let request = r#"{"jsonrpc":"2.0","id":1,"method":"sum","params":[40,2]}"#;
        let body = format!(r#"test "$call" = '{request}' && echo '{{"jsonrpc":"2.0","id":1,"result":42}}'"#);
        assert_eq!(call(&body).await, Ok(42));
    }

    #[tokio::test]
    async fn skips_other_messages() {
        let others = [
            "Welcome",
            "",
            "[]",
            r#"{"jsonrpc":"2.0","method":"notice","params":{"id":1}}"#,
            r#"{"jsonrpc":"2.0","id":2,"result":1}"#,
            r#"{"jsonrpc":"2.0","id":"1","result":2}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}"#,
        ];
        let lines = others.join("\n");
        assert_eq!(call(&format!("cat <<'END'\n{lines}\n{{\"id\":1,\"result\":42}}\nEND")).await, Ok(42));
    }

    #[tokio::test]
    async fn refuses_requests_of_program() {
        let request = r#"{"jsonrpc":"2.0","id":1,"method":"fs/read_text_file","params":{}}"#;
        let refusal = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method not found"}}"#;
        let body = format!(
            r#"echo '{request}'; read -r refusal; test "$refusal" = '{refusal}' && echo '{{"id":1,"result":42}}'"#
        );
        assert_eq!(call(&body).await, Ok(42));
    }

    #[tokio::test]
    async fn error_has_code_but_no_message() {
        let body = r#"echo '{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"secret"}}'"#;
        assert_eq!(call(body).await, Err(CallError::Refused { code: -32000 }));
    }

    #[tokio::test]
    async fn rejects_result_of_other_shape() {
        for answer in [
            r#"{"id":1,"result":"42"}"#,
            r#"{"id":1}"#,
            r#"{"id":1,"result":null}"#,
            r#"{"id":1,"error":"no"}"#,
            r#"{"id":1,"error":{"code":"E1"}}"#,
        ] {
            assert_eq!(call(&format!("echo '{answer}'")).await, Err(CallError::InvalidResult), "{answer}");
        }
    }

    #[tokio::test]
    async fn exit_without_answer_is_no_result() {
        assert_eq!(call("echo '{}'").await, Err(invalid_output()));
    }
}
