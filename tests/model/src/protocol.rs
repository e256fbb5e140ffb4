//! The model as the checker sees it, and what each step leads to.

use doorbell_shared::time::Timestamp;
use stateright::{Model, Property};

use crate::action::{Action, Fate};
use crate::call::Call;
use crate::design::{Design, Mutation};
use crate::history::Asked;
use crate::invariant::Invariant;
use crate::occurrence::Occurrence;
use crate::party::{Daemon, Instance};
use crate::steps::{After, Scene, heartbeat, initiate, poll, proceed, report};
use crate::time::Clocks;
use crate::world::World;

/// How much of everything there is: what bounds the state space, and so what is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// How many questions are asked.
    pub questions: usize,
    /// How many instances there are: with a single one there is no skew.
    pub instances: usize,
    /// How many things go wrong, of whatever kind.
    pub faults: u8,
    /// How many calls are under way at once.
    pub calls: usize,
    /// How long it is watched, in seconds: through the [moments](crate::MOMENTS) up to then.
    pub until: u64,
}

/// The protocol between clients, daemons, instances and the table.
#[derive(Clone, Debug)]
pub struct Protocol {
    pub(crate) design: Design,
    pub(crate) scope: Scope,
    clocks: Clocks,
}

impl Protocol {
    /// The design as it is built.
    pub fn faithful(scope: Scope, start: Timestamp) -> Self {
        Self { design: Design::Faithful, scope, clocks: Clocks::starting_at(start) }
    }

    /// The design with one thing wrong.
    pub fn mutated(mutation: Mutation, scope: Scope, start: Timestamp) -> Self {
        Self { design: Design::Mutated(mutation), ..Self::faithful(scope, start) }
    }

    pub(crate) fn now(&self, world: &World, instance: Instance) -> Timestamp {
        self.clocks.now(instance, world.moment)
    }

    pub(crate) fn scene<'a>(&self, world: &'a mut World, instance: Instance) -> Scene<'a> {
        let now = self.now(world, instance);
        Scene { world, design: self.design, now }
    }

    /// Carries `action` out; `None` when it is not possible or changes nothing.
    fn act(&self, world: &mut World, action: Action) -> Option<()> {
        match action {
            Action::Wait => {
                world.moment = world.moment.next().filter(|next| next.seconds() <= self.scope.until)?;
            }
            Action::Ask { question, instance } => {
                let call = initiate::begin(&mut self.scene(world, instance), question);
                self.send(world, call)?;
            }
            Action::Poll { question, instance, late_read } => {
                let before = world.history.clone();
                match poll::begin(&mut self.scene(world, instance), question, late_read) {
                    Some(call) => self.send(world, call)?,
                    None => (before != world.history).then_some(())?,
                }
            }
            Action::Beat { daemon, instance, twice } => self.beat(world, daemon, instance, twice)?,
            Action::Report { daemon, question, instance, fate } => {
                self.send(world, report::sent(daemon, question))?;
                self.go_on(world, world.calls.len() - 1, instance, fate)?;
            }
            Action::Proceed { call, instance, fate } => self.go_on(world, call, instance, fate)?,
            Action::CrashInstance { call } => {
                world.faults -= 1;
                if let Call::Initiate { question, .. } = world.calls.remove(call) {
                    world.history.asked(question, Asked::GivenUp);
                }
            }
            Action::CrashDaemon { daemon, answered } => self.crash(world, daemon, answered)?,
        }
        Some(())
    }

    fn send(&self, world: &mut World, call: Call) -> Option<()> {
        world.calls.push(call);
        (world.calls.len() <= self.scope.calls).then_some(())
    }

    fn beat(&self, world: &mut World, daemon: Daemon, instance: Instance, twice: bool) -> Option<()> {
        let scene = self.scene(world, instance);
        let found = heartbeat::begin(&scene, daemon, instance);
        let copy = twice.then(|| heartbeat::copy(&scene, daemon, instance));
        if found.is_none() && copy.is_none() {
            return None;
        }
        world.faults -= u8::from(twice);
        found.into_iter().chain(copy).try_for_each(|call| self.send(world, call))
    }

    fn go_on(&self, world: &mut World, call: usize, instance: Instance, fate: Fate) -> Option<()> {
        world.faults -= u8::from(fate != Fate::Well);
        self.proceed(world, call, instance, fate)?;
        (world.calls.len() <= self.scope.calls).then_some(())
    }

    /// Lets a call take its next step.
    pub(crate) fn proceed(
        &self,
        world: &mut World,
        call: usize,
        instance: Instance,
        fate: Fate,
    ) -> Option<()> {
        let call = world.calls.remove(call);
        if let After::UnderWay(call) = proceed(&mut self.scene(world, instance), call, fate)? {
            world.calls.push(call);
        }
        Some(())
    }

    /// Everything that the daemon has called goes on, and nobody hears of it.
    fn crash(&self, world: &mut World, daemon: Daemon, answered: bool) -> Option<()> {
        world.faults -= 1;
        for call in world.calls.iter_mut().filter(|call| call.from() == Some(daemon)) {
            *call = call.clone().unheard();
        }
        let held = world.held(daemon);
        world.forget(daemon);
        let mut sent =
            held.iter().filter(|_| answered).map(|question| report::sent(daemon, question).unheard());
        sent.try_for_each(|call| self.send(world, call))
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.scope.faults)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.choices(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        self.act(&mut next, action)?;
        next.settle();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        match self.design {
            // With nothing else to look for, the search ends with the first counterexample, which is a shortest one.
            Design::Mutated(mutation) => vec![mutation.breaks().property()],
            Design::Faithful => {
                let occurrences = Occurrence::ALL.map(Occurrence::property);
                Invariant::ALL.map(Invariant::property).into_iter().chain(occurrences).collect()
            }
        }
    }
}
