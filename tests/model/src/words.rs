//! A path through the model in words that a person can follow.

use std::fmt::Write as _;

use doorbell_shared::request::{Request, State};
use stateright::Path;

use crate::action::{Action, Fate};
use crate::call::{Call, Step};
use crate::history::Asked;
use crate::invariant::Invariant;
use crate::party::{Daemon, Instance, Question};
use crate::world::World;

/// One line for each step: when, who did what, and what changed by it; at the end, what is `broken` by that.
pub fn story(path: Path<World, Action>, broken: Invariant) -> String {
    let steps = path.into_vec();
    let mut story = String::new();
    for pair in steps.windows(2) {
        let [(before, Some(action)), (after, _)] = pair else { continue };
        let _ = write!(story, "{:>6} s  {}", after.moment.seconds(), deed(before, *action));
        for change in changes(before, after) {
            let _ = write!(story, "; {change}");
        }
        story.push('\n');
    }
    let _ = writeln!(story, "          and so it is broken: {}", broken.name());
    story
}

fn deed(world: &World, action: Action) -> String {
    match action {
        Action::Wait => "time passes".to_owned(),
        Action::Ask { question, instance } => {
            format!("a client asks the {} question {}", nth(question), at(instance))
        }
        Action::Poll { question, instance, late_read } => {
            let read = if late_read { ", which reads what was there before" } else { "" };
            format!("a client polls the {} question {}{read}", nth(question), at(instance))
        }
        Action::Beat { daemon, instance, twice } => {
            let copy = if twice { ", and a copy of that is under way" } else { "" };
            format!("{} beats {} and looks for work{copy}", name(daemon), at(instance))
        }
        Action::Report { daemon, question, instance, fate } => {
            format!("{} answers the {} question {}{}", name(daemon), nth(question), at(instance), how(fate))
        }
        Action::Proceed { call, instance, fate } => {
            format!("{}{}", next_step(&world.calls[call], instance), how(fate))
        }
        Action::CrashInstance { call } => {
            format!("the instance crashes that serves {}", call_name(&world.calls[call]))
        }
        Action::CrashDaemon { daemon, answered } => {
            let sent = if answered { ", having sent its answers off" } else { "" };
            format!("{} crashes{sent}, and is started again", name(daemon))
        }
    }
}

fn how(fate: Fate) -> &'static str {
    match fate {
        Fate::Well => "",
        Fate::AnswerLost => ", and the answer is lost",
        Fate::WriteUnanswered => ", but the store's answer is lost and the SDK will try again",
        Fate::Twice => ", and a copy of that is under way",
    }
}

fn next_step(call: &Call, instance: Instance) -> String {
    let call_name = call_name(call);
    match call {
        Call::Initiate { .. } => format!("{call_name} makes its second write"),
        Call::Poll { .. } => format!("{call_name} writes the time-out"),
        Call::Heartbeat { step: Step::Look, .. } => format!("{call_name} looks for work"),
        Call::Heartbeat { step: Step::Claim { candidates, .. }, .. } => {
            let candidate = candidates.first().map_or("no", |candidate| nth(candidate.question));
            format!("{call_name} claims the {candidate} question")
        }
        Call::Report { .. } => format!("{call_name} is written {}", at(instance)),
    }
}

fn call_name(call: &Call) -> String {
    match call {
        Call::Initiate { question, .. } => format!("the initiate of the {} question", nth(*question)),
        Call::Poll { question, .. } => format!("the poll of the {} question", nth(*question)),
        Call::Heartbeat { from: Some(daemon), instance, .. } => {
            format!("the heartbeat of {} {}", name(*daemon), at(*instance))
        }
        Call::Heartbeat { from: None, instance, .. } => {
            format!("a heartbeat that nobody waits for {}", at(*instance))
        }
        Call::Report { question, author, .. } => {
            format!("the answer of {} to the {} question", name(*author), nth(*question))
        }
    }
}

/// What a step has changed that somebody could see.
fn changes(before: &World, after: &World) -> Vec<String> {
    let mut changes = Vec::new();
    for question in Question::ALL {
        let (old, new) = (before.history.of(question), after.history.of(question));
        if before.store.get(question) != after.store.get(question) {
            changes.extend(after.store.get(question).map(|request| format!("it is {}", state(request))));
        }
        if old.asked != new.asked && new.asked == Asked::Accepted {
            changes.push("it is accepted".to_owned());
        }
        if old.shown != new.shown {
            changes.extend(new.shown.as_ref().map(|shown| format!("the client sees it {}", state(shown))));
        }
        if old.recorded != new.recorded {
            changes.push("the report is recorded".to_owned());
        }
        let handed = |daemon: &Daemon| after.held(*daemon)[question] && !before.held(*daemon)[question];
        changes.extend(
            Daemon::ALL
                .iter()
                .filter(|daemon| handed(daemon))
                .map(|daemon| format!("{} has it", name(*daemon))),
        );
    }
    changes
}

fn state(request: &Request) -> String {
    match &request.state {
        State::Running(run) => format!("running, attempt {}", run.attempt),
        State::Completed(result) => format!("completed with answer {}", result.as_str()),
        State::Timeout(lapse) => format!("timed out: {}", lapse.as_str()),
        state => state.status().as_str().to_owned(),
    }
}

fn nth(question: Question) -> &'static str {
    match question {
        Question::First => "first",
        Question::Second => "second",
    }
}

fn name(daemon: Daemon) -> &'static str {
    match daemon {
        Daemon::One => "daemon 1",
        Daemon::Other => "daemon 2",
    }
}

fn at(instance: Instance) -> &'static str {
    match instance {
        Instance::Ahead => "(clock ahead)",
        Instance::Behind => "(clock behind)",
    }
}
