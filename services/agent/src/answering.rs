//! Answers questions about containers.

use std::sync::Arc;

use muster_contract::{
    AgentQuestion, Message as _, Outcome,
    agent::{ContainerLogs, ExecuteCode, ReadContainerLogs, UnknownContainer},
};
use muster_messaging::{AskedQuestion, Questions};
use tokio::task::JoinSet;
use tracing::{Instrument as _, warn};

use crate::containers::Containers;

/// Until there are no more: the agent stops.
pub(crate) async fn answer(mut questions: Questions, containers: Arc<Containers>) {
    let mut answering = JoinSet::new();
    // There are never many: who asks waits for a place.
    while let Some(question) = questions.next().await {
        while answering.try_join_next().is_some() {}
        let containers = containers.clone();
        let span = question.span().clone();
        answering.spawn(async move { answer_one(question, &containers).await }.instrument(span));
    }
    while answering.join_next().await.is_some() {}
}

async fn answer_one(question: AskedQuestion, containers: &Containers) {
    let name = question.name().to_owned();
    if name == ExecuteCode::NAME {
        let Some((question, asked)) = decode::<ExecuteCode>(question).await else {
            return;
        };
        let outcome = match containers.execute(&asked).await {
            Ok(run) => Outcome::Done(run),
            Err(refusal) => Outcome::Refused(refusal),
        };
        send::<ExecuteCode>(question, &outcome).await;
    } else if name == ReadContainerLogs::NAME {
        let Some((question, asked)) = decode::<ReadContainerLogs>(question).await else {
            return;
        };
        let outcome = match containers.logs(asked.container).await {
            Some(logs) => Outcome::Done(ContainerLogs { logs }),
            None => Outcome::Refused(UnknownContainer),
        };
        send::<ReadContainerLogs>(question, &outcome).await;
    } else {
        warn!(target: "muster::agent", question = name, "this agent does not know such questions");
        fail(question).await;
    }
}

async fn decode<Q: AgentQuestion>(question: AskedQuestion) -> Option<(AskedQuestion, Q)> {
    match question.decode() {
        Ok(asked) => Some((question, asked)),
        Err(error) => {
            warn!(target: "muster::agent", question = question.name(), %error, "a question cannot be read");
            fail(question).await;
            None
        }
    }
}

async fn send<Q: AgentQuestion>(question: AskedQuestion, outcome: &Outcome<Q::Answer, Q::Refusal>) {
    if let Err(error) = question.answer::<Q>(outcome).await {
        warn!(target: "muster::agent", %error, "a question was not answered");
    }
}

async fn fail(question: AskedQuestion) {
    // The connection is closed: nobody can be told.
    let _ = question.fail().await;
}
