-- Power loss: a part is on disk, with its directory, before the insert returns, and so before the offset is committed.
-- What a merge writes is on disk before it counts, and the parts it was made from stay for eight minutes.
ALTER TABLE events MODIFY SETTING
    fsync_after_insert = 1, fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480;
ALTER TABLE failed_events MODIFY SETTING
    fsync_after_insert = 1, fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480;
ALTER TABLE skipped_positions MODIFY SETTING
    fsync_after_insert = 1, fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480;
ALTER TABLE fencing_tokens MODIFY SETTING
    fsync_after_insert = 1, fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
