//! The property list of `doorbell daemon` for launchd.
//!
//! - `service-manager` would disable the job until it is started, and restart it after `launchctl stop`. This one starts when it is
//!   loaded, and again unless it ended with success, which it does on SIGTERM only.
//! - launchd waits 10 s before a restart. It has no sandbox that a property list could name.

use std::fmt::Write as _;
use std::path::Path;

use super::spec::ServiceSpec;

/// The property list. The job writes its output to `log`.
pub(super) fn property_list(label: &str, spec: &ServiceSpec, log: &Path) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n",
    );
    let mut line = |line: &str| {
        let _ = writeln!(text, "{line}");
    };
    let string = |value: &str| format!("<string>{}</string>", escaped(value));
    let log = log.to_string_lossy();
    line(&format!("<key>Label</key>{}", string(label)));
    line("<key>ProgramArguments</key><array>");
    spec.command().for_each(|word| line(&string(word)));
    line("</array>\n<key>EnvironmentVariables</key><dict>");
    for (name, value) in &spec.environment {
        line(&format!("<key>{name}</key>{}", string(value)));
    }
    line("</dict>");
    if let Some(account) = &spec.account {
        line(&format!("<key>UserName</key>{}", string(&account.name)));
    }
    line("<key>RunAtLoad</key><true/>");
    line("<key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>");
    line("<key>ThrottleInterval</key><integer>10</integer>");
    line("<key>ExitTimeOut</key><integer>15</integer>");
    line("<key>ProcessType</key><string>Background</string>");
    // 0077, which a property list cannot write in octal.
    line("<key>Umask</key><integer>63</integer>");
    line(&format!("<key>StandardOutPath</key>{}", string(&log)));
    line(&format!("<key>StandardErrorPath</key>{}", string(&log)));
    line("</dict>\n</plist>");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn property_list_has_command_environment_and_log() {
        let spec = ServiceSpec {
            program: "/opt/a & b/doorbell".to_owned(),
            options: vec!["--config".to_owned(), "/etc/<x>.toml".to_owned()],
            environment: [("PATH", "/usr/bin".to_owned())].into(),
            ..ServiceSpec::default()
        };
        let list = property_list("local.doorbell", &spec, Path::new("/tmp/doorbell.log"));
        for part in [
            "<key>Label</key><string>local.doorbell</string>\n",
            "<string>/opt/a &amp; b/doorbell</string>\n<string>daemon</string>\n<string>--config</string>\n",
            "<string>/etc/&lt;x&gt;.toml</string>\n</array>",
            "<key>PATH</key><string>/usr/bin</string>",
            "<key>StandardErrorPath</key><string>/tmp/doorbell.log</string>",
        ] {
            assert!(list.contains(part), "{part} is missing: {list}");
        }
    }
}
