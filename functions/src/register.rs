//! Register: a daemon registers the runtimes of its machine. `POST /api/daemon/register`.
//!
//! Registering again gives the same ids: they depend only on the workspace and its secret, daemon, type and profile.

use doorbell_protocol::limits::RUNTIMES_PER_REGISTRATION;
use doorbell_protocol::{
    Json, Object, Question, RegisterBody, RegisterResponse, RegisterRuntime, Scope, ServerSettings,
};
use doorbell_shared::access::Principal;
use doorbell_shared::http::input::{caller, short_text, trimmed};
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, respond};
use doorbell_shared::kinds::built_in;
use doorbell_shared::push::ClientId;
use doorbell_shared::questions::{InvalidQuestions, Questions};
use doorbell_shared::rate_limit::TokenAction;
use doorbell_shared::runtime::{Registration, RuntimeDescription, ShortText};
use doorbell_shared::store::{RegisterOutcome, Store};
use serde::Deserialize;

/// The type of a runtime that is registered without one, as existing daemons may do.
const DEFAULT_PROVIDER: &str = "unknown";

const OFFLINE: &str = "offline";

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond("register", |_| Operation::Register, request, register(state, request)).await
}

async fn register<S: Store>(
    state: &AppState<S>,
    request: &HttpRequest,
) -> Result<RegisterResponse, ApiError> {
    let caller = caller(request, Scope::Daemon)?;
    input::limit_body(request)?;
    let body: RegisterBody = input::body(request)?;
    let asks_for_push = body.push == Some(true);
    let registration = registration(body, &caller)?;
    if !caller.owns(registration.workspace, &registration.daemon_id) {
        return Err(ApiError::WorkspaceNotFound);
    }

    let channel = state.push.as_ref().filter(|_| asks_for_push);
    let push = channel.map(|channel| {
        let client = ClientId::new(&channel.deployment, registration.workspace, &registration.daemon_id);
        channel.settings(&client)
    });
    let now = state.clock.now();
    let admitted = state.rates.admit(TokenAction::Register, &caller, &state.store, &*state.id_gen, now).await;
    admitted.map_err(ApiError::RegistrationsLimited)?;
    let registered = state.store.register(registration, state.id_gen.runtime_id_namespace(), now).await;
    match registered.map_err(Operation::Register.failed())? {
        RegisterOutcome::Registered(runtimes) => {
            let runtimes = runtimes.iter().map(|runtime| runtime.record(now)).collect();
            Ok(RegisterResponse {
                runtimes,
                settings: ServerSettings { push },
                ..RegisterResponse::default()
            })
        }
        RegisterOutcome::WorkspaceFull => Err(ApiError::WorkspaceFull),
    }
}

/// Validates a body and fills in defaults.
fn registration(body: RegisterBody, caller: &Principal) -> Result<Registration, ApiError> {
    let daemon_id = trimmed(body.daemon_id).ok_or(ApiError::DaemonIdRequired)?;
    let daemon_id = short_text("daemon_id", daemon_id)?;
    let workspace = trimmed(body.workspace_id).ok_or(ApiError::WorkspaceIdRequired)?;
    let workspace = workspace.parse().map_err(|_| ApiError::InvalidWorkspaceId)?;
    let runtimes = body.runtimes.unwrap_or_default();
    if runtimes.is_empty() && body.failed_profiles.unwrap_or_default().is_empty() {
        return Err(ApiError::NothingToRegister);
    }
    if runtimes.len() > RUNTIMES_PER_REGISTRATION {
        return Err(ApiError::TooManyRuntimes(RUNTIMES_PER_REGISTRATION));
    }
    let device_name = cleaned(body.device_name);
    let runtimes = runtimes.into_iter().map(|runtime| description(runtime, device_name.as_ref()));
    Ok(Registration {
        runtimes: runtimes.collect::<Result<_, _>>()?,
        workspace,
        daemon_id,
        device_name,
        cli_version: cleaned(body.cli_version),
        owner_id: ShortText::cleaned(&caller.subject),
    })
}

fn description(
    runtime: RegisterRuntime,
    device_name: Option<&ShortText>,
) -> Result<RuntimeDescription, ApiError> {
    let provider = trimmed(runtime.provider).unwrap_or_else(|| DEFAULT_PROVIDER.to_owned());
    let provider = short_text("type", provider)?;
    let name = match trimmed(runtime.name) {
        Some(name) => short_text("name", name)?,
        None => default_name(&provider, device_name),
    };
    // Not trimmed: the id depends on every character of it.
    let profile_id = runtime.profile_id.filter(|profile| !profile.is_empty());
    Ok(RuntimeDescription {
        provider,
        profile_id: profile_id.map(|profile| short_text("profile_id", profile)).transpose()?,
        name,
        version: cleaned(runtime.version),
        online: runtime.status.as_deref() != Some(OFFLINE),
        questions: questions(runtime.questions)?,
    })
}

/// Validates the questions of a runtime. Without the field it has none.
fn questions(declared: Option<Vec<Json>>) -> Result<Questions, ApiError> {
    let questions = declared.unwrap_or_default().iter().map(question).collect::<Result<Vec<_>, _>>()?;
    Questions::try_from(questions).map_err(|invalid| match invalid {
        InvalidQuestions::Question(name) => ApiError::InvalidQuestion(name.to_string()),
        InvalidQuestions::TooMany | InvalidQuestions::TooLarge => ApiError::TooManyQuestions(invalid),
    })
}

fn question(declared: &Json) -> Result<Question, ApiError> {
    let question = declared.parse::<Object<Question>>().ok().map(|Object(question)| question);
    let is_valid = |question: &Question| {
        built_in(question.name).is_none()
            && [&question.args_schema, &question.result_schema].into_iter().flatten().all(is_schema)
    };
    question.filter(is_valid).ok_or_else(|| ApiError::InvalidQuestion(name_of(declared)))
}

/// Whether it can be a JSON schema: an object or a boolean. The daemon has checked more.
fn is_schema(schema: &Json) -> bool {
    ["{", "true", "false"].into_iter().any(|start| schema.as_str().starts_with(start))
}

/// For the error text: the name of a question with other mistakes, or of an invalid name what can be displayed.
fn name_of(declared: &Json) -> String {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let named = declared.parse::<Object<Named>>().ok();
    let name = named.and_then(|Object(Named { name })| ShortText::cleaned(&name));
    name.map_or_else(|| "without a name".to_owned(), |name| name.to_string())
}

/// Cut to the length of a name.
fn default_name(provider: &ShortText, device_name: Option<&ShortText>) -> ShortText {
    let name = device_name.map(|device| format!("{provider} ({device})"));
    name.and_then(|name| ShortText::cleaned(&name)).unwrap_or_else(|| provider.clone())
}

/// For fields that never make a registration fail, because unmodified daemons send anything in them.
fn cleaned(field: Option<String>) -> Option<ShortText> {
    ShortText::cleaned(&field?)
}
