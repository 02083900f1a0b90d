//! The checks of images.

use std::collections::HashSet;

use muster_contract::agent::{ContainerImage, DockerImage, ImageService};
use muster_contract::resource_slots::{CPU, MEMORY};
use muster_contract::{Amount, ResourceSlots};
use toml::Spanned;

use super::NAME_LIMIT;
use super::check::{Checked, Names};
use super::compute::SiteImage;
use super::document_compute::{DockerEntry, ImageEntry, ServiceEntry, SlotsEntry};
use super::keys::proposal;

/// What a container has of the memory, in bytes, where the site says nothing else: 64 MiB.
const DEFAULT_MEMORY: u64 = 64 << 20;

/// What stands before the name of a service in a command, in place of its port.
const PORT_MARK: &str = "{port:";

/// The longest name of a service, a part of subjects and of variables.
const SERVICE_NAME_LIMIT: usize = 64;

impl Checked<'_> {
    pub(super) fn images(&mut self, entries: Vec<ImageEntry>) -> Vec<SiteImage> {
        let mut names = Names::new("image");
        entries
            .into_iter()
            .map(|entry| {
                for name in [&entry.name].into_iter().chain(&entry.aliases) {
                    self.image_name(name);
                    names.add(self, name);
                }
                let services = self.services(&entry.services);
                self.command(&entry.command, &services);
                if let Some(interpreter) = &entry.interpreter
                    && interpreter.get_ref().first().is_none_or(String::is_empty)
                {
                    self.problem(interpreter, "interpreter names no program");
                }
                for (name, value) in &entry.environ {
                    self.variable(name, value);
                }
                if let Some(docker) = &entry.docker {
                    self.docker(docker);
                }
                let (minimum, maximum) =
                    self.image_range(&entry.name, entry.minimum, entry.maximum);
                SiteImage {
                    image: ContainerImage {
                        name: entry.name.into_inner(),
                        command: entry
                            .command
                            .into_inner()
                            .into_iter()
                            .map(Spanned::into_inner)
                            .collect(),
                        docker: entry.docker.map(docker_image),
                        interpreter: entry.interpreter.map(Spanned::into_inner),
                        services,
                        environ: entry
                            .environ
                            .into_iter()
                            .map(|(name, value)| (name.into_inner(), value.into_inner()))
                            .collect(),
                    },
                    aliases: entry.aliases.into_iter().map(Spanned::into_inner).collect(),
                    minimum,
                    maximum: maximum.into(),
                }
            })
            .collect()
    }

    fn image_name(&mut self, name: &Spanned<String>) {
        let text = name.get_ref();
        if text.is_empty()
            || text.len() > NAME_LIMIT
            || !text.bytes().all(|byte| byte.is_ascii_graphic())
        {
            self.problem(
                name,
                format!("an image is called \"python:3.11\" or so: 1 to {NAME_LIMIT} visible ASCII characters, without spaces"),
            );
        }
    }

    fn services(&mut self, entries: &[ServiceEntry]) -> Vec<ImageService> {
        let mut names = Names::new("service");
        let mut ports = HashSet::new();
        for entry in entries {
            let text = entry.name.get_ref();
            let in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            if text.is_empty() || text.len() > SERVICE_NAME_LIMIT || !text.bytes().all(in_names) {
                self.problem(
                    &entry.name,
                    format!("the name of a service has 1 to {SERVICE_NAME_LIMIT} letters, digits and - _"),
                );
            }
            names.add(self, &entry.name);
            let port = *entry.port.get_ref();
            if port == 0 {
                self.problem(&entry.port, "there is no port 0");
            }
            if !ports.insert(port) {
                self.problem(
                    &entry.port,
                    format!("two services of the image have port {port}"),
                );
            }
        }
        entries
            .iter()
            .map(|entry| ImageService {
                name: entry.name.get_ref().clone(),
                protocol: entry.protocol,
                port: *entry.port.get_ref(),
            })
            .collect()
    }

    fn command(&mut self, command: &Spanned<Vec<Spanned<String>>>, services: &[ImageService]) {
        if command
            .get_ref()
            .first()
            .is_none_or(|program| program.get_ref().is_empty())
        {
            self.problem(command, "command names no program");
        }
        for word in command.get_ref() {
            for behind in word.get_ref().split(PORT_MARK).skip(1) {
                let name = behind.split_once('}').map(|(name, _)| name);
                let known = services.iter().map(|service| service.name.as_str());
                if name.is_some_and(|name| known.clone().any(|known| known == name)) {
                    continue;
                }
                let proposal = match (name, services) {
                    (None, _) => "; there is no } behind it".to_owned(),
                    (_, []) => String::new(),
                    (Some(name), _) => proposal(name, known),
                };
                let message = format!("no such service: {:?}{proposal}", name.unwrap_or(behind));
                self.problem(word, message);
            }
        }
    }

    fn docker(&mut self, docker: &DockerEntry) {
        if let Some(image) = &docker.image {
            self.image_name(image);
        }
        if let Some(command) = &docker.command
            && command.get_ref().first().is_none_or(String::is_empty)
        {
            self.problem(command, "command names no program");
        }
    }

    fn variable(&mut self, name: &Spanned<String>, value: &Spanned<String>) {
        let text = name.get_ref();
        if text.is_empty() || text.contains(['=', '\0']) {
            self.problem(name, "a variable has a name without =");
        }
        if value.get_ref().contains('\0') {
            self.problem(value, "no variable holds a character of number 0");
        }
    }

    fn image_range(
        &mut self,
        place: &Spanned<String>,
        minimum: SlotsEntry,
        maximum: SlotsEntry,
    ) -> (ResourceSlots, ResourceSlots) {
        let mut minimum = self.slots(minimum);
        let maximum = self.slots(maximum);
        let given = minimum.clone();
        for (slot, default) in [
            (CPU, Amount::from(1)),
            (MEMORY, Amount::from(DEFAULT_MEMORY)),
        ] {
            // Nothing at all is no amount that anything could run with.
            if given.get(slot).is_zero() {
                minimum.set(slot, default);
            }
        }
        for (slot, most) in maximum.iter() {
            if minimum.get(slot) > most {
                let message = format!(
                    "the image needs {} of {slot} at least and may have {most} at most",
                    minimum.get(slot)
                );
                self.problem(place, message);
            }
        }
        (minimum, maximum)
    }
}

fn docker_image(entry: DockerEntry) -> DockerImage {
    DockerImage {
        image: entry.image.map(Spanned::into_inner),
        command: entry.command.map(Spanned::into_inner),
    }
}
