// powers.cpp: zone P. The tables behind powers.hpp, sorted; PostgreSQL 15 to 18 together.
#include "core/powers.hpp"

#include <array>
#include <cstddef>

namespace jit::core {
namespace {

struct Power {
    std::string_view name;
    Action action;
};

constexpr std::array symbols{
    Power{"be_lo_export", Action::file_function},
    Power{"be_lo_import", Action::file_function},
    Power{"be_lo_import_with_oid", Action::file_function},
    Power{"pg_available_wal_summaries", Action::file_function},
    Power{"pg_backup_start", Action::signal},
    Power{"pg_backup_stop", Action::signal},
    Power{"pg_cancel_backend", Action::signal},
    Power{"pg_clear_attribute_stats", Action::untrusted_code},
    Power{"pg_clear_relation_stats", Action::untrusted_code},
    Power{"pg_copy_logical_replication_slot_a", Action::replication},
    Power{"pg_copy_logical_replication_slot_b", Action::replication},
    Power{"pg_copy_logical_replication_slot_c", Action::replication},
    Power{"pg_copy_physical_replication_slot_a", Action::replication},
    Power{"pg_copy_physical_replication_slot_b", Action::replication},
    Power{"pg_create_logical_replication_slot", Action::replication},
    Power{"pg_create_physical_replication_slot", Action::replication},
    Power{"pg_create_restore_point", Action::signal},
    Power{"pg_drop_replication_slot", Action::replication},
    Power{"pg_hba_file_rules", Action::file_function},
    Power{"pg_ident_file_mappings", Action::file_function},
    Power{"pg_log_backend_memory_contexts", Action::signal},
    Power{"pg_log_standby_snapshot", Action::signal},
    Power{"pg_logical_slot_get_binary_changes", Action::replication},
    Power{"pg_logical_slot_get_changes", Action::replication},
    Power{"pg_logical_slot_peek_binary_changes", Action::replication},
    Power{"pg_logical_slot_peek_changes", Action::replication},
    Power{"pg_ls_archive_statusdir", Action::file_function},
    Power{"pg_ls_dir", Action::file_function},
    Power{"pg_ls_dir_1arg", Action::file_function},
    Power{"pg_ls_logdir", Action::file_function},
    Power{"pg_ls_logicalmapdir", Action::file_function},
    Power{"pg_ls_logicalsnapdir", Action::file_function},
    Power{"pg_ls_replslotdir", Action::file_function},
    Power{"pg_ls_summariesdir", Action::file_function},
    Power{"pg_ls_tmpdir_1arg", Action::file_function},
    Power{"pg_ls_tmpdir_noargs", Action::file_function},
    Power{"pg_ls_waldir", Action::file_function},
    Power{"pg_nextoid", Action::untrusted_code},
    Power{"pg_promote", Action::signal},
    Power{"pg_read_binary_file", Action::file_function},
    Power{"pg_read_binary_file_all", Action::file_function},
    Power{"pg_read_binary_file_all_missing", Action::file_function},
    Power{"pg_read_binary_file_off_len", Action::file_function},
    Power{"pg_read_binary_file_off_len_missing", Action::file_function},
    Power{"pg_read_file", Action::file_function},
    Power{"pg_read_file_all", Action::file_function},
    Power{"pg_read_file_all_missing", Action::file_function},
    Power{"pg_read_file_off_len", Action::file_function},
    Power{"pg_read_file_off_len_missing", Action::file_function},
    Power{"pg_read_file_v2", Action::file_function},
    Power{"pg_reload_conf", Action::signal},
    Power{"pg_replication_origin_advance", Action::replication},
    Power{"pg_replication_origin_create", Action::replication},
    Power{"pg_replication_origin_drop", Action::replication},
    Power{"pg_replication_origin_session_reset", Action::replication},
    Power{"pg_replication_origin_session_setup", Action::replication},
    Power{"pg_replication_origin_xact_reset", Action::replication},
    Power{"pg_replication_origin_xact_setup", Action::replication},
    Power{"pg_replication_slot_advance", Action::replication},
    Power{"pg_restore_attribute_stats", Action::untrusted_code},
    Power{"pg_restore_relation_stats", Action::untrusted_code},
    Power{"pg_rotate_logfile", Action::signal},
    Power{"pg_rotate_logfile_v2", Action::signal},
    Power{"pg_stat_file", Action::file_function},
    Power{"pg_stat_file_1arg", Action::file_function},
    Power{"pg_stop_making_pinned_objects", Action::untrusted_code},
    Power{"pg_switch_wal", Action::signal},
    Power{"pg_sync_replication_slots", Action::replication},
    Power{"pg_terminate_backend", Action::signal},
    Power{"pg_wal_replay_pause", Action::signal},
    Power{"pg_wal_replay_resume", Action::signal},
    Power{"pg_wal_summary_contents", Action::file_function},
    Power{"show_all_file_settings", Action::file_function},
};

// Libraries whose functions read or change what lies below the tables, or files.
constexpr std::array libraries{
    Power{"adminpack", Action::file_function},
    Power{"file_fdw", Action::copy_file},
    Power{"pageinspect", Action::file_function},
    Power{"pg_logicalinspect", Action::file_function},
    Power{"pg_surgery", Action::file_function},
    Power{"pg_visibility", Action::file_function},
    Power{"pg_walinspect", Action::file_function},
};

template <std::size_t count> constexpr bool is_sorted(const std::array<Power, count> &rows) noexcept
{
    for (std::size_t i = 1; i < rows.size(); i++)
        if (rows[i - 1].name >= rows[i].name)
            return false;
    return true;
}
static_assert(is_sorted(symbols) && is_sorted(libraries));

template <std::size_t count> constexpr Action find(const std::array<Power, count> &rows, std::string_view name) noexcept
{
    std::size_t low = 0;
    std::size_t high = rows.size();
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        if (rows[middle].name == name)
            return rows[middle].action;
        if (rows[middle].name < name)
            low = middle + 1;
        else
            high = middle;
    }
    return Action::count_;
}

} // namespace

Action power_of_symbol(std::string_view symbol) noexcept { return find(symbols, symbol); }

Action power_of_library(std::string_view library) noexcept
{
    if (const std::size_t slash = library.rfind('/'); slash != std::string_view::npos)
        library.remove_prefix(slash + 1);
    if (constexpr std::string_view suffix = ".so"; library.ends_with(suffix))
        library.remove_suffix(suffix.size());
    return find(libraries, library);
}

} // namespace jit::core
