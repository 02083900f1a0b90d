//! What the tests of jobs, actions, clients and backups share: the service without a broker.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use muster_contract::{
    Principal,
    session::{
        AddSessionJob, DeleteBackup, DeleteBackupAction, DeleteBackupClient, DeleteBackupJob,
        DocumentRefusal, FieldValue, JobSessionChange, JobSessionState, JobSignal,
        ListBackupActions, ListBackupClients, ListBackupJobs, ListBackups, ListFilter,
        RegisterBackupClient, SaveBackup, SaveBackupAction, SaveBackupJob, SaveJobSession,
        SaveMode, SavedDocument, SignalBackupJob, SignaledBackupJob,
    },
};
use muster_platform::SequentialIds;
use muster_storage::Database;
use serde_json::{Map, Value, json};

use super::{
    book::Moment,
    commands::{
        Order,
        delete_backup_jobs::delete_backup_jobs,
        delete_documents::{delete_backup_actions, delete_backup_clients, delete_backups},
        register_backup_clients::register_backup_clients,
        run_commands::carry_out,
        save_backup_actions::save_backup_actions,
        save_backup_jobs::save_backup_jobs,
        save_backups::save_backups,
        save_job_session::save_job_sessions,
        session_orders,
        signal_backup_jobs::signal_backup_jobs,
    },
    domain::run::Rules,
    queries::list_documents::{
        list_backup_actions, list_backup_clients, list_backup_jobs, list_backups,
    },
};

/// A time: microseconds since 1970 UTC, and the same in seconds.
pub(crate) const NOON: i64 = NOON_SECONDS * 1_000_000;
pub(crate) const NOON_SECONDS: i64 = 1_700_000_000;

const RULES: Rules = Rules {
    job_limit: Duration::from_hours(24),
};

pub(crate) type Saved = Result<SavedDocument, DocumentRefusal>;

/// Gives a test a world on that database.
pub(crate) async fn in_world(database: &Database, test: impl AsyncFnOnce(&World)) {
    test(&World::new(database)).await;
}

/// Makes of one test two, one for each engine.
macro_rules! on_both_engines {
    ($($tests:tt)+) => {
        muster_testkit::on_both_engines! {
            crate::testing::DATABASES, crate::job_sessions::documents_world::in_world, crate::job_sessions::documents_world::World; $($tests)+
        }
    };
}

pub(crate) use on_both_engines;

pub(crate) struct World {
    pub(crate) database: Database,
    ids: SequentialIds,
    now: AtomicI64,
}

/// A batch of commands by one function.
macro_rules! batches {
    ($($method:ident: $command:ident by $function:ident => $reply:ty;)+) => {$(
        pub(crate) async fn $method(
            &self,
            commands: &[(&Principal, $command)],
        ) -> Vec<Result<$reply, DocumentRefusal>> {
            let orders: Vec<Order<'_, $command>> = commands
                .iter()
                .map(|(caller, body)| Order { caller, now: self.now(), body })
                .collect();
            let mut transaction = self.database.begin().await.unwrap();
            let results = $function(&mut transaction, &self.ids, &orders).await.unwrap();
            transaction.commit().await.unwrap();
            results
        }
    )+};
}

