// powers_test.cpp: zone P. Which functions reach beyond the tables.
#include "core/powers.hpp"

#include <gtest/gtest.h>

using jit::core::Action;
using jit::core::power_of_library;
using jit::core::power_of_symbol;

TEST(Powers, SymbolsOfTheServer)
{
    EXPECT_EQ(power_of_symbol("pg_read_file_all"), Action::file_function);
    EXPECT_EQ(power_of_symbol("be_lo_export"), Action::file_function);
    EXPECT_EQ(power_of_symbol("pg_terminate_backend"), Action::signal);
    EXPECT_EQ(power_of_symbol("pg_logical_slot_get_changes"), Action::replication);
    EXPECT_EQ(power_of_symbol("show_all_file_settings"), Action::file_function); // the last row
    EXPECT_EQ(power_of_symbol("be_lo_import"), Action::file_function);
}

TEST(Powers, OthersHaveNone)
{
    for (const char *symbol : {"", "a", "int4pl", "pg_read_fil", "pg_read_file_", "zzz", "PG_READ_FILE", "pageinspect"})
        EXPECT_EQ(power_of_symbol(symbol), Action::count_) << symbol;
}

TEST(Powers, LibrariesByTheirLastName)
{
    for (const char *library : {"pageinspect", "$libdir/pageinspect", "/usr/lib/x/pageinspect.so", "/pageinspect"})
        EXPECT_EQ(power_of_library(library), Action::file_function) << library;
    EXPECT_EQ(power_of_library("$libdir/file_fdw"), Action::copy_file);
    for (const char *library : {"", "/", ".so", "$libdir/hstore", "pageinspect/hstore", "xpageinspect"})
        EXPECT_EQ(power_of_library(library), Action::count_) << library;
}
