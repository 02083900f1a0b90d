//! What the clients send.

use serde_json::{Value, json};

/// An action as the clients' documentation has it.
pub(crate) fn action(name: &str) -> Value {
    json!({
        "freezer_action": {
            "action": "backup",
            "mode": "fs",
            "backup_name": name,
            "path_to_backup": "/etc",
            "container": "/srv/backups",
            "storage": "local",
        },
        "max_retries": 2,
        "max_retries_interval": 1,
    })
}

/// A job that is done every hour.
pub(crate) fn job(client: &str, description: &str) -> Value {
    json!({
        "client_id": client,
        "description": description,
        "job_actions": [action(description)],
        "job_schedule": {
            "schedule_interval": "1 hours",
            "schedule_start_date": "2030-01-02T03:04:05",
        },
    })
}

/// Where jobs are done.
pub(crate) fn client(client: &str) -> Value {
    json!({
        "client_id": client,
        "hostname": format!("{client}.example.org"),
        "description": "a machine",
        "supported_actions": ["backup", "restore"],
        "supported_modes": ["fs"],
        "supported_storages": ["local"],
        "supported_engines": ["tar"],
    })
}

/// What an agent says of a backup that it has made.
pub(crate) fn backup(name: &str) -> Value {
    json!({
        "container": "/srv/backups",
        "hostname": "node1.example.org",
        "backup_name": name,
        "time_stamp": 1_893_553_445,
        "level": 0,
        "mode": "fs",
        "path_to_backup": "/etc",
        "curr_backup_level": 0,
    })
}

/// A session that is done every ten minutes.
pub(crate) fn session(description: &str) -> Value {
    json!({
        "description": description,
        "hold_off": 60,
        "schedule": { "schedule_interval": "10 minutes" },
    })
}