impl World {
    /// At [`NOON`].
    pub(crate) fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
            ids: SequentialIds::new(),
            now: AtomicI64::new(NOON),
        }
    }

    fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    batches! {
        save_jobs: SaveBackupJob by save_backup_jobs => SavedDocument;
        signals: SignalBackupJob by signal_backup_jobs => SignaledBackupJob;
        save_actions: SaveBackupAction by save_backup_actions => SavedDocument;
        register: RegisterBackupClient by register_backup_clients => SavedDocument;
        save_backups: SaveBackup by save_backups => SavedDocument;
        delete_actions: DeleteBackupAction by delete_backup_actions => muster_contract::session::DeletedDocument;
        delete_clients: DeleteBackupClient by delete_backup_clients => muster_contract::session::DeletedDocument;
        delete_backups: DeleteBackup by delete_backups => muster_contract::session::DeletedDocument;
    }

    /// Deletes jobs; whether each was there, and how much is said of it.
    pub(crate) async fn delete_jobs(
        &self,
        commands: &[(&Principal, &str)],
    ) -> (Vec<Result<bool, DocumentRefusal>>, usize) {
        let bodies: Vec<DeleteBackupJob> = commands
            .iter()
            .map(|(caller, id)| DeleteBackupJob {
                tenant: caller.project.clone(),
                job_id: (*id).to_owned(),
            })
            .collect();
        let orders = commands.iter().zip(&bodies);
        let orders: Vec<Order<'_, DeleteBackupJob>> = orders
            .map(|((caller, _), body)| Order {
                caller,
                now: self.now(),
                body,
            })
            .collect();
        let mut transaction = self.database.begin().await.unwrap();
        let (results, sayings) = delete_backup_jobs(&mut transaction, RULES, &orders)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let existed = results
            .into_iter()
            .map(|result| result.map(|deleted| deleted.existed));
        (existed.collect(), sayings.into_vec().len())
    }

    /// One job of the caller's project.
    pub(crate) async fn save_job(
        &self,
        caller: &Principal,
        mode: SaveMode,
        id: Option<&str>,
        document: Value,
    ) -> Saved {
        self.save_jobs(&[(caller, job(caller, mode, id, document))])
            .await
            .remove(0)
    }

    /// One action of the caller's project.
    pub(crate) async fn save_action(
        &self,
        caller: &Principal,
        mode: SaveMode,
        id: Option<&str>,
        document: Value,
    ) -> Saved {
        let command = SaveBackupAction {
            tenant: caller.project.clone(),
            action_id: id.map(str::to_owned),
            mode,
            document: map(document),
        };
        self.save_actions(&[(caller, command)]).await.remove(0)
    }

    /// One backup of the caller's project.
    pub(crate) async fn save_backup(
        &self,
        caller: &Principal,
        mode: SaveMode,
        id: Option<&str>,
        document: Value,
    ) -> Saved {
        let command = SaveBackup {
            tenant: caller.project.clone(),
            backup_id: id.map(str::to_owned),
            mode,
            document: map(document),
        };
        self.save_backups(&[(caller, command)]).await.remove(0)
    }

    /// Registers a client in the caller's project.
    pub(crate) async fn client(&self, caller: &Principal, document: Value) -> Saved {
        let command = RegisterBackupClient {
            tenant: caller.project.clone(),
            document: map(document),
        };
        self.register(&[(caller, command)]).await.remove(0)
    }

    pub(crate) async fn signal(
        &self,
        caller: &Principal,
        id: &str,
        signal: JobSignal,
    ) -> Result<bool, DocumentRefusal> {
        let command = SignalBackupJob {
            tenant: caller.project.clone(),
            job_id: id.to_owned(),
            signal,
        };
        let result = self.signals(&[(caller, command)]).await.remove(0);
        result.map(|signaled| signaled.already_requested)
    }

    pub(crate) async fn jobs(&self, question: &ListBackupJobs) -> Vec<Value> {
        values(&list_backup_jobs(&self.database, question).await.unwrap())
    }

    pub(crate) async fn actions(&self, question: &ListBackupActions) -> Vec<Value> {
        values(&list_backup_actions(&self.database, question).await.unwrap())
    }

    pub(crate) async fn clients(&self, question: &ListBackupClients) -> Vec<Value> {
        values(&list_backup_clients(&self.database, question).await.unwrap())
    }

    pub(crate) async fn backups(&self, question: &ListBackups) -> Vec<Value> {
        values(&list_backups(&self.database, question).await.unwrap())
    }

    /// The job of alice's project with this id.
    pub(crate) async fn job(&self, id: &str) -> Option<Value> {
        let question = ListBackupJobs {
            tenant: Some("demo".to_owned()),
            job_id: Some(id.to_owned()),
            ..all_jobs()
        };
        self.jobs(&question).await.pop()
    }

    /// A session of the caller's project with this schedule, with these jobs; its id.
    pub(crate) async fn session(
        &self,
        caller: &Principal,
        schedule: Value,
        jobs: &[&str],
    ) -> String {
        let command = SaveJobSession {
            tenant: caller.project.clone(),
            change: JobSessionChange::Create(JobSessionState {
                description: None,
                schedule: map(schedule),
                hold_off: 30,
                tag: 0,
            }),
        };
        let moment = Moment {
            cause: 0,
            now: self.now(),
        };
        let order = session_orders::Order {
            caller,
            moment,
            body: &command,
        };
        let mut transaction = self.database.begin().await.unwrap();
        let (outcomes, _) = save_job_sessions(&mut transaction, RULES, &self.ids, &[order])
            .await
            .unwrap();
        let muster_contract::Outcome::Done(session) = outcomes.into_iter().next().unwrap() else {
            panic!("refused");
        };
        transaction.commit().await.unwrap();
        for job_id in jobs {
            let command = AddSessionJob {
                tenant: caller.project.clone(),
                session_id: session.session_id.clone(),
                job_id: (*job_id).to_owned(),
            };
            let order = session_orders::Order {
                caller,
                moment,
                body: &command,
            };
            let mut transaction = self.database.begin().await.unwrap();
            carry_out(&mut transaction, RULES, &[order]).await.unwrap();
            transaction.commit().await.unwrap();
        }
        session.session_id
    }
}

