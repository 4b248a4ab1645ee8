"""What a statement may name. All else is refused, also what a newer engine brings.

Functions are allowed by the category that the engine itself gives them, when every member of the category
only computes; of the mixed categories ("Other", "Internal", "Time Series") the harmless ones are named.
"""

CATEGORIES = frozenset(
    {
        "Arithmetic", "Arrays", "Bit", "Bitmap", "Comparison", "Conditional", "Dates and Times",
        "Distance", "Encoding", "Financial", "Geo", "Geo Polygon", "Hash", "IP Address", "JSON",
        "Logical", "Map", "Mathematical", "Null", "NumericIndexedVector", "QBit", "Random Number",
        "Rounding", "String", "String Replacement", "String Search", "String Splitting", "Time Window",
        "Tuple", "Type Conversion", "URL", "UUID",
    }
)  # fmt: skip

# What the parser writes as functions though the engine has none of these names.
SYNTAX = frozenset({"exists", "grouping", "lambda", "untuple"})

FUNCTIONS = frozenset(
    {
        "_CAST", "bar", "blockNumber", "blockSize", "byteSize", "caseWithExpression", "connectionId",
        "countDigits", "currentDatabase", "currentUser", "defaultValueOfArgumentType",
        "defaultValueOfTypeName", "digits", "displayName", "errorCodeToName", "finalizeAggregation", "formatQuery",
        "formatQuerySingleLine", "formatReadableDecimalSize", "formatReadableQuantity",
        "formatReadableSize", "formatReadableTimeDelta", "getSizeOfEnumType", "getSubcolumn", "identity",
        "ignore", "indexHint", "initializeAggregation", "isConstant", "isDecimalOverflow",
        "lowCardinalityIndices", "lowCardinalityKeys", "materialize", "minSampleSizeContinuous",
        "minSampleSizeConversion", "neighbor", "nested", "normalizedQueryHash", "normalizeQuery",
        "parseISO8601Duration", "parseReadableSize", "parseReadableSizeOrNull", "parseReadableSizeOrZero",
        "parseTimeDelta", "queryID", "revision", "rowNumberInAllBlocks", "rowNumberInBlock", "runningAccumulate",
        "runningDifference", "runningDifferenceStartingWithFirstValue", "seriesDecomposeSTL",
        "seriesOutliersDetectTukey", "throwIf", "timeSeriesFromGrid", "timeSeriesRange",
        "toColumnTypeName", "toTypeName", "transform", "uptime", "variantElement", "variantType",
        "version", "visibleWidth",
    }
)  # fmt: skip

# In an allowed category, but they reach for more than their arguments: formats, the engine's own memory.
NOT_FUNCTIONS = frozenset({"formatRow", "formatRowNoNewline", "groupFormat", "flameGraph"})

TABLE_FUNCTIONS = frozenset(
    {"generateSeries", "generate_series", "numbers", "numbers_mt", "primes", "values", "zeros", "zeros_mt"}
)

# What clients read when they connect or list what there is; none shows what others ask.
SYSTEM_TABLES = frozenset(
    {
        "aggregate_function_combinators", "collations", "columns", "data_type_families", "databases",
        "formats", "functions", "keywords", "numbers", "numbers_mt", "one", "settings", "table_engines",
        "table_functions", "tables", "time_zones", "zeros", "zeros_mt",
    }
)  # fmt: skip

# Settings that change how an answer is computed or written, never what may be read or how much.
SETTINGS = frozenset(
    {
        "aggregate_functions_null_for_empty", "any_join_distinct_right_table_keys", "cast_keep_nullable",
        "cast_string_to_dynamic_use_inference", "date_time_input_format", "date_time_output_format",
        "describe_compact_output", "empty_result_for_aggregation_by_empty_set", "except_default_mode",
        "final", "format_csv_delimiter", "group_by_use_nulls", "input_format_null_as_default",
        "intersect_default_mode", "join_default_strictness", "join_use_nulls",
        "optimize_read_in_order", "output_format_arrow_low_cardinality_as_dictionary",
        "output_format_arrow_string_as_string", "output_format_csv_crlf_end_of_line",
        "output_format_decimal_trailing_zeros", "output_format_json_named_tuples_as_objects",
        "output_format_json_quote_64bit_floats", "output_format_json_quote_64bit_integers",
        "output_format_json_quote_decimals", "output_format_json_quote_denormals",
        "output_format_native_write_json_as_string", "output_format_parquet_string_as_string",
        "output_format_write_statistics", "prefer_column_name_to_alias", "session_timezone",
        "totals_mode", "transform_null_in", "union_default_mode",
    }
)  # fmt: skip

