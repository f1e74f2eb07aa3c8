#pragma once

#include <sqlite3.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "common/store/journal.h"
#include "tests/bench/turns.h"

namespace nestor::bench {

// A folder on the disk that the benchmark is run from.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::current_path() / "store-bench-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::exit(1);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string File(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// The least that SQLite can do for the same durability.
class BareTable {
 public:
  explicit BareTable(const std::string& path) {
    Check(sqlite3_open(path.c_str(), &handle_));
    Check(sqlite3_exec(handle_,
                       "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                       "PRAGMA synchronous = FULL;"
                       "CREATE TABLE bare(id INTEGER PRIMARY KEY, data BLOB)",
                       nullptr, nullptr, nullptr));
    Check(sqlite3_prepare_v2(handle_, "INSERT INTO bare(data) VALUES(?1)", -1, &insert_, nullptr));
  }
  ~BareTable() {
    sqlite3_finalize(insert_);
    sqlite3_close(handle_);
  }
  void Append(const std::string& bytes) {
    sqlite3_bind_blob64(insert_, 1, bytes.data(), bytes.size(), nullptr);
    if (sqlite3_step(insert_) != SQLITE_DONE) Check(SQLITE_ERROR);
    Check(sqlite3_reset(insert_));
  }

 private:
  void Check(int code) {
    if (code == SQLITE_OK) return;
    fmt::print(stderr, "{}\n", sqlite3_errmsg(handle_));
    std::exit(1);
  }
  sqlite3* handle_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

// A journal with one stream, "east", that is appended to without end.
class Changes {
 public:
  static constexpr size_t kEnvelopeBytes = 1024;
  static constexpr size_t kReplacedBytes = 256;

  explicit Changes(const std::string& path)
      : journal(OrExit(store::Journal::Open({.path = path}))) {
    OrExit(journal->Begin("east", "0123456789abcdef").status());
    next_.term = 1;
    next_.digest_after = std::string(32, 'd');
    next_.replaced = std::string(kReplacedBytes, 'r');
    next_.upserted = 1;
    next_.origin = "reload";
    next_.noticed = absl::FromUnixSeconds(1'800'000'000);
  }

  // The envelope of the change that is now durable.
  const std::string& Append() {
    ++next_.sequence;
    next_.envelope.assign(kEnvelopeBytes, static_cast<char>(next_.sequence));
    OrExit(journal->Append("east", next_));
    return next_.envelope;
  }

  const std::unique_ptr<store::Journal> journal;

 private:
  store::JournaledChange next_;
};

}  // namespace nestor::bench
