//! What can be asked for, and how much at once.

use std::sync::{Arc, LazyLock};

use async_graphql::{Context, EmptyMutation, Error, ID, Object, Result, Schema};
use muster_contract::session::{
    Comparison, ComparisonOperator, ComputeSessionField, ComputeSessionFilter, Condition,
    ConditionValue, ListComputeContainers, ListComputeSessions, WhichContainers,
};

use super::super::call::may_act_for;
use super::compute_container::{ComputeContainer, role_called};
use super::compute_session::{
    ComputeContainerList, ComputeSession, ComputeSessionList, needs_containers,
};
use super::conditions::{condition, order};
use super::key_pair::KeyPair;
use super::reading::Asking;
use super::scalars::Uuid;
use super::sessions_asked_for::{PAGE_LIMIT, page, statuses};
use super::subscription::Subscription;

/// Fields inside of fields: a list, its items, their dependencies and containers are five; what tools ask to learn a schema is
/// thirteen.
const DEPTH_LIMIT: usize = 16;

/// Fields of an answer at most, counted before anything is read: a full page with everything that is known of its sessions and
/// containers.
const COMPLEXITY_LIMIT: usize = 20_000;

/// The schema that is asked.
pub(super) type ComputeSchema = Schema<Query, EmptyMutation, Subscription>;

/// The schema with its limits; made once.
pub(super) static SCHEMA: LazyLock<ComputeSchema> = LazyLock::new(|| {
    Schema::build(Query, EmptyMutation, Subscription)
        .limit_depth(DEPTH_LIMIT)
        .limit_complexity(COMPLEXITY_LIMIT)
        .finish()
});

/// The questions.
pub(super) struct Query;

/// How many items a page has at most, whatever is asked for.
fn items(limit: i32) -> usize {
    let limit = u32::try_from(limit).unwrap_or_default();
    usize::try_from(limit.min(PAGE_LIMIT)).unwrap_or_default()
}

#[Object(rename_fields = "snake_case", rename_args = "snake_case")]
impl Query {
    /// The caller's key pair, or another one for those who may act for its owner; null for the one of somebody else.
    #[expect(clippy::unused_async, reason = "a resolver")]
    async fn keypair(
        &self,
        context: &Context<'_>,
        access_key: Option<String>,
    ) -> Result<Option<KeyPair>> {
        let asking = Asking::of(context)?;
        let Some(access_key) = access_key.filter(|key| *key != asking.pair.access_key) else {
            return Ok(Some(KeyPair(Arc::clone(&asking.pair))));
        };
        let pair = asking.ingress.directory.compute().key_pair(&access_key);
        let caller = &asking.caller.principal;
        let pair = pair.filter(|pair| may_act_for(caller, &pair.principal));
        Ok(pair.cloned().map(KeyPair))
    }

    /// A session by its id, or (for clients before 20.03) its name; null for one that there is not, or that the caller may not see.
    async fn compute_session(
        &self,
        context: &Context<'_>,
        id: Option<Uuid>,
        sess_id: Option<String>,
    ) -> Result<Option<ComputeSession>> {
        let asking = Asking::of(context)?;
        let with_containers = needs_containers(&context.look_ahead());
        let session = match (id, sess_id) {
            (Some(Uuid(id)), _) => asking.session(id, with_containers).await?,
            (None, Some(name)) => asking.session_called(&name, with_containers).await?,
            (None, None) => return Err(Error::new("id is missing")),
        };
        Ok(session.map(|session| ComputeSession::new(session, asking)))
    }

