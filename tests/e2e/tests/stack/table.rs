//! What can be told only with the table in hand (`DOORBELL_TABLE`).

mod expiry;
