//! What HTTP lets through, the local gateway can make an event of: where API Gateway would refuse it or set it itself, so
//! does this.

use doorbell_shared::store::memory::MemoryStore;
use doorbell_tests::{Answer, TestApi};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use reqwest::Method;

use crate::json::letters;

/// Paths and queries of any letters that a request line may have, some of them longer than may be.
fn target() -> impl Strategy<Value = String> {
    let letters = letters("/?&=%20+{}|^\"'\\~[]:@ü", 60).prop_map(|text| text.replace('#', ""));
    let repeats = prop_oneof![9 => Just(1_usize), 1 => select(vec![200, 600, 1_000])];
    (select(vec!["/api/runtimes", "/api/runtimes/", "/"]), letters, repeats)
        .prop_map(|(path, letters, repeats)| format!("{path}{}", letters.repeat(repeats)))
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let names = ["host", "x-forwarded-proto", "x-forwarded-host", "content-type", "cookie", "user-agent"];
    let values = prop_oneof![letters("ab :/%[]\"@?#.,;9", 20), select(vec!["a b", "x:99999", "%%", "[::"]).prop_map_into()];
    prop::collection::vec((select(names.to_vec()), values), 0..3)
}

#[test]
fn a_client_cannot_say_what_is_the_gateways_to_say() {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let api = tokio.block_on(TestApi::on(MemoryStore::default()));
    let tried = TestRunner::deterministic().run(&(target(), headers()), |(target, headers)| {
        let request = api.request(Method::GET, &target).bearer_auth("dbu_dev_a");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value.trim()));
        // Sending fails when the connection ends without an answer, which is what a crash looks like.
        let Answer { status, .. } = tokio.block_on(api.send(request));
        prop_assert!([200, 400, 404, 405, 414].contains(&status), "{status}");
        Ok(())
    });
    tried.unwrap();
}