    /// Sessions that the caller may see, what changed last first.
    #[graphql(complexity = "items(limit) * child_complexity + 1")]
    #[expect(clippy::too_many_arguments, reason = "those of Backend.AI's schema")]
    async fn compute_session_list(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many at most, up to 100")] limit: i32,
        #[graphql(desc = "How many to leave out")] offset: i32,
        #[graphql(
            name = "filter",
            desc = "A condition in the language of Backend.AI's manager"
        )]
        given_filter: Option<String>,
        #[graphql(
            name = "order",
            desc = "Fields with + or - before them, and commas between"
        )]
        given_order: Option<String>,
        #[graphql(desc = "A field; order comes first")] order_key: Option<String>,
        #[graphql(desc = "Whether the smallest comes first; it does if nothing is said")]
        order_asc: Option<bool>,
        domain_name: Option<String>,
        #[graphql(desc = "Name or id of a project")] group_id: Option<String>,
        access_key: Option<String>,
        #[graphql(desc = "Statuses with commas between; those that nobody knows are left out")]
        status: Option<String>,
        #[graphql(desc = "Those with a container there; for administrators of the site")]
        agent: Option<String>,
    ) -> Result<ComputeSessionList> {
        let asking = Asking::of(context)?;
        let (offset, limit) = page(limit, offset)?;
        let mut conditions = Vec::new();
        if let Some(given) = given_filter.filter(|given| !given.trim().is_empty()) {
            conditions.push(condition(&given, asking.names()).map_err(Error::new)?);
        }
        if let Some(agent) = agent {
            conditions.push(Condition::Field(Comparison {
                field: ComputeSessionField::Agent,
                operator: ComparisonOperator::Equal,
                values: vec![ConditionValue::Text(agent)],
            }));
        }
        let condition = match conditions.len() {
            0 | 1 => conditions.pop(),
            _ => Some(Condition::All(conditions)),
        };
        let query = ListComputeSessions {
            filter: ComputeSessionFilter {
                ids: None,
                owner: access_key,
                tenant: group_id.map(|group| asking.names().project(&group)),
                domain: domain_name,
                statuses: statuses(status.as_deref()),
                condition,
            },
            order: order(given_order.as_deref(), order_key.as_deref(), order_asc)
                .map_err(Error::new)?,
            offset,
            limit,
            with_containers: needs_containers(&context.look_ahead().field("items")),
        };
        let page = asking.list(query).await?;
        let sessions = page.sessions.into_iter();
        Ok(ComputeSessionList {
            items: sessions
                .map(|session| ComputeSession::new(session, asking))
                .collect(),
            total_count: page.total,
        })
    }

    /// A container by its id; null for one that there is not, or that the caller may not see.
    async fn compute_container(
        &self,
        context: &Context<'_>,
        id: Uuid,
    ) -> Result<Option<ComputeContainer>> {
        let asking = Asking::of(context)?;
        let question = ListComputeContainers {
            containers: WhichContainers::Container(id.0),
            owner: None,
            domain: None,
            role: None,
            offset: 0,
            limit: 1,
        };
        let page = asking.containers(question).await?;
        let session = page.session.as_ref();
        let containers =
            session.map(|session| ComputeContainer::of(session, asking.scope.sees_agents()));
        Ok(containers.unwrap_or_default().into_iter().next())
    }

    /// The containers of a session, in order.
    #[graphql(complexity = "items(limit) * child_complexity + 1")]
    async fn compute_container_list(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many at most, up to 100")] limit: i32,
        #[graphql(desc = "How many to leave out")] offset: i32,
        session_id: ID,
        #[graphql(desc = "master (or main) or slave (or sub)")] role: Option<String>,
    ) -> Result<ComputeContainerList> {
        let asking = Asking::of(context)?;
        let (offset, limit) = page(limit, offset)?;
        let id = uuid::Uuid::parse_str(&session_id)
            .map_err(|_| Error::new("session_id has to be a UUID"))?;
        let role = match role.map(|role| role_called(&role)) {
            // There are none of a role that nobody has.
            Some(None) => return Ok(ComputeContainerList::default()),
            Some(role) => role,
            None => None,
        };
        let question = ListComputeContainers {
            containers: WhichContainers::Session(id),
            owner: None,
            domain: None,
            role,
            offset,
            limit,
        };
        let page = asking.containers(question).await?;
        let session = page.session.as_ref();
        let items =
            session.map(|session| ComputeContainer::of(session, asking.scope.sees_agents()));
        Ok(ComputeContainerList {
            items: items.unwrap_or_default(),
            total_count: page.total,
        })
    }
}

/// The schema, in GraphQL's own language.
pub(super) fn sdl() -> String {
    SCHEMA.sdl()
}

#[cfg(test)]
mod tests {
    use async_graphql::{Request, Variables};
    use serde_json::{Value, json};

    use super::*;

    /// What is wrong with a query before anything is read for it.
    async fn mistakes(query: &str, variables: Value) -> Vec<String> {
        let request = Request::new(query).variables(Variables::from_json(variables));
        let response = SCHEMA.execute(request).await;
        let messages = response.errors.into_iter().map(|error| error.message);
        // Nobody asks here: whoever gets so far has made no mistake.
        messages
            .filter(|message| !message.contains("does not exist"))
            .collect()
    }

