//! What can be asked for, and how much at once.

use std::sync::{Arc, LazyLock};

use async_graphql::{Context, EmptyMutation, EmptySubscription, Error, ID, Object, Result, Schema};
use muster_contract::session::ListComputeSessions;

use super::compute_container::ComputeContainer;
use super::compute_session::{
    ComputeContainerList, ComputeSession, ComputeSessionList, FIELDS_OF_CONTAINERS,
};
use super::key_pair::KeyPair;
use super::reading::Asking;
use super::scalars::Uuid;
use super::sessions_asked_for::{PAGE_LIMIT, filter, order, page};

/// Fields inside of fields: a list, its items, their dependencies and containers are six.
const DEPTH_LIMIT: usize = 12;

/// Fields of an answer at most, counted before anything is read: a full page with everything that is known of its sessions and
/// containers.
const COMPLEXITY_LIMIT: usize = 10_000;

/// The schema that is asked.
pub(super) type ComputeSchema = Schema<Query, EmptyMutation, EmptySubscription>;

/// The schema with its limits.
pub(super) static SCHEMA: LazyLock<ComputeSchema> = LazyLock::new(|| {
    Schema::build(Query, EmptyMutation, EmptySubscription)
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
    /// The caller's key pair; null for the one of somebody else.
    #[expect(clippy::unused_async, reason = "a resolver")]
    async fn keypair<'a>(
        &self,
        context: &Context<'a>,
        access_key: Option<String>,
    ) -> Result<Option<KeyPair<'a>>> {
        let asking: &Arc<Asking> = Asking::of(context)?;
        let is_own = access_key.is_none_or(|key| key == asking.pair.access_key);
        Ok(is_own.then_some(KeyPair(asking)))
    }

    /// A session by its id; null for one that there is not, or that the caller may not see.
    async fn compute_session(
        &self,
        context: &Context<'_>,
        id: Option<Uuid>,
        sess_id: Option<String>,
    ) -> Result<Option<ComputeSession>> {
        let asking = Asking::of(context)?;
        let session = match (id, sess_id) {
            (Some(Uuid(id)), _) => asking.session(id).await?,
            (None, Some(name)) => asking.session_called(&name).await?,
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
        limit: i32,
        offset: i32,
        #[graphql(name = "filter")] given_filter: Option<String>,
        #[graphql(name = "order")] given_order: Option<String>,
        order_key: Option<String>,
        order_asc: Option<bool>,
        domain_name: Option<String>,
        group_id: Option<String>,
        access_key: Option<String>,
        status: Option<String>,
    ) -> Result<ComputeSessionList> {
        let asking = Asking::of(context)?;
        let (offset, limit) = page(limit, offset)?;
        if given_filter.is_some_and(|filter| !filter.is_empty()) {
            // All sessions would be taken for those that are meant.
            return Err(Error::new("filter is not supported"));
        }
        let items = context.look_ahead().field("items");
        let with_containers = FIELDS_OF_CONTAINERS
            .iter()
            .any(|field| items.field(field).exists());
        let query = ListComputeSessions {
            filter: filter(domain_name, group_id, access_key, status.as_deref()),
            order: order(given_order.as_deref(), order_key.as_deref(), order_asc)?,
            offset,
            limit,
            with_containers,
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

    /// The containers of a session, in order.
    #[graphql(complexity = "items(limit) * child_complexity + 1")]
    async fn compute_container_list(
        &self,
        context: &Context<'_>,
        limit: i32,
        offset: i32,
        session_id: ID,
        role: Option<String>,
    ) -> Result<ComputeContainerList> {
        let asking = Asking::of(context)?;
        let (offset, limit) = page(limit, offset)?;
        let id = uuid::Uuid::parse_str(&session_id)
            .map_err(|_| Error::new("session_id has to be a UUID"))?;
        let session = asking.session(id).await?;
        let containers = session.map_or_else(Vec::new, |session| {
            ComputeContainer::of(&session, asking.scope.sees_agents())
        });
        let wanted = |container: &ComputeContainer| {
            let role = role.as_deref();
            role.is_none_or(|role| container.has_role(role))
        };
        let containers: Vec<_> = containers.into_iter().filter(wanted).collect();
        let total_count = u64::try_from(containers.len()).unwrap_or(u64::MAX);
        let (offset, limit) = (offset.try_into()?, limit.try_into()?);
        let items = containers.into_iter().skip(offset).take(limit).collect();
        Ok(ComputeContainerList { items, total_count })
    }
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

    #[test]
    fn the_schema_as_clients_see_it() {
        insta::assert_snapshot!(SCHEMA.sdl());
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
            let inside = "dependencies {".repeat(depth);
            let query = "query { compute_session(id: \"12c45b55-ce3c-418d-9c58-223bbba307f1\") {";
            format!("{query} {inside} id {} }} }}", "}".repeat(depth))
        };
        assert_eq!(mistakes(&deep(DEPTH_LIMIT - 2), Value::Null).await, [""; 0]);
        assert_ne!(mistakes(&deep(DEPTH_LIMIT - 1), Value::Null).await, [""; 0]);
        let lists = |count: usize| {
            let one = |number| {
                format!(
                    "a{number}: compute_session_list(limit: 100, offset: 0) {{ items {{ id name tag image }} }}"
                )
            };
            let all: String = (0..count).map(one).collect();
            format!("query {{ {all} }}")
        };
        assert_eq!(mistakes(&lists(19), Value::Null).await, [""; 0]);
        assert_ne!(mistakes(&lists(20), Value::Null).await, [""; 0]);
    }
}
