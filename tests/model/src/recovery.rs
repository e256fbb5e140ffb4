//! A lost message costs time, not the answer: said of every state, by going on from it.
//!
//! Whatever was lost so far, and though everything that is under way now be lost as well: if from now on the beats and
//! reports of one daemon get through, then at the first moment at which it may be handed an open request, the request is
//! completed. What the other daemon has is left to that one.

use doorbell_shared::limits::REDELIVERY_AFTER;
use doorbell_shared::request::{Request, State};
use doorbell_shared::time::Timestamp;

use crate::action::Fate;
use crate::party::{Daemon, Instance, Question};
use crate::protocol::Protocol;
use crate::steps::{heartbeat, report};
use crate::world::World;

/// Whether it is so for each open request, each daemon and each clock.
pub(crate) fn is_possible(protocol: &Protocol, world: &World) -> bool {
    let open: Vec<_> = Question::ALL.into_iter().filter(|question| is_open(world, *question)).collect();
    open.is_empty()
        || Daemon::ALL.into_iter().all(|daemon| {
            Instance::ALL.into_iter().all(|instance| {
                open.iter()
                    .all(|question| Recovery { protocol, daemon, instance }.completes(world, *question))
            })
        })
}

fn is_open(world: &World, question: Question) -> bool {
    world.store.get(question).is_some_and(|request| !request.state.status().is_terminal())
}

struct Recovery<'a> {
    protocol: &'a Protocol,
    daemon: Daemon,
    instance: Instance,
}

impl Recovery<'_> {
    /// Whether `question` is completed as soon as it may be, if it ever may.
    fn completes(&self, world: &World, question: Question) -> bool {
        let elsewhere = Daemon::ALL.iter().any(|other| *other != self.daemon && world.held(*other)[question]);
        if elsewhere {
            return true;
        }
        let Some(mut world) = self.when_due(world, question) else { return true };
        self.report_all(&mut world);
        for _ in Question::ALL {
            self.beat(&mut world);
            self.report_all(&mut world);
        }
        !is_open(&world, question)
    }

    /// The world at the first moment at which the daemon has the request, or should be handed it.
    fn when_due(&self, world: &World, question: Question) -> Option<World> {
        let mut world = world.without_calls();
        loop {
            let (request, now) = (world.store.get(question)?, self.protocol.now(&world, self.instance));
            if request.lapse(now).is_some() {
                return None;
            }
            if world.held(self.daemon)[question] || is_due(request, now) {
                return Some(world);
            }
            world.moment = world.moment.next()?;
        }
    }

    /// One beat, up to its answer.
    fn beat(&self, world: &mut World) {
        let call = heartbeat::begin(&self.protocol.scene(world, self.instance), self.daemon, self.instance);
        world.calls.extend(call);
        self.finish(world);
    }

    fn report_all(&self, world: &mut World) {
        world
            .calls
            .extend(world.held(self.daemon).iter().map(|question| report::sent(self.daemon, question)));
        self.finish(world);
    }

    fn finish(&self, world: &mut World) {
        while !world.calls.is_empty() {
            let done = self.protocol.proceed(world, 0, self.instance, Fate::Well);
            debug_assert!(done.is_some(), "what goes well is always possible");
        }
    }
}

/// Whether it is there to be handed out to a daemon that does not have it.
fn is_due(request: &Request, now: Timestamp) -> bool {
    match request.state {
        State::Pending => true,
        State::Running(_) => now.since(request.updated_at) > REDELIVERY_AFTER,
        _ => false,
    }
}
