//! Heartbeat: sign of life, look, and claims until one is won.

use doorbell_shared::id::ClaimId;
use doorbell_shared::request::{Delivery, InFlight, Looking, State};

use super::{After, Scene};
use crate::action::Fate;
use crate::call::{Call, Candidate, Step};
use crate::design::Mutation;
use crate::invariant::Invariant;
use crate::party::{Daemon, Instance, Question, Questions};
use crate::store::Write;

/// A daemon beats. Where attention is not drawn or nothing is found, that is all.
pub(crate) fn begin(scene: &Scene<'_>, daemon: Daemon, instance: Instance) -> Option<Call> {
    let (from, in_flight) = (Some(daemon), scene.world.held(daemon));
    let candidates = scene.world.store.has_attention(scene.now).then(|| look(scene, in_flight))?;
    let step = next(scene, candidates)?;
    Some(Call::Heartbeat { from, instance, in_flight, step })
}

/// A copy of the same beat, which nobody waits for and which has not arrived yet.
pub(crate) fn copy(scene: &Scene<'_>, daemon: Daemon, instance: Instance) -> Call {
    Call::Heartbeat { from: None, instance, in_flight: scene.world.held(daemon), step: Step::Look }
}

pub(super) fn proceed(scene: &mut Scene<'_>, call: Call, fate: Fate) -> Option<After> {
    let Call::Heartbeat { from, instance, in_flight, step } = call else { return None };
    let step = match step {
        Step::Look if fate == Fate::Well && !scene.world.store.has_attention(scene.now) => None,
        Step::Look if fate == Fate::Well => {
            let candidates = look(scene, in_flight);
            next(scene, candidates)
        }
        Step::Look => return None,
        Step::Claim { candidates, claim } => {
            Attempt { from, in_flight, candidates, claim }.make(scene, fate)?
        }
    };
    Some(
        step.map_or(After::Over, |step| After::UnderWay(Call::Heartbeat { from, instance, in_flight, step })),
    )
}

/// Goes on with `candidates`, under a mark of its own.
fn next(scene: &Scene<'_>, candidates: Vec<Candidate>) -> Option<Step> {
    (!candidates.is_empty()).then(|| Step::Claim { candidates, claim: scene.world.fresh_claim() })
}

/// What may be claimed, the oldest first, whether pending or handed out before.
fn look(scene: &Scene<'_>, in_flight: Questions) -> Vec<Candidate> {
    let looking = looking(scene, in_flight);
    let found = |question| candidate(scene, question, &looking);
    let mut candidates: Vec<_> = Question::ALL.into_iter().filter_map(found).collect();
    if scene.design.has(Mutation::NewestFirst) {
        candidates.reverse();
    }
    candidates
}

fn looking(scene: &Scene<'_>, in_flight: Questions) -> Looking {
    if scene.design.has(Mutation::NoRedelivery) {
        return Looking::ForPending;
    }
    let listed = |question| Some(scene.world.store.get(question)?.address.request);
    let listed: Vec<_> = match scene.design.has(Mutation::RedeliveryOfWhatIsInFlight) {
        true => Vec::new(),
        false => in_flight.iter().filter_map(listed).collect(),
    };
    // Two questions are never too many.
    InFlight::try_from(listed).map_or(Looking::ForPending, Looking::ForPendingAndUndelivered)
}

fn candidate(scene: &Scene<'_>, question: Question, looking: &Looking) -> Option<Candidate> {
    let request = scene.world.store.get(question)?;
    let delivery = request.delivery(looking, scene.now)?;
    let handed_out = match (delivery, &request.state) {
        (Delivery::Again { .. }, State::Running(run)) => run.attempt,
        _ => 0,
    };
    Some(Candidate { question, delivery, handed_out })
}

/// One claim of the first candidate.
struct Attempt {
    from: Option<Daemon>,
    in_flight: Questions,
    candidates: Vec<Candidate>,
    claim: ClaimId,
}

impl Attempt {
    /// What remains to be done after it, if anything does.
    fn make(self, scene: &mut Scene<'_>, fate: Fate) -> Option<Option<Step>> {
        let Candidate { question, delivery, .. } = *self.candidates.first()?;
        let passed_over = self.passed_over(scene);
        let write = scene.world.store.claim(question, delivery, self.claim, scene.now, scene.design);
        scene.world.history.note(Invariant::FirstComeFirstServed, passed_over && write == Write::Applied);
        match (fate, write) {
            // What is delivered twice is the beat, not its claim.
            (Fate::Twice, _) => None,
            (Fate::WriteUnanswered, Write::Applied) => {
                Some(Some(Step::Claim { candidates: self.candidates, claim: self.claim }))
            }
            (Fate::WriteUnanswered, Write::Refused) => None,
            (_, Write::Applied) => self.win(scene, fate),
            (_, Write::Refused) if self.recognises(scene, question) => self.win(scene, fate),
            (Fate::AnswerLost, Write::Refused) => None,
            (Fate::Well, Write::Refused) => Some(self.lose(scene, question)),
        }
    }

    /// Whether an older request that was found too is still there to be claimed.
    fn passed_over(&self, scene: &Scene<'_>) -> bool {
        let Some((first, others)) = self.candidates.split_first() else { return false };
        others.iter().filter(|other| other.question < first.question).any(|other| {
            let request = scene.world.store.get(other.question);
            request.is_some_and(|request| {
                matches!(request.state, State::Pending) && request.lapse(scene.now).is_none()
            })
        })
    }

    fn recognises(&self, scene: &Scene<'_>, question: Question) -> bool {
        scene.world.store.holds(question, self.claim) && !scene.design.has(Mutation::ClaimWithoutMark)
    }

    fn win(&self, scene: &mut Scene<'_>, fate: Fate) -> Option<Option<Step>> {
        let Candidate { question, handed_out, .. } = *self.candidates.first()?;
        scene.world.history.won(question, handed_out + 1);
        scene.world.history.note(Invariant::NotWhatIsInFlight, self.in_flight[question]);
        match (fate, self.from) {
            (Fate::Well, Some(daemon)) => scene.world.hold(daemon, question, true),
            (Fate::Well, None) | (Fate::AnswerLost, Some(_)) => {}
            (_, _) => return None,
        }
        Some(None)
    }

    fn lose(mut self, scene: &mut Scene<'_>, question: Question) -> Option<Step> {
        let won = scene.world.store.holds(question, self.claim);
        scene.world.history.note(Invariant::WinnerIsTold, won);
        self.candidates.remove(0);
        next(scene, self.candidates)
    }
}
