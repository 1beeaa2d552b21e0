"""Where our tables rest: Parquet files under Iceberg snapshots."""
