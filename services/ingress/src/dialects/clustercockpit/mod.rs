//! ClusterCockpit's REST API for job archives, as a superset of its releases from 2023 to 2026: see
//! `README.md` beside this file for where they differ and which side is taken.

mod delete_job;
mod delete_job_by_id;
mod delete_jobs_before;
mod deletion;
mod description;
mod edit_meta;
mod error;
mod get_job;
mod get_job_metrics;
mod go_json;
mod go_numbers;
mod job_data;
mod job_meta;
mod job_metrics;
mod job_object;
mod list_clusters;
mod list_jobs;
mod machine_state;
mod node_state;
mod path_number;
mod remove_tags;
mod roles;
mod start_job;
mod stop_job;
mod stop_job_by_id;
mod stop_request;
mod tag_job;
mod untag_job;
mod used_nodes;
mod users;
mod write_metrics;
mod writing;

use axum::routing::{delete, get, patch, post};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::frame::{Dialect, Ingress};

/// The dialect.
pub(crate) static CLUSTERCOCKPIT: Dialect = Dialect {
    name: "clustercockpit",
    document: "/openapi/clustercockpit.json",
    owns,
    request_id: None,
    authenticate: roles::authenticate,
    challenge: "Bearer realm=\"muster\"",
    render: error::render,
    routes: endpoints,
};

fn owns(path: &str) -> bool {
    ["/api", "/userapi"]
        .into_iter()
        .filter_map(|prefix| path.strip_prefix(prefix))
        .any(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The endpoints. Early releases redirect a path without the slash at its end to the one with it,
/// upon which most clients turn a POST into a GET; here both are served.
fn endpoints() -> OpenApiRouter<Ingress> {
    let described = OpenApiRouter::with_openapi(description::document())
        .routes(routes!(list_jobs::list_jobs))
        .routes(routes!(get_job::get_job, get_job_metrics::get_job_metrics))
        .routes(routes!(job_metrics::job_metrics))
        .routes(routes!(used_nodes::used_nodes))
        .routes(routes!(start_job::start_job))
        .routes(routes!(stop_job::stop_job))
        .routes(routes!(stop_job_by_id::stop_job_by_id))
        .routes(routes!(write_metrics::write_metrics))
        .routes(routes!(tag_job::tag_job, untag_job::untag_job))
        .routes(routes!(edit_meta::edit_meta_by_id))
        .routes(routes!(edit_meta::edit_meta))
        .routes(routes!(delete_job::delete_job))
        .routes(routes!(delete_job_by_id::delete_job_by_id))
        .routes(routes!(delete_jobs_before::delete_jobs_before))
        .routes(routes!(remove_tags::remove_tags))
        .routes(routes!(list_clusters::list_clusters))
        .routes(routes!(
            node_state::record_node_states,
            node_state::list_node_states
        ))
        .routes(routes!(
            machine_state::record_machine_state,
            machine_state::find_machine_state
        ))
        .routes(routes!(users::list_users, users::change_users))
        .routes(routes!(users::change_user));
    for_users(with_other_slashes(described))
}

/// The same paths with a slash at their end where they have none, and without where they have one.
fn with_other_slashes(router: OpenApiRouter<Ingress>) -> OpenApiRouter<Ingress> {
    use edit_meta::{edit_meta, edit_meta_by_id};
    use node_state::{list_node_states, record_node_states};
    use start_job::start_job;
    use stop_job::stop_job;
    use stop_job_by_id::stop_job_by_id;
    router
        .route("/api/write/", post(write_metrics::write_metrics))
        .route("/api/jobs", get(list_jobs::list_jobs))
        .route("/api/jobs/start_job", post(start_job).put(start_job))
        .route("/api/jobs/stop_job", post(stop_job).put(stop_job))
        .route(
            "/api/jobs/stop_job/{id}/",
            post(stop_job_by_id).put(stop_job_by_id),
        )
        .route(
            "/api/jobs/tag_job/{id}/",
            post(tag_job::tag_job)
                .patch(tag_job::tag_job)
                .delete(untag_job::untag_job),
        )
        .route(
            "/api/jobs/edit_meta/{id}/",
            patch(edit_meta_by_id).post(edit_meta_by_id),
        )
        .route("/api/jobs/edit_meta", patch(edit_meta).post(edit_meta))
        .route("/api/jobs/delete_job", delete(delete_job::delete_job))
        .route(
            "/api/jobs/delete_job/{id}/",
            delete(delete_job_by_id::delete_job_by_id),
        )
        .route(
            "/api/jobs/delete_job_before/{ts}/",
            delete(delete_jobs_before::delete_jobs_before),
        )
        .route("/api/jobs/used_nodes/", get(used_nodes::used_nodes))
        .route(
            "/api/jobs/{id}/",
            get(get_job::get_job).post(get_job_metrics::get_job_metrics),
        )
        .route("/api/jobs/metrics/{id}/", get(job_metrics::job_metrics))
        .route("/api/tags", delete(remove_tags::remove_tags))
        .route("/api/clusters", get(list_clusters::list_clusters))
        .route(
            "/api/nodestate",
            get(list_node_states)
                .post(record_node_states)
                .put(record_node_states),
        )
        .route("/api/users", get(users::list_users))
}

/// What users may ask with tokens of their own: they see their own jobs (`roles.rs`).
fn for_users(router: OpenApiRouter<Ingress>) -> OpenApiRouter<Ingress> {
    router
        .route("/userapi/jobs", get(list_jobs::list_jobs))
        .route("/userapi/jobs/", get(list_jobs::list_jobs))
        .route(
            "/userapi/jobs/{id}",
            get(get_job::get_job).post(get_job_metrics::get_job_metrics),
        )
        .route("/userapi/jobs/metrics/{id}", get(job_metrics::job_metrics))
}

#[cfg(test)]
mod tests {
    use super::owns;

    #[test]
    fn its_paths_are_known_by_their_beginning() {
        for path in ["/api", "/api/jobs/", "/api/nothing", "/userapi/jobs/1"] {
            assert!(owns(path), "{path}");
        }
        for path in ["/", "/apis", "/userapis/jobs/", "/v1/api"] {
            assert!(!owns(path), "{path}");
        }
    }
}
