//! Beats that fail: which failures a daemon lives with, which it mends, and which end it.

use doorbell_client::ApiError;
use doorbell_daemon::agents::Agent;
use doorbell_daemon::daemon::Settings;
use tokio_util::sync::CancellationToken;

use crate::support::{
    Call, DEREGISTER, HEARTBEAT, REGISTER, Reply, Scripted, Server, agent, seconds, serve_as_for, serve_for,
    serve_until, settings,
};

fn codex() -> Vec<Agent> {
    vec![agent("codex", Scripted::default())]
}

/// A server that answers every beat so.
async fn answering_beats(reply: Reply) -> Server {
    Server::start(move |call| if call.path == HEARTBEAT { reply.clone() } else { Reply::Usual }).await
}

mod lived_with {
    use super::*;

    async fn assert_goes_on_after(reply: Reply) {
        let server = answering_beats(reply.clone()).await;
        serve_for(seconds(60.0), &server, codex()).await.unwrap();
        assert!(server.beats_of("codex").len() >= 3, "stopped beating after {reply:?}");
        assert_eq!(server.calls_to(REGISTER).len(), 1, "registered anew after {reply:?}");
        assert_eq!(server.calls_to(DEREGISTER).len(), 1, "did not sign off after {reply:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_of_the_server() {
        assert_goes_on_after(Reply::error(500, "heartbeat failed")).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_throttles() {
        assert_goes_on_after(Reply::error(429, "slow down")).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_of_a_beat() {
        assert_goes_on_after(Reply::error(400, "invalid runtime_id")).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_breaks() {
        assert_goes_on_after(Reply::Broken).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_that_is_not_doorbells() {
        assert_goes_on_after(Reply::Html(200)).await;
    }

    /// It is another workspace's, and no registration will change that.
    #[tokio::test(start_paused = true)]
    async fn a_runtime_that_is_not_ours() {
        assert_goes_on_after(Reply::error(404, "not found")).await;
    }

    /// A proxy without its server, or a wrong path: the server has forgotten nothing.
    #[tokio::test(start_paused = true)]
    async fn a_404_that_is_not_doorbells() {
        assert_goes_on_after(Reply::Html(404)).await;
    }
}

mod forgotten {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn gone() -> Reply {
        Reply::error(404, "runtime not found")
    }

    #[tokio::test(start_paused = true)]
    async fn a_runtime_is_registered_anew_and_beats_on() {
        let first_is_gone = |call: &Call| match call.path.as_str() {
            HEARTBEAT if call.nth == 0 => gone(),
            _ => Reply::Usual,
        };
        let server = Server::start(first_is_gone).await;
        serve_for(seconds(60.0), &server, codex()).await.unwrap();
        let registrations = server.calls_to(REGISTER);
        assert_eq!(registrations.len(), 2);
        assert_eq!(registrations[0].body, registrations[1].body);
        let beats = server.beats_of("codex");
        assert_eq!(registrations[1].at, beats[0]);
        assert!(beats.len() >= 3 && beats[1] - beats[0] == Settings::INTERVAL, "{beats:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_registration_that_fails_is_tried_again_at_the_next_beat() {
        let server = Server::start(|call| match (call.path.as_str(), call.nth) {
            (HEARTBEAT, 0 | 1) => gone(),
            (REGISTER, 1) => Reply::error(500, "failed to register"),
            _ => Reply::Usual,
        });
        let server = server.await;
        serve_for(seconds(60.0), &server, codex()).await.unwrap();
        let (registrations, beats) = (server.calls_to(REGISTER), server.beats_of("codex"));
        let anew: Vec<_> = registrations[1..].iter().map(|call| call.at).collect();
        assert_eq!(anew, beats[..2]);
    }

    /// Each runtime finds out by itself and registered them all, just when the server was back with nothing.
    #[tokio::test(start_paused = true)]
    async fn all_runtimes_at_once_are_registered_anew_once() {
        let knows_them = AtomicBool::new(false);
        let server = Server::start(move |call| match call.path.as_str() {
            HEARTBEAT if knows_them.load(Ordering::Relaxed) => Reply::Usual,
            HEARTBEAT => gone().after(seconds(1.0)),
            REGISTER if call.nth == 1 => {
                knows_them.store(true, Ordering::Relaxed);
                Reply::Usual.after(seconds(2.0))
            }
            _ => Reply::Usual,
        });
        let server = server.await;
        let agents = ["codex", "opencode", "openai"].map(|provider| agent(provider, Scripted::default()));
        // All of them have asked before the first is answered.
        let settings = Settings { interval: seconds(0.5), ..settings() };
        serve_as_for(seconds(10.0), &server, settings, agents.into()).await.unwrap();
        assert_eq!(server.calls_to(REGISTER).len(), 2);
        for provider in ["codex", "opencode", "openai"] {
            assert!(server.beats_of(provider).len() > 5, "{provider} did not go on");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_runtime_is_registered_anew_every_time() {
        let every_other_is_gone = |call: &Call| match call.path.as_str() {
            HEARTBEAT if call.nth.is_multiple_of(2) => gone(),
            _ => Reply::Usual,
        };
        let server = Server::start(every_other_is_gone).await;
        serve_for(seconds(150.0), &server, codex()).await.unwrap();
        let beats = server.beats_of("codex").len();
        assert_eq!(server.calls_to(REGISTER).len(), 1 + beats.div_ceil(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_may_not_register_anew_ends_the_daemon() {
        let server = Server::start(|call| match (call.path.as_str(), call.nth) {
            (HEARTBEAT, _) => gone(),
            (REGISTER, 1) => Reply::error(401, "a valid bearer token is required"),
            _ => Reply::Usual,
        });
        let server = server.await;
        let ended = serve_until(CancellationToken::new(), &server, settings(), codex()).await;
        assert!(matches!(ended, Err(ApiError::Refused { status: 401, .. })), "{ended:?}");
    }
}

mod a_refused_token {
    use super::*;

    async fn assert_ends_on(reply: Reply) -> ApiError {
        let server = answering_beats(reply).await;
        let ended = serve_until(CancellationToken::new(), &server, settings(), codex()).await;
        assert_eq!(server.beats_of("codex").len(), 1);
        assert_eq!(server.calls_to(DEREGISTER).len(), 0, "it would be refused as well");
        ended.unwrap_err()
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_issued_ends_the_daemon() {
        let error = assert_ends_on(Reply::error(401, "a valid bearer token is required")).await;
        assert_eq!(error.to_string(), "a valid bearer token is required");
    }

    #[tokio::test(start_paused = true)]
    async fn of_another_scope_ends_the_daemon() {
        let error = assert_ends_on(Reply::error(403, "the token lacks the scope \"daemon\"")).await;
        assert_eq!(error.to_string(), "the token lacks the scope \"daemon\"");
    }

    /// API Gateway answers for its authorizer in its own words.
    #[tokio::test(start_paused = true)]
    async fn in_front_of_doorbell_ends_the_daemon() {
        let unauthorized = serde_json::json!({"message": "Unauthorized"});
        let error = assert_ends_on(Reply::Json(401, unauthorized)).await.to_string();
        assert!(error.ends_with(" answered 401 and refuses the token"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn of_one_runtime_ends_the_others_as_well() {
        let server = Server::start(|call| match call.path.as_str() {
            HEARTBEAT if call.is_beat_of("codex") => Reply::error(401, "a valid bearer token is required"),
            HEARTBEAT => Reply::Hang,
            _ => Reply::Usual,
        });
        let server = server.await;
        let agents = ["codex", "opencode"].map(|provider| agent(provider, Scripted::default()));
        let ended = serve_until(CancellationToken::new(), &server, settings(), agents.into()).await;
        assert!(ended.is_err());
        tokio::time::sleep(seconds(60.0)).await;
        let last = server.calls().last().map(|call| call.is_beat_of("codex"));
        assert_eq!(last, Some(true), "another runtime went on");
    }

    /// `doorbell dev` serves until it is told to stop, and tells the person then.
    #[tokio::test(start_paused = true)]
    async fn is_told_to_whoever_waits_for_the_stop() {
        let server = answering_beats(Reply::error(401, "a valid bearer token is required")).await;
        let stop = CancellationToken::new();
        serve_until(stop.clone(), &server, settings(), codex()).await.unwrap_err();
        assert!(stop.is_cancelled());
    }
}
