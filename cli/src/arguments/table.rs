//! The table that `doorbell token` and `doorbell why` open themselves, without the API.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub struct TableArgs {
    /// Store of requests and tokens
    #[arg(long, value_enum, global = true, default_value_t = TableStoreKind::Dynamodb)]
    pub store: TableStoreKind,

    /// Table for `--store dynamodb`
    #[arg(long, global = true, env = "DOORBELL_TABLE", default_value = "doorbell")]
    pub table: String,

    /// File for `--store embedded`
    #[arg(long, global = true, value_name = "FILE")]
    pub data: Option<PathBuf>,
}

impl TableArgs {
    /// Whether `--data` was given to a store without a file.
    pub(super) fn ignores_data(&self) -> bool {
        self.data.is_some() && self.store != TableStoreKind::Embedded
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableStoreKind {
    /// The file of a `doorbell dev --data`
    Embedded,
    /// DynamoDB, configured by the AWS environment variables
    Dynamodb,
}
