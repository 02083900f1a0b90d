//! Tokens whose signature has been checked before. A check costs some 40 microseconds, more than all
//! else the frame does for a request, and clients send the same token thousands of times.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use muster_contract::Principal;
use muster_platform::site::TokenDigest;

use super::claims::Claims;

/// Tokens remembered; with more in use all are forgotten and checked again.
pub(super) const LIMIT: usize = 4_096;

/// A token with a good signature: who it stands for, and the times to be looked at on each use.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) principal: Arc<Principal>,
    pub(super) claims: Claims,
}

/// The tokens checked before, by digest, and what is known of each.
#[derive(Debug)]
pub(super) struct VerifiedTokens<V = Verified>(RwLock<HashMap<TokenDigest, Arc<V>>>);

impl<V> Default for VerifiedTokens<V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<V> VerifiedTokens<V> {
    pub(super) fn get(&self, digest: &TokenDigest) -> Option<Arc<V>> {
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tokens.get(digest).cloned()
    }

    pub(super) fn insert(&self, digest: TokenDigest, verified: Arc<V>) {
        let mut tokens = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= LIMIT {
            tokens.clear();
        }
        tokens.insert(digest, verified);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_remembered_than_the_limit() {
        let tokens = VerifiedTokens::default();
        let verified = Arc::new(Verified {
            principal: Arc::new(Principal {
                name: String::new(),
                domain: String::new(),
                project: String::new(),
                roles: Vec::new(),
            }),
            claims: Claims::default(),
        });
        let digest = |number: usize| TokenDigest::of(&number.to_be_bytes());
        for number in 0..=LIMIT {
            tokens.insert(digest(number), Arc::clone(&verified));
            assert!(tokens.get(&digest(number)).is_some());
        }
        assert_eq!(tokens.0.read().unwrap().len(), 1);
    }
}
