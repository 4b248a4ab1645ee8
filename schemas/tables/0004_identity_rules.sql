-- What identity resolution must know, in one place: ids that name nobody, and how many users a device may have before
-- it counts as shared (a shop counter, a library) and its anonymous events stay anonymous.
CREATE VIEW IF NOT EXISTS identity_rules AS
SELECT
    ['', '0', '-1', 'null', '(null)', 'nil', 'none', 'undefined', 'nan', 'unknown', 'anonymous', 'guest', 'user',
     'true', 'false', '[object object]', '00000000-0000-0000-0000-000000000000'] AS nobody,
    3 AS most_users_of_a_device
