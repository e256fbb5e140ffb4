//! A scripted broker in process, in virtual time.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use doorbell_daemon::push::{Dial, PushAddress, Stream};
use doorbell_mqtt::{Closed, Incoming, Message, PublishError, Publisher, Quality, Refusal};
use doorbell_protocol::{PUSH_TOPIC, RuntimeId};
use doorbell_shared::clock::Stopwatch;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::{AbortHandle, JoinHandle};

/// What a new connection meets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Behaviour {
    Accept,
    /// Answers CONNECT, and then nothing.
    Mute,
    Refuse(Refusal),
    Unreachable,
    /// Ends each connection after this time.
    CloseAfter(Duration),
}

/// What the daemon has sent to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) client_id: String,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Vec<u8>>,
    pub(crate) keep_alive: Duration,
}

/// Reached through [`Dial`]. It ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Broker(Arc<State>);

struct State {
    running: Stopwatch,
    behaviour: Mutex<Behaviour>,
    tries: Mutex<Vec<Duration>>,
    requests: Mutex<Vec<Request>>,
    publisher: Mutex<Option<Publisher>>,
    connection: Mutex<Option<AbortHandle>>,
    ends: Mutex<Vec<Closed>>,
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Broker")
    }
}

impl Broker {
    pub(crate) fn new(behaviour: Behaviour) -> Self {
        let (tries, requests, publisher, connection, ends) = Default::default();
        let (running, behaviour) = (Stopwatch::start(), Mutex::new(behaviour));
        Self(Arc::new(State { running, behaviour, tries, requests, publisher, connection, ends }))
    }

    pub(crate) fn set_behaviour(&self, behaviour: Behaviour) {
        *self.0.behaviour.lock().unwrap() = behaviour;
    }

    /// The time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.0.running.elapsed()
    }

    /// When the daemon has tried to connect.
    pub(crate) fn tries(&self) -> Vec<Duration> {
        self.0.tries.lock().unwrap().clone()
    }

    /// The accepted connections.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.0.requests.lock().unwrap().clone()
    }

    /// How connections have ended, other than by [`close`](Self::close).
    pub(crate) fn ends(&self) -> Vec<Closed> {
        self.0.ends.lock().unwrap().clone()
    }

    /// Closes the stream of the connection.
    pub(crate) fn close(&self) {
        self.0.publisher.lock().unwrap().take();
        if let Some(connection) = self.0.connection.lock().unwrap().take() {
            connection.abort();
        }
    }

    pub(crate) fn hello(&self) -> JoinHandle<Result<(), PublishError>> {
        self.publish(PUSH_TOPIC, &json!({"hello": true}))
    }

    pub(crate) fn hint(&self, runtime: RuntimeId) -> JoinHandle<Result<(), PublishError>> {
        self.publish(PUSH_TOPIC, &json!({"runtime_id": runtime}))
    }

    /// The task ends with the acknowledgement.
    pub(crate) fn publish(&self, topic: &str, payload: &Value) -> JoinHandle<Result<(), PublishError>> {
        let message = Message { topic: topic.to_owned(), payload: payload.to_string().into_bytes() };
        let publisher = self.0.publisher.lock().unwrap().clone();
        tokio::spawn(async move {
            publisher.ok_or(PublishError::Closed)?.publish(message, Quality::AtLeastOnce).await
        })
    }

    async fn serve(self, mut stream: DuplexStream, behaviour: Behaviour) {
        if let Behaviour::Mute = behaviour {
            let mut bytes = [0; 1024];
            let _ = stream.read(&mut bytes).await;
            stream.write_all(&[0x20, 2, 0, 0]).await.unwrap();
            while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
            return;
        }
        let incoming = Incoming::read(stream).await.unwrap();
        if let Behaviour::Refuse(refusal) = behaviour {
            return incoming.refuse(refusal).await;
        }
        let request = incoming.request();
        self.0.requests.lock().unwrap().push(Request {
            client_id: request.client_id.clone(),
            username: request.username.clone(),
            password: request.password.clone(),
            keep_alive: request.keep_alive,
        });
        let (publisher, session) = incoming.accept();
        *self.0.publisher.lock().unwrap() = Some(publisher);
        let life = match behaviour {
            Behaviour::CloseAfter(life) => life,
            _ => Duration::MAX,
        };
        if let Ok(closed) = tokio::time::timeout(life, session.run()).await {
            self.0.ends.lock().unwrap().push(closed);
        }
    }
}

#[async_trait]
impl Dial for Broker {
    async fn dial(&self, _: &PushAddress) -> io::Result<Box<dyn Stream>> {
        self.0.tries.lock().unwrap().push(self.0.running.elapsed());
        let behaviour = *self.0.behaviour.lock().unwrap();
        if let Behaviour::Unreachable = behaviour {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (near, far) = duplex(1024);
        let connection = tokio::spawn(self.clone().serve(far, behaviour));
        *self.0.connection.lock().unwrap() = Some(connection.abort_handle());
        Ok(Box::new(near))
    }
}
