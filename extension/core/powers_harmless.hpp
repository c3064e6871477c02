// powers_harmless.hpp: zone P. The server's functions that were looked at and found to need no action on the server, by
// reason. Not part of the module: test/tap/t/060_functions.pl reads it, and fails on a function that stands neither here nor
// in powers.cpp. To classify a new one: what does it reach that no statement, trigger or command shows to the gate?
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <string_view>

namespace jit::core {

// Symbols (pg_proc.prosrc) of LANGUAGE internal that are volatile or not for everybody; PostgreSQL 15 to 18 together.
inline constexpr std::string_view harmless_symbols[] = {
    // Values of sequences, contents of large objects: hooks/values.cpp asks about the sequence or object
    // itself.
    "be_lo_get", "be_lo_get_fragment", "be_lo_lseek", "be_lo_lseek64", "be_lo_open", "be_lo_put",
    "be_lo_truncate", "be_lo_truncate64", "be_loread", "be_lowrite", "nextval_oid", "pg_get_sequence_data",
    "pg_sequence_last_value", "setval3_oid", "setval_oid",
    // Makes, closes or drops a large object, or tells a position in one: the contents are asked about when they
    // are read; be_lo_unlink is a drop, which object_access sees.
    "be_lo_close", "be_lo_creat", "be_lo_create", "be_lo_from_bytea", "be_lo_tell", "be_lo_tell64",
    "be_lo_unlink",
    // What the session was given already, or shows nothing but the session itself.
    "array_sample", "array_shuffle", "clock_timestamp", "current_query", "currval_oid", "drandom",
    "drandom_normal", "gen_random_uuid", "int4random", "int8random", "lastval", "numeric_random",
    "pg_jit_available", "pg_sleep", "setseed", "timeofday", "uuidv7", "uuidv7_interval",
    // Runs a query that it is given, which the gate sees like any other.
    "cursor_to_xml", "cursor_to_xmlschema", "query_to_xml", "query_to_xml_and_xmlschema", "query_to_xmlschema",
    "ts_stat1", "ts_stat2", "tsquery_rewrite_query",
    // Sets what the gate compares at every statement, whichever way it was set.
    "set_config_by_name",
    // Triggers and handlers, which the server calls and no statement can.
    "RI_FKey_cascade_del", "RI_FKey_cascade_upd", "RI_FKey_check_ins", "RI_FKey_check_upd",
    "RI_FKey_noaction_del", "RI_FKey_noaction_upd", "RI_FKey_restrict_del", "RI_FKey_restrict_upd",
    "RI_FKey_setdefault_del", "RI_FKey_setdefault_upd", "RI_FKey_setnull_del", "RI_FKey_setnull_upd",
    "amvalidate", "brinhandler", "bthandler", "ginhandler", "gisthandler", "hashhandler",
    "heap_tableam_handler", "spghandler", "suppress_redundant_updates_trigger", "tsm_bernoulli_handler",
    "tsm_system_handler", "tsvector_update_trigger_bycolumn", "tsvector_update_trigger_byid",
    "unique_key_recheck",
    // Works in pg_upgrade and extension scripts only.
    "binary_upgrade_add_sub_rel_state", "binary_upgrade_create_empty_extension",
    "binary_upgrade_logical_slot_has_caught_up", "binary_upgrade_replorigin_advance",
    "binary_upgrade_set_missing_value", "binary_upgrade_set_next_array_pg_type_oid",
    "binary_upgrade_set_next_attribute_versions", "binary_upgrade_set_next_heap_pg_class_oid",
    "binary_upgrade_set_next_heap_relfilenode", "binary_upgrade_set_next_index_pg_class_oid",
    "binary_upgrade_set_next_index_relfilenode", "binary_upgrade_set_next_multirange_array_pg_type_oid",
    "binary_upgrade_set_next_multirange_pg_type_oid", "binary_upgrade_set_next_pg_authid_oid",
    "binary_upgrade_set_next_pg_enum_oid", "binary_upgrade_set_next_pg_tablespace_oid",
    "binary_upgrade_set_next_pg_type_oid", "binary_upgrade_set_next_toast_pg_class_oid",
    "binary_upgrade_set_next_toast_relfilenode", "binary_upgrade_set_record_init_privs",
    "pg_extension_config_dump",
    // Looks after an index: hooks/index_calls.cpp asks for MAINTAIN of its table.
    "brin_desummarize_range", "brin_summarize_new_values", "brin_summarize_range", "gin_clean_pending_list",
    // Locks, and who waits for whom.
    "pg_advisory_lock_int4", "pg_advisory_lock_int8", "pg_advisory_lock_shared_int4",
    "pg_advisory_lock_shared_int8", "pg_advisory_unlock_all", "pg_advisory_unlock_int4",
    "pg_advisory_unlock_int8", "pg_advisory_unlock_shared_int4", "pg_advisory_unlock_shared_int8",
    "pg_advisory_xact_lock_int4", "pg_advisory_xact_lock_int8", "pg_advisory_xact_lock_shared_int4",
    "pg_advisory_xact_lock_shared_int8", "pg_blocking_pids", "pg_isolation_test_session_is_blocked",
    "pg_lock_status", "pg_safe_snapshot_blocking_pids", "pg_try_advisory_lock_int4",
    "pg_try_advisory_lock_int8", "pg_try_advisory_lock_shared_int4", "pg_try_advisory_lock_shared_int8",
    "pg_try_advisory_xact_lock_int4", "pg_try_advisory_xact_lock_int8", "pg_try_advisory_xact_lock_shared_int4",
    "pg_try_advisory_xact_lock_shared_int8",
    // Counters and memory: how much, not what.
    "pg_get_aios", "pg_get_backend_memory_contexts", "pg_get_loaded_modules", "pg_get_shmem_allocations",
    "pg_get_shmem_allocations_numa", "pg_get_wait_events", "pg_notification_queue_usage",
    "pg_stat_clear_snapshot", "pg_stat_force_next_flush", "pg_stat_get_backend_io", "pg_stat_get_backend_wal",
    "pg_stat_get_io", "pg_stat_get_recovery_prefetch", "pg_stat_get_xact_blocks_fetched",
    "pg_stat_get_xact_blocks_hit", "pg_stat_get_xact_function_calls", "pg_stat_get_xact_function_self_time",
    "pg_stat_get_xact_function_total_time", "pg_stat_get_xact_numscans", "pg_stat_get_xact_tuples_deleted",
    "pg_stat_get_xact_tuples_fetched", "pg_stat_get_xact_tuples_hot_updated",
    "pg_stat_get_xact_tuples_inserted", "pg_stat_get_xact_tuples_newpage_updated",
    "pg_stat_get_xact_tuples_returned", "pg_stat_get_xact_tuples_updated", "pg_stat_have_stats",
    "pg_stat_reset", "pg_stat_reset_backend_stats", "pg_stat_reset_replication_slot", "pg_stat_reset_shared",
    "pg_stat_reset_single_function_counters", "pg_stat_reset_single_table_counters", "pg_stat_reset_slru",
    "pg_stat_reset_subscription_stats",
    // Sizes, and places of rows without their values.
    "currtid_byrelname", "pg_database_size_name", "pg_database_size_oid", "pg_indexes_size",
    "pg_partition_ancestors", "pg_partition_tree", "pg_relation_size", "pg_table_size",
    "pg_tablespace_size_name", "pg_tablespace_size_oid", "pg_total_relation_size",
    // Transactions, snapshots and messages of the session's own.
    "pg_export_snapshot", "pg_get_multixact_members", "pg_last_committed_xact", "pg_logical_emit_message_bytea",
    "pg_logical_emit_message_text", "pg_notify", "pg_prepared_xact", "pg_xact_commit_timestamp",
    "pg_xact_commit_timestamp_origin", "pg_xact_status",
    // Positions in the WAL and states of the server, reading only.
    "pg_collation_actual_version", "pg_control_checkpoint", "pg_control_init", "pg_control_recovery",
    "pg_control_system", "pg_current_logfile", "pg_current_logfile_1arg", "pg_current_wal_flush_lsn",
    "pg_current_wal_insert_lsn", "pg_current_wal_lsn", "pg_database_collation_actual_version",
    "pg_get_wal_replay_pause_state", "pg_get_wal_resource_managers", "pg_config", "pg_get_wal_summarizer_state",
    "pg_is_in_recovery", "pg_is_wal_replay_paused", "pg_last_wal_receive_lsn", "pg_last_wal_replay_lsn",
    "pg_last_xact_replay_timestamp", "pg_replication_origin_oid", "pg_replication_origin_progress",
    "pg_replication_origin_session_is_setup", "pg_replication_origin_session_progress",
    "pg_show_replication_origin_status",
    // Writes what a command writes as well, in its way.
    "pg_import_system_collations",
};

// Libraries (the last part of pg_proc.probin) whose functions need none.
inline constexpr std::string_view harmless_libraries[] = {
    // Types, operators, indexes and text search: they compute.
    "_int", "bloom", "btree_gin", "btree_gist", "citext", "cube", "dict_int", "dict_snowball", "dict_xsyn",
    "earthdistance", "fuzzystrmatch", "hstore", "isn", "ltree", "pg_trgm", "pgcrypto", "seg", "tsm_system_rows",
    "tsm_system_time", "unaccent", "uuid-ossp",
    // Conversions of encodings.
    "cyrillic_and_mic", "euc2004_sjis2004", "euc_cn_and_mic", "euc_jp_and_sjis", "euc_kr_and_mic",
    "euc_tw_and_big5", "latin2_and_win1250", "latin_and_mic", "utf8_and_big5", "utf8_and_cyrillic",
    "utf8_and_euc2004", "utf8_and_euc_cn", "utf8_and_euc_jp", "utf8_and_euc_kr", "utf8_and_euc_tw",
    "utf8_and_gb18030", "utf8_and_gbk", "utf8_and_iso8859", "utf8_and_iso8859_1", "utf8_and_johab",
    "utf8_and_sjis", "utf8_and_sjis2004", "utf8_and_uhc", "utf8_and_win",
    // Triggers; the queries in them are seen like any other.
    "autoinc", "insert_username", "lo", "moddatetime", "refint", "tcn",
    // They run queries that they are given, which the gate sees. pgxml reads neither files nor the network.
    "pgxml", "plpgsql", "tablefunc",
    // The session at the other end is decided by itself, for the role that it is authenticated as.
    "dblink", "postgres_fdw",
    // Counters, sizes and places of rows without their values.
    "old_snapshot", "pg_buffercache", "pg_freespacemap", "pg_prewarm", "pg_stat_statements", "pgrowlocks",
    "pgstattuple", "sslinfo",
    // Checks pages and shows no values; what functions of an index read is asked about by itself.
    "amcheck",
    // jit_guard itself, and others that the tests load: event triggers of the one; the role that the other sets
    // is compared at every statement.
    "jit_guard", "pgaudit", "set_user",
};

} // namespace jit::core
