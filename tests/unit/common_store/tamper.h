#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <string>

#include "tests/support/sim_disk.h"

namespace nestor::store {

// Runs `sql` on the database `file` as it lies on `disk`.
inline void Tamper(const testing::SimDisk& disk, const char* file, const char* sql) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open_v2(file, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                            disk.vfs().c_str()),
            SQLITE_OK);
  const std::string whole = std::string("PRAGMA locking_mode = EXCLUSIVE;") + sql;
  EXPECT_EQ(sqlite3_exec(handle, whole.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(handle);
  sqlite3_close(handle);
}

}  // namespace nestor::store
