"""Where a replica's rows stand in the global batch."""

from __future__ import annotations

import tensorflow as tf


def replica_rows(
    rows: tf.Tensor,
) -> tuple[tf.Tensor | int, tf.Tensor]:
    """Return (first row of this replica, rows of the global batch).

    Replicas need not have equally many rows: the last batch of an epoch is
    divided as it comes. Outside of replicas, as in eager code under
    `strategy.scope()`, the rows are the global batch.

    Args:
        rows: how many rows this replica has, int32 scalar.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return 0, rows
    replicas = context.num_replicas_in_sync
    mine = tf.one_hot(
        context.replica_id_in_sync_group, replicas, dtype=tf.int32
    )
    counts = context.all_reduce(tf.distribute.ReduceOp.SUM, mine * rows)
    before = tf.cumsum(counts, exclusive=True)
    return before[context.replica_id_in_sync_group], tf.reduce_sum(counts)
