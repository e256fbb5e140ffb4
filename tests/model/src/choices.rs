//! Which steps are possible. One that turns out to change nothing is dropped where it is carried out.

use crate::action::{Action, Fate};
use crate::call::Call;
use crate::design::Mutation;
use crate::history::Asked;
use crate::party::{Daemon, Instance, Question};
use crate::protocol::Protocol;
use crate::world::World;

impl Protocol {
    pub(crate) fn choices(&self, world: &World, actions: &mut Vec<Action>) {
        actions.push(Action::Wait);
        if world.calls.len() < self.scope.calls {
            self.client_actions(world, actions);
            self.daemon_actions(world, actions);
        }
        self.call_actions(world, actions);
        if world.faults > 0 {
            accidents(world, actions);
        }
    }

    fn questions(&self) -> impl Iterator<Item = Question> {
        Question::ALL.into_iter().take(self.scope.questions)
    }

    fn instances(&self) -> &'static [Instance] {
        &Instance::ALL[..self.scope.instances]
    }

    /// What clients may begin.
    fn client_actions(&self, world: &World, actions: &mut Vec<Action>) {
        let polls = world.calls.iter().filter(|call| matches!(call, Call::Poll { .. })).count();
        for question in self.questions() {
            for &instance in self.instances() {
                match world.history.of(question).asked {
                    Asked::Not if world.moment.is_for_asking(question) => {
                        actions.push(Action::Ask { question, instance });
                    }
                    Asked::Accepted if polls < 2 => {
                        actions.push(Action::Poll { question, instance, late_read: false });
                        if self.design.has(Mutation::EventualRead) {
                            actions.push(Action::Poll { question, instance, late_read: true });
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// What daemons may begin: one beat at a time, and one report of each question.
    fn daemon_actions(&self, world: &World, actions: &mut Vec<Action>) {
        for daemon in Daemon::ALL {
            let own = || world.calls.iter().filter(|call| call.from() == Some(daemon));
            let beats = own().any(|call| matches!(call, Call::Heartbeat { .. }));
            let reports =
                |of| own().any(|call| matches!(call, Call::Report { question, .. } if *question == of));
            for &instance in self.instances() {
                if !beats {
                    let times: &[bool] = if world.faults > 0 { &[false, true] } else { &[false] };
                    actions.extend(times.iter().map(|&twice| Action::Beat { daemon, instance, twice }));
                }
                for question in world.held(daemon).iter().filter(|question| !reports(*question)) {
                    let fates = fates(world).iter();
                    actions.extend(fates.map(|&fate| Action::Report { daemon, question, instance, fate }));
                }
            }
        }
    }

    /// What calls under way may do.
    fn call_actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (call, under_way) in world.calls.iter().enumerate() {
            for &instance in self.instances().iter().filter(|instance| under_way.may_go_by(**instance)) {
                actions.extend(fates(world).iter().map(|&fate| Action::Proceed { call, instance, fate }));
            }
        }
    }
}

/// What may happen to anyone.
fn accidents(world: &World, actions: &mut Vec<Action>) {
    let waited_for = world.calls.iter().enumerate().filter(|(_, call)| call.is_waited_for());
    actions.extend(waited_for.map(|(call, _)| Action::CrashInstance { call }));
    for daemon in Daemon::ALL {
        let held = !world.held(daemon).is_empty();
        if held || world.calls.iter().any(|call| call.from() == Some(daemon)) {
            actions.push(Action::CrashDaemon { daemon, answered: false });
        }
        if held {
            actions.push(Action::CrashDaemon { daemon, answered: true });
        }
    }
}

/// How a step may go.
fn fates(world: &World) -> &'static [Fate] {
    if world.faults > 0 { &Fate::ALL } else { &Fate::ALL[..1] }
}
