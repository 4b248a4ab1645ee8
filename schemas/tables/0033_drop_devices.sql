-- Followed by device_persons and device_moments.
DROP VIEW IF EXISTS devices