/// A command about a job of the caller's project.
pub(crate) fn job(
    caller: &Principal,
    mode: SaveMode,
    id: Option<&str>,
    document: Value,
) -> SaveBackupJob {
    SaveBackupJob {
        tenant: caller.project.clone(),
        job_id: id.map(str::to_owned),
        mode,
        document: map(document),
    }
}

/// A job of the client `node` that does nothing, with these keys besides.
pub(crate) fn nothing_to_do(more: &Value) -> Value {
    let mut job = json!({"client_id": "node", "job_actions": []});
    for (key, value) in more.as_object().unwrap() {
        job[key] = value.clone();
    }
    job
}

pub(crate) fn node() -> Value {
    json!({"client_id": "node", "hostname": "node"})
}

pub(crate) fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other}"),
    }
}

pub(crate) fn matching(fields: &[(&str, Value)]) -> ListFilter {
    ListFilter {
        matching: named(fields),
        ..ListFilter::default()
    }
}

pub(crate) fn not_matching(fields: &[(&str, Value)]) -> ListFilter {
    ListFilter {
        not_matching: named(fields),
        ..ListFilter::default()
    }
}

fn named(fields: &[(&str, Value)]) -> Vec<FieldValue> {
    let fields = fields.iter();
    fields
        .map(|(field, value)| FieldValue {
            field: (*field).to_owned(),
            value: value.clone(),
        })
        .collect()
}

macro_rules! everything {
    ($($function:ident: $query:ident, $id:ident;)+) => {$(
        /// A question for everything.
        pub(crate) fn $function() -> $query {
            $query { tenant: None, $id: None, filter: ListFilter::default(), offset: 0, limit: 500 }
        }
    )+};
}

everything! {
    all_jobs: ListBackupJobs, job_id;
    all_actions: ListBackupActions, action_id;
    all_clients: ListBackupClients, client_id;
    all_backups: ListBackups, backup_id;
}

fn values(documents: &[muster_contract::session::Document]) -> Vec<Value> {
    documents
        .iter()
        .map(|document| Value::Object(document.to_map()))
        .collect()
}

/// Ids of documents.
pub(crate) fn ids(documents: &[Value], key: &str) -> Vec<String> {
    documents
        .iter()
        .map(|document| document[key].as_str().unwrap().to_owned())
        .collect()
}
