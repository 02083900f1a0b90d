use super::*;
use crate::testing::{
    allocate, cancel, declare, got, of_pool, on_both_engines, queue, refused, waiting, wanted,
};

on_both_engines! {
    async fn a_waiter_that_goes_away_leaves_what_was_kept_for_it(database) {
        declare(database, &[("metal", "n[1-3].dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 1)])]).await;
        let (large, small) = (waiting(2, 60, vec![of_pool("metal", 3)]), waiting(3, 60, vec![of_pool("metal", 2)]));
        assert_eq!(allocate(database, &[large, small]).await, []);
        let cancelled = refused(2, AllocationRefusal::Cancelled);
        assert_eq!(cancel(database, &[2]).await, [cancelled, got(3, &["n2.dusty", "n3.dusty"])]);
        // Those are answered.
        assert_eq!(cancel(database, &[1, 2, 3]).await, []);
        assert!(queue(database).await.is_empty());
    }

    async fn a_request_that_comes_after_its_cancellation_is_refused(database) {
        declare(database, &[("metal", "n1.dusty")]).await;
        assert_eq!(cancel(database, &[1]).await, []);
        let late = waiting(1, 60, vec![of_pool("metal", 1)]);
        assert_eq!(allocate(database, &[late]).await, [refused(1, AllocationRefusal::Cancelled)]);
    }
}
