//! Order: do something for a session.

use muster_contract::agent::{HookResult, RunSessionHook, SessionHook, SessionHookFinished};
use muster_platform::Timestamp;

use super::HookOrder;
use crate::hooks::HookRun;

/// The program of the hook. In the directory they stand beside those of nodes, so they say what they are for.
const fn program(hook: SessionHook) -> &'static str {
    match hook {
        SessionHook::SetUp => "session-set-up",
        SessionHook::TearDown => "session-tear-down",
    }
}

impl HookOrder for RunSessionHook {
    fn run(&self, input: Vec<u8>) -> HookRun {
        let session = &self.session;
        let program = program(self.hook);
        let mut environment = vec![
            ("MUSTER_HOOK", program.to_owned()),
            ("MUSTER_ATTEMPT", self.attempt.to_string()),
            ("MUSTER_SESSION", session.id.clone()),
            ("MUSTER_SESSION_NUMBER", session.number.to_string()),
            ("MUSTER_TENANT", session.tenant.clone()),
        ];
        environment.extend(
            session
                .alias
                .clone()
                .map(|alias| ("MUSTER_SESSION_ALIAS", alias)),
        );
        HookRun {
            program,
            order: self.order,
            about: format!("session {}", session.id),
            deadline: Timestamp::from_micros(self.deadline),
            environment,
            input,
        }
    }

    fn finished(&self, result: HookResult) -> SessionHookFinished {
        SessionHookFinished {
            order: self.order,
            result,
        }
    }
}
