//! Which agent answers which question.

use super::*;

const LOAD: &str = "[[question]]\nname = 'load'\nprogram = ['uptime']\n";

/// The types of the agents of a machine with these programs and this file, each with the names of its questions.
async fn questions_by_type(programs: &[&str], config: &str) -> Vec<String> {
    let machine = programs.iter().fold(Machine::new(), |machine, name| machine.with_program(name, ""));
    let agents = machine.find(&machine.with_config(config)).await.unwrap();
    let shown = agents.iter().map(|agent| {
        let names: Vec<_> =
            agent.questions.declarations().map(|question| question.name.to_string()).collect();
        format!("{}: {}", agent.provider, names.join(" "))
    });
    shown.collect()
}

#[tokio::test]
async fn agents_answer_questions_of_their_type() {
    let config = "[[question]]\nname = 'disk'\nprogram = ['df']\nagents = ['codex']\n\
                  [[question]]\nname = 'load'\nprogram = ['uptime']\n\
                  [[agent]]\ntype = 'file'\npath = 'models.json'";
    assert_eq!(questions_by_type(&["codex"], config).await, ["file: load", "codex: disk load"]);
}

#[tokio::test]
async fn machine_without_agents_answers_questions_itself() {
    assert_eq!(questions_by_type(&[], LOAD).await, ["machine: load"]);
    assert_eq!(questions_by_type(&["codex"], &format!("detect = false\n{LOAD}")).await, ["machine: load"]);
}

#[tokio::test]
async fn machine_is_named_after_its_host_and_has_no_models() {
    let machine = Machine::new();
    let agents = machine.find(&machine.with_config(LOAD)).await.unwrap();
    let host = gethostname::gethostname().into_string().unwrap();
    assert_eq!((agents[0].name.as_str(), agents[0].profile_id.as_str()), (host.as_str(), ""));
    let list = agents[0].source.list_models().await.unwrap();
    assert!(list.models.is_empty() && !list.supported, "{list:?}");
    assert!(!agents[0].skills.list().unwrap().supported);
}

#[tokio::test]
async fn agent_program_answers_questions_instead_of_machine() {
    assert_eq!(questions_by_type(&["codex"], LOAD).await, ["codex: load"]);
    let file = format!("{LOAD}[[agent]]\ntype = 'file'\npath = 'models.json'");
    assert_eq!(questions_by_type(&[], &file).await, ["file: load"]);
}

#[tokio::test]
async fn machine_answers_question_that_names_it_beside_agents() {
    let config =
        format!("{LOAD}[[question]]\nname = 'disk'\nprogram = ['df']\nagents = ['machine', 'gemini']");
    assert_eq!(questions_by_type(&["codex"], &config).await, ["codex: load", "machine: load disk"]);
    assert_eq!(questions_by_type(&["gemini"], &config).await, ["gemini: load disk"]);
}

#[tokio::test]
async fn question_that_names_other_agents_needs_no_machine() {
    assert!(questions_by_type(&[], &format!("{LOAD}agents = ['codex']")).await.is_empty());
}

#[tokio::test]
async fn configured_machine_is_there_beside_agents_and_without_questions() {
    let config = "[[agent]]\ntype = 'machine'\nname = 'Edge box'\n";
    let machine = Machine::new().with_program("codex", "");
    let identities = machine.identities(&machine.with_config(config)).await;
    assert_eq!(identities, ["machine |  | Edge box", "codex |  | Codex"]);
    let both = questions_by_type(&["codex"], &format!("{config}{LOAD}")).await;
    assert_eq!(both, ["machine: load", "codex: load"]);
}

#[tokio::test]
async fn sample_may_answer_questions() {
    let machine = Machine::new();
    let options = machine.with_config(
        "[[question]]\nname = 'disk'\nprogram = ['df']\nagents = ['sample']\n\
         [[question]]\nname = 'load'\nprogram = ['uptime']\nagents = ['codex']",
    );
    let questions = questions(&options, &machine.environment()).unwrap().of(Agent::SAMPLE);
    let names: Vec<_> = questions.declarations().map(|question| question.name.to_string()).collect();
    assert_eq!(names, ["disk"]);
}

#[tokio::test]
async fn error_names_file_and_invalid_question() {
    let machine = Machine::new();
    let options = machine.with_config("[[question]]\nname = 'disk'\nprogram = ['df']\ntimeout_s = 0");
    let error = machine.find(&options).await.unwrap_err().to_string();
    let text = "doorbell.toml: question \"disk\": \"timeout_s\" is 0; give 1 to 900 seconds";
    assert!(error.ends_with(text), "{error}");
}
