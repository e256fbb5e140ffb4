//! Registrations of many agents, divided so that the server accepts each.

use doorbell_protocol::RegisterRuntime;
use doorbell_protocol::limits::{BODY_BYTES, RUNTIMES_PER_REGISTRATION};

/// What is left for the other fields of a registration. Ids and names have at most 200 characters of 4 bytes each.
const OTHER_FIELDS_BYTES: usize = 8 << 10;

/// Divides runtimes into registrations of at most [`RUNTIMES_PER_REGISTRATION`] whose bodies the server reads: each runtime may
/// declare 64 KB of questions. Keeps the order.
pub(crate) fn batches(runtimes: impl IntoIterator<Item = RegisterRuntime>) -> Vec<Vec<RegisterRuntime>> {
    let mut batches: Vec<Vec<RegisterRuntime>> = Vec::new();
    let mut bytes = 0;
    for runtime in runtimes {
        // With the comma.
        let size = serde_json::to_vec(&runtime).map_or(0, |json| json.len()) + 1;
        match batches.last_mut() {
            Some(batch)
                if batch.len() < RUNTIMES_PER_REGISTRATION
                    && bytes + size <= BODY_BYTES - OTHER_FIELDS_BYTES =>
            {
                batch.push(runtime);
                bytes += size;
            }
            _ => {
                batches.push(vec![runtime]);
                bytes = size;
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use doorbell_protocol::limits::QUESTIONS_BYTES;

    use super::*;

    fn runtimes(count: usize, question: &str) -> Vec<RegisterRuntime> {
        let runtime = |number| RegisterRuntime {
            profile_id: Some(format!("{number}")),
            questions: Some(vec![format!("\"{question}\"").parse().unwrap()]),
            ..RegisterRuntime::default()
        };
        (0..count).map(runtime).collect()
    }

    #[test]
    fn batches_are_within_limits_and_in_order() {
        for (question, least) in [("", 3), (&*"x".repeat(QUESTIONS_BYTES - 4), 7)] {
            let all = runtimes(101, question);
            let batches = batches(all.clone());
            assert_eq!(batches.concat(), all);
            assert!(batches.len() >= least, "{}", batches.len());
            for batch in batches {
                assert!(batch.len() <= RUNTIMES_PER_REGISTRATION);
                let bytes = serde_json::to_vec(&batch).unwrap().len();
                assert!(bytes <= BODY_BYTES - OTHER_FIELDS_BYTES, "{bytes}");
            }
        }
    }

    #[test]
    fn few_runtimes_are_one_batch() {
        assert_eq!(batches(runtimes(RUNTIMES_PER_REGISTRATION, "")).len(), 1);
        assert_eq!(batches(runtimes(0, "")).len(), 0);
    }
}
