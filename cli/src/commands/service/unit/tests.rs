use super::*;

fn user() -> ServiceSpec {
    ServiceSpec {
        program: "/home/a/bin/doorbell".to_owned(),
        options: vec!["--config".to_owned(), "/home/a/agents.toml".to_owned()],
        environment: [("PATH", "/home/a/bin:/usr/bin".to_owned())].into(),
        home: Some("/home/a".into()),
        state_directory: Some("/home/a/.local/state/doorbell".into()),
        ..ServiceSpec::default()
    }
}

fn system() -> ServiceSpec {
    ServiceSpec { is_system: true, home: None, state_directory: None, ..user() }
}

const ALL: Features = Features { version: 257, namespaces: true };

fn has(unit: &str, line: &str) -> bool {
    unit.lines().any(|other| other == line)
}

#[test]
fn runs_the_daemon_with_its_options_and_path() {
    let unit = unit(&user(), ALL);
    let command = r#"ExecStart=:"/home/a/bin/doorbell" "daemon" "--config" "/home/a/agents.toml""#;
    assert!(has(&unit, command), "{unit}");
    assert!(has(&unit, r#"Environment="PATH=/home/a/bin:/usr/bin""#), "{unit}");
}

#[test]
fn restarts_always_and_without_limit() {
    for spec in [user(), system()] {
        let unit = unit(&spec, ALL);
        for line in
            ["Restart=always", "StartLimitIntervalSec=0", "RestartMaxDelaySec=5min", "TimeoutStopSec=15"]
        {
            assert!(has(&unit, line), "{line} is missing: {unit}");
        }
    }
}

#[test]
fn old_systemd_gets_no_unknown_keys() {
    let unit = unit(&user(), Features { version: 252, namespaces: true });
    assert!(!unit.contains("RestartSteps") && !unit.contains("RestartMaxDelaySec"), "{unit}");
}

#[test]
fn user_service_writes_to_home_only() {
    let unit = unit(&user(), ALL);
    assert!(has(&unit, "NoNewPrivileges=yes") && has(&unit, "ProtectSystem=strict"), "{unit}");
    let writable: Vec<_> = unit.lines().filter(|line| line.starts_with("ReadWritePaths=")).collect();
    assert_eq!(writable, ["ReadWritePaths=-\"/home/a\""]);
    assert!(has(&unit, "WantedBy=default.target") && !unit.contains("StateDirectory="), "{unit}");
}

#[test]
fn state_outside_home_is_writable() {
    let spec = ServiceSpec { state_directory: Some("/srv/state".into()), ..user() };
    assert!(has(&unit(&spec, ALL), "ReadWritePaths=-\"/srv/state\""));
}

#[test]
fn without_namespaces_user_service_has_no_sandbox() {
    let unit = unit(&user(), Features { namespaces: false, ..ALL });
    assert!(has(&unit, "NoNewPrivileges=yes"), "{unit}");
    assert!(
        !unit.contains("Protect") && !unit.contains("Private") && !unit.contains("ReadWritePaths"),
        "{unit}"
    );
}

#[test]
fn service_of_the_machine_has_a_user_without_home() {
    let unit = unit(&system(), ALL);
    for line in [
        "DynamicUser=yes",
        "StateDirectory=doorbell",
        "StateDirectoryMode=0700",
        "Environment=HOME=/var/lib/doorbell",
        "CapabilityBoundingSet=",
        "WantedBy=multi-user.target",
    ] {
        assert!(has(&unit, line), "{line} is missing: {unit}");
    }
    assert!(!unit.contains("ReadWritePaths"), "{unit}");
}

#[test]
fn service_of_the_machine_runs_as_named_user() {
    let account = Account { name: "alice".to_owned(), home: "/home/alice".into() };
    let unit = unit(&ServiceSpec { account: Some(account), ..system() }, ALL);
    assert!(has(&unit, "User=alice") && has(&unit, "ReadWritePaths=-\"/home/alice\""), "{unit}");
    assert!(!unit.contains("DynamicUser") && !unit.contains("ProtectHome"), "{unit}");
}

#[test]
fn token_file_becomes_a_credential() {
    let unit = unit(&ServiceSpec { credential: Some("/etc/100%/token".into()), ..system() }, ALL);
    assert!(has(&unit, "LoadCredential=doorbell-token:/etc/100%%/token"), "{unit}");
}

#[test]
fn values_cannot_leave_their_line() {
    let spec = ServiceSpec { options: vec!["a\" b\\\n[Service]\nUser=root %n $HOME".to_owned()], ..user() };
    let unit = unit(&spec, ALL);
    let command =
        r#"ExecStart=:"/home/a/bin/doorbell" "daemon" "a\" b\\\x0a[Service]\x0aUser=root %%n $HOME""#;
    assert!(has(&unit, command), "{unit}");
}