# Written without a header of their own, so the engine's blocks can be sent one after another as they come.
STREAMED_FORMATS = frozenset(
    {
        "CSV", "JSONCompactEachRow", "JSONEachRow", "JSONLines", "JSONStringsEachRow", "NDJSON", "Native",
        "RowBinary", "TSKV", "TSV", "TSVRaw", "TabSeparated", "TabSeparatedRaw",
    }
)  # fmt: skip

FORMATS = STREAMED_FORMATS | {
    "Arrow", "ArrowStream", "CSVWithNames", "CSVWithNamesAndTypes", "JSON", "JSONColumns",
    "JSONColumnsWithMetadata", "JSONCompact", "JSONCompactColumns", "JSONCompactEachRowWithNames",
    "JSONCompactEachRowWithNamesAndTypes", "JSONCompactStrings", "JSONObjectEachRow", "JSONStrings",
    "Markdown", "Null", "Parquet", "Pretty", "PrettyCompact", "PrettyCompactMonoBlock", "PrettyNoEscapes",
    "PrettySpace", "RowBinaryWithNames", "RowBinaryWithNamesAndTypes", "TSVRawWithNames", "TSVWithNames",
    "TSVWithNamesAndTypes", "TabSeparatedRawWithNames", "TabSeparatedWithNames",
    "TabSeparatedWithNamesAndTypes", "Values", "Vertical", "XML",
}  # fmt: skip

# What the writer may read besides: which inserts still run, which parts are new.
WRITER_SYSTEM_TABLES = SYSTEM_TABLES | {"parts", "processes"}

# How rows are read and inserted, and what a statement may take; none is an expression, an address or a path.
WRITER_SETTINGS = SETTINGS | {
    "async_insert", "input_format_defaults_for_omitted_fields", "input_format_import_nested_json",
    "input_format_parallel_parsing", "input_format_skip_unknown_fields", "insert_deduplicate",
    "insert_deduplication_token", "insert_quorum", "insert_quorum_parallel", "insert_quorum_timeout",
    "join_algorithm", "log_comment", "max_block_size", "max_bytes_before_external_group_by",
    "max_bytes_before_external_sort", "max_execution_time", "max_insert_block_size", "max_insert_threads",
    "max_memory_usage", "max_partitions_per_insert_block", "max_result_bytes", "max_result_rows", "max_threads",
    "optimize_use_projections", "select_sequential_consistency", "use_skip_indexes", "wait_for_async_insert",
}  # fmt: skip

ENGINES = frozenset(
    {
        "AggregatingMergeTree", "CollapsingMergeTree", "MergeTree", "ReplacingMergeTree", "SummingMergeTree",
        "VersionedCollapsingMergeTree",
    }
)  # fmt: skip

# Of a table: how its parts are kept, merged and synced, never where.
TABLE_SETTINGS = frozenset(
    {
        "allow_nullable_key", "deduplicate_merge_projection_mode", "fsync_after_insert", "fsync_part_directory",
        "index_granularity", "index_granularity_bytes", "lightweight_mutation_projection_mode",
        "max_parts_in_total", "merge_with_ttl_timeout", "min_bytes_for_wide_part",
        "min_compressed_bytes_to_fsync_after_fetch", "min_compressed_bytes_to_fsync_after_merge",
        "min_rows_for_wide_part", "min_rows_to_fsync_after_merge", "non_replicated_deduplication_window",
        "old_parts_lifetime", "parts_to_delay_insert", "parts_to_throw_insert",
        "replicated_deduplication_window", "replicated_deduplication_window_seconds", "ttl_only_drop_parts",
    }
)  # fmt: skip

CODECS = frozenset({"CODEC", "Delta", "DoubleDelta", "FPC", "GCD", "Gorilla", "LZ4", "LZ4HC", "NONE", "T64", "ZSTD"})

INDEX_TYPES = frozenset({"bloom_filter", "minmax", "ngrambf_v1", "set", "tokenbf_v1"})

# Additive, or about how a table is kept; none that takes rows away or brings them from elsewhere.
ALTERS = frozenset(
    {
        "ADD_COLUMN", "ADD_CONSTRAINT", "ADD_INDEX", "ADD_PROJECTION", "COMMENT_COLUMN", "MATERIALIZE_COLUMN",
        "MATERIALIZE_INDEX", "MATERIALIZE_PROJECTION", "MODIFY_COLUMN", "MODIFY_COMMENT", "MODIFY_SETTING",
        "MODIFY_TTL", "RENAME_COLUMN",
    }
)  # fmt: skip