    /// Each as it was recorded (`api/backendai.md` §4).
    #[tokio::test]
    async fn what_real_clients_ask_for_can_be_asked() {
        let list = |arguments: &str, passed: &str, fields: &str| {
            format!(
                "query($limit:Int!, $offset:Int!, {arguments}) {{ compute_session_list( limit:$limit, offset:$offset, {passed}) \
                 {{ items {{ {fields} }} total_count }} }}"
            )
        };
        let page =
            json!({"limit": 20, "offset": 0, "status": "PENDING,RUNNING", "access_key": null});
        let usual = "name access_key id image type status status_info status_changed result";
        let by_status = (
            "$status: String, $access_key: String",
            "status:$status, access_key:$access_key",
        );
        let detail = format!("{usual} tag created_at occupied_slots session_id group_name");
        let oldest = "sess_id access_key image sess_type status status_info status_changed result";
        let admin = "query($id: UUID!) { compute_session(id: $id) { name type image tag created_at terminated_at status status_info \
            occupied_slots containers { id role agent status status_info status_changed occupied_slots last_stat live_stat } \
            dependencies { name id status status_info status_changed } } }";
        let filtered = "$status: String, $filter: String, $order: String, $access_key: String";
        for (query, variables) in [
            (list(by_status.0, by_status.1, usual), page.clone()),
            (list(by_status.0, by_status.1, &detail), page.clone()),
            (
                list(
                    "$ak: String, $status: String",
                    "access_key:$ak, status:$status",
                    oldest,
                ),
                json!({"limit": 10, "offset": 0, "status": "RUNNING"}),
            ),
            (
                list(
                    filtered,
                    "status:$status, filter:$filter, order:$order, access_key:$access_key",
                    usual,
                ),
                json!({"limit": 10, "offset": 0, "filter": null, "order": null}),
            ),
            (
                admin.to_owned(),
                json!({"id": "12c45b55-ce3c-418d-9c58-223bbba307f1"}),
            ),
            (
                "query { keypair { access_key secret_key is_active is_admin user_id } }".to_owned(),
                Value::Null,
            ),
        ] {
            assert_eq!(mistakes(&query, variables).await, [""; 0], "{query}");
        }
    }

    /// The query of the seed document, as it stands there.
    #[tokio::test]
    async fn the_seeds_own_query_can_be_asked() {
        let query = "query( $limit: Int!, $offset: Int!, $ak: String, $status: String, ) { \
            compute_session_list( limit: $limit, offset: $offset, access_key: $ak, status: $status, ) { total_count items { \
            id name type user_email status status_info status_updated containers { id role agent } } } }";
        let variables = json!({"limit": 10, "offset": 0, "ak": "AKIA....", "status": "RUNNING"});
        assert_eq!(mistakes(query, variables).await, [""; 0]);
    }

    #[tokio::test]
    async fn what_is_too_deep_or_too_much_is_refused() {
        let deep = |depth: usize| {
            let query = "query { __schema { types { fields { type {";
            let inside = "ofType {".repeat(depth);
            format!("{query} {inside} name }} }} }} }} }} {}", "}".repeat(depth))
        };
        assert_eq!(mistakes(&deep(DEPTH_LIMIT - 5), Value::Null).await, [""; 0]);
        assert_ne!(mistakes(&deep(DEPTH_LIMIT - 4), Value::Null).await, [""; 0]);
        // A list, its items, and four fields of each.
        let one = |number| {
            format!(
                "a{number}: compute_session_list(limit: 100, offset: 0) {{ items {{ id name tag image }} }}"
            )
        };
        let lists =
            |count: usize| format!("query {{ {} }}", (0..count).map(one).collect::<String>());
        let most = COMPLEXITY_LIMIT / 501;
        assert_eq!(mistakes(&lists(most), Value::Null).await, [""; 0]);
        assert_ne!(mistakes(&lists(most + 1), Value::Null).await, [""; 0]);
        // What a session depends on is counted as if it were there, level by level.
        let depending = |levels: usize| {
            let inside = "dependencies { id ".repeat(levels);
            format!(
                "query {{ compute_session_list(limit: 100, offset: 0) {{ items {{ id {inside} }} }} {} }}",
                "}".repeat(levels)
            )
        };
        assert_eq!(mistakes(&depending(3), Value::Null).await, [""; 0]);
        assert_ne!(mistakes(&depending(4), Value::Null).await, [""; 0]);
    }
}
