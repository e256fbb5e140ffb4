//! Time to answer: from a person's ring to the models, with the real daemon over real HTTP, in real time.
//!
//! `plan` says who rings whom and when, `site` serves the API, `machine` is a daemon with its agent, `person` rings and polls,
//! and `page` says what came of it.
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

mod machine;
mod page;
mod person;
mod plan;
mod site;

use doorbell_bench::{Effort, save};
use doorbell_shared::clock::Stopwatch;
use machine::Machine;
use person::Answered;
use plan::{Plan, Ring};
use site::Site;
use tokio::task::JoinSet;

fn main() -> std::io::Result<()> {
    let effort = Effort::asked();
    let plan = Plan::of(effort);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let answered = runtime.block_on(rung(&plan));
    save("time_to_answer", effort, &page::section(&plan, &answered))
}

/// Every ring of the plan, by the interval of the beats. Those that were not answered are not among them.
async fn rung(plan: &Plan) -> Vec<Vec<Answered>> {
    let site = Site::start().await;
    let mut people = JoinSet::new();
    let watch = Stopwatch::start();
    for (place, interval) in plan.intervals().enumerate() {
        for daemon in 0..plan.daemons {
            let machine = Machine::start(&site, interval, daemon).await;
            let (site, rings) = (site.clone(), plan.rings(daemon));
            people.spawn(async move { (place, person::ring_all(&site, &machine, rings, watch).await) });
        }
    }
    let mut answered = vec![Vec::new(); plan.intervals().len()];
    while let Some(rung) = people.join_next().await {
        let (place, of_one) = rung.unwrap();
        answered[place].extend(of_one);
    }
    answered
}
