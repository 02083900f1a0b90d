//! What the site has to say to a request for a session, in the order of Backend.AI's manager (`api/backendai.md` §2): what is asked
//! for on whose behalf, the image, and then all that does not matter if the session is there already.

use muster_contract::resource_slots::MEMORY;
use muster_contract::session::{ComputeSessionType, CreateComputeSession, ScheduleRule};
use muster_contract::{Amount, Principal, ResourceSlots};
use muster_platform::site::SiteImage;

use super::super::super::error::OVER_QUOTA;
use super::super::super::fields::wrong;
use super::request::CreationRequest;
use crate::auth::KeyPair;
use crate::frame::{Failure, FailureKind};

/// Stands for the caller's own group or domain.
const OWN: &str = "default";

/// Shared memory of a container that does not say how much it wants: 64 MiB.
const DEFAULT_SHMEM: u64 = 64 * 1024 * 1024;

/// What a session is to be made of.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Its name.
    pub(crate) name: String,
    /// When the request is answered.
    pub(crate) answer: ScheduleRule,
}

/// The command that makes the session.
///
/// # Errors
/// What is asked for cannot be. That is of no matter if there is a session of that name to be used again.
pub(crate) fn wanted(
    request: CreationRequest,
    owner: &KeyPair,
    image: &SiteImage,
    wanted: Wanted,
) -> Result<CreateComputeSession, Failure> {
    check_batch(&request)?;
    check_home(&request, &owner.principal)?;
    let slots = slots(&request, image)?;
    let config = request.config;
    let cluster_size = config.cluster_size.unwrap_or(1);
    let policy = owner.policy.as_deref();
    let most = policy.and_then(|policy| policy.containers_per_session);
    if let Some(most) = most.filter(|most| cluster_size > *most) {
        let message = format!("a session of this owner may have {most} containers");
        return Err(Failure::new(FailureKind::NotAcceptable, message).code(OVER_QUOTA));
    }
    let idle_timeout = policy.and_then(|policy| policy.idle_timeout);
    Ok(CreateComputeSession {
        name: wanted.name,
        owner: owner.access_key.clone(),
        user: owner.principal.name.clone(),
        tenant: owner.principal.project.clone(),
        domain: owner.principal.domain.clone(),
        kind: request.kind,
        image: image.image.clone(),
        tag: request.tag,
        // Old clients send something here for every session.
        startup_command: request
            .startup_command
            .filter(|_| request.kind == ComputeSessionType::Batch),
        bootstrap_script: request.bootstrap_script,
        starts_at: request.starts_at.map(muster_platform::Timestamp::as_micros),
        environ: config.environ,
        mounts: config.mounts,
        mount_paths: config.mount_paths,
        resource_options: config.resource_options,
        scaling_group: config.scaling_group,
        slots,
        cluster_size,
        on_one_agent: request.on_one_agent,
        preopen_ports: config.preopen_ports,
        dependencies: request.dependencies,
        idle_timeout: idle_timeout.map(|time| i64::try_from(time.as_micros()).unwrap_or(i64::MAX)),
        reuse: request.reuse,
        answer: wanted.answer,
    })
}

fn check_batch(request: &CreationRequest) -> Result<(), Failure> {
    match request.kind {
        ComputeSessionType::Batch if request.startup_command.is_none() => Err(wrong(
            "startupCommand",
            "is missing: a batch session runs it",
        )),
        ComputeSessionType::Interactive if request.starts_at.is_some() => {
            Err(wrong("starts_at", "is for batch sessions"))
        }
        _ => Ok(()),
    }
}

/// A session is of its owner's project.
fn check_home(request: &CreationRequest, owner: &Principal) -> Result<(), Failure> {
    for (name, given, own) in [
        ("domain", &request.domain, &owner.domain),
        ("group", &request.group, &owner.project),
    ] {
        let given = given.as_deref().filter(|given| !given.is_empty());
        if given.is_some_and(|given| given != own && given != OWN) {
            return Err(wrong(name, "is not the owner's own"));
        }
    }
    Ok(())
}

/// What each container gets: what is asked for, and of the rest what the image needs.
fn slots(request: &CreationRequest, image: &SiteImage) -> Result<ResourceSlots, Failure> {
    let mut minimum = image.minimum.clone();
    let shmem = request.config.shmem;
    let shmem = shmem.unwrap_or_else(|| Amount::from(DEFAULT_SHMEM));
    minimum.set(MEMORY, minimum.get(MEMORY).plus(shmem));
    let mut slots = minimum.clone();
    for (slot, amount) in request.config.slots.iter() {
        slots.set(slot, amount);
    }
    if !minimum.fits_in(&slots) {
        return Err(wrong(
            "resources",
            &format!("is less than the image needs: ({})", text(&minimum)),
        ));
    }
    if let Some((slot, most)) = image.maximum.first_exceeded(&slots) {
        return Err(wrong(
            "resources",
            &format!("is more than the image may have: ({slot}={most})"),
        ));
    }
    Ok(slots)
}

/// For people: `cpu=1 mem=134217728`.
fn text(slots: &ResourceSlots) -> String {
    let slots = slots
        .iter()
        .map(|(slot, amount)| format!("{slot}={amount}"));
    slots.collect::<Vec<_>>().join(" ")
}
