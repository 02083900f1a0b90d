//! Images of Docker: fetched where they are not there yet.

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::TryStreamExt as _;
use muster_contract::agent::StartContainer;

use super::engine::{Engine, EngineError, is_missing};

/// An image that is there.
pub(super) struct Image {
    /// What Docker calls it.
    pub(super) name: String,
    /// What it runs itself.
    pub(super) command: Vec<String>,
}

impl Engine {
    /// The image of an order, fetched if it is not there.
    pub(super) async fn image(&self, order: &StartContainer) -> Result<Image, EngineError> {
        let name = order.image.docker.as_ref();
        let name = name.and_then(|docker| docker.image.as_ref());
        let name = name.unwrap_or(&order.image.name).clone();
        let found = match self.client.inspect_image(&name).await {
            Err(error) if is_missing(&error) => {
                self.fetch(&name).await?;
                self.client.inspect_image(&name).await?
            }
            found => found?,
        };
        let config = found.config.unwrap_or_default();
        let entrypoint = config.entrypoint.unwrap_or_default();
        let command = entrypoint.into_iter().chain(config.cmd.unwrap_or_default());
        Ok(Image {
            name,
            command: command.collect(),
        })
    }

    async fn fetch(&self, name: &str) -> Result<(), EngineError> {
        let options = CreateImageOptionsBuilder::default().from_image(name);
        // Without a tag it would be all of them.
        let has_tag = name
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains([':', '@']));
        let options = if has_tag {
            options
        } else {
            options.tag("latest")
        };
        let mut steps = self.client.create_image(Some(options.build()), None, None);
        let failed = |text: String| {
            EngineError::new(format!(
                "the image {name} is not there and cannot be fetched: {text}"
            ))
        };
        while let Some(step) = steps
            .try_next()
            .await
            .map_err(|error| failed(EngineError::from(error).to_string()))?
        {
            if let Some(detail) = step.error_detail {
                return Err(failed(detail.message.unwrap_or_default()));
            }
        }
        Ok(())
    }
}
