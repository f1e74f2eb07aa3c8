#pragma once

#include <absl/status/statusor.h>

#include <concepts>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/store/journal.h"
#include "common/store/row_sum.h"

struct sqlite3;
struct sqlite3_stmt;

namespace nestor::store {

// What a kind of file consists of. The schema's version is the number of migrations run, kept in
// the file's user_version.
struct Schema {
  std::string_view what;  // "journal": for messages
  int32_t application_id = 0;
  std::vector<std::string_view> migrations;  // never changed once released, only added to
};

class Query;

// One SQLite file, held exclusively: WAL, synchronous=FULL, no shared memory.
//
// What a write says is durable when it returns OK, but for TransactUnsynced(). After an I/O error
// nothing more is read or written: every call answers Internal. Not thread-safe.
class Database {
 public:
  // Opens or creates the file with mode 0600, checks it and brings it to the newest schema.
  //
  // FailedPrecondition  another process has it open, a newer version wrote it, or it is no file of
  //                     this kind; the text says which.
  // DataLoss            it is damaged.
  // ResourceExhausted   the disk is full.
  // Internal            it cannot be opened or read.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const OpenOptions& options,
                                                        const Schema& schema);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // The statement `sql`, compiled at its first use. `sql` must stay valid as long as the Database;
  // one Query of a text at a time. What is wrong shows when it is run.
  Query Prepare(std::string_view sql);

  // Runs `body` in a transaction that is committed if it returns OK and otherwise undone.
  template <typename Body>
  absl::Status Transact(Body&& body) {
    RETURN_IF_ERROR(Execute("BEGIN IMMEDIATE"));
    absl::Status status = body();
    if (status.ok()) status = Execute("COMMIT");
    if (!status.ok()) Rollback();
    return status;
  }

  // As Transact(), without waiting for the disk: what it commits outlives this process, and a
  // failure of the power from the next commit on that is synced.
  template <typename Body>
  absl::Status TransactUnsynced(Body&& body) {
    RETURN_IF_ERROR(Execute("PRAGMA synchronous = NORMAL"));
    absl::Status status = Transact(body);
    const absl::Status synced_again = Execute("PRAGMA synchronous = FULL");
    if (failed_.ok()) failed_ = synced_again;
    if (status.ok()) status = synced_again;
    return status;
  }

  // Runs statements that give no rows.
  absl::Status Execute(std::string_view sql);

  // The DataLoss for a row that does not match its checksum, or is not there.
  absl::Status Damaged(std::string_view table, int64_t row, std::string_view how) const;
  absl::Status Damaged(std::string_view table, std::string_view row, std::string_view how) const;

  // SQLite's last answer as a status; remembers an I/O error for good.
  absl::Status Failure(int code);

 private:
  friend class Query;

  Database(const OpenOptions& options, const Schema& schema);
  absl::Status Connect(const OpenOptions& options);
  absl::Status Configure();
  absl::Status CheckKind(const Schema& schema, int64_t& version);
  absl::Status QuickCheck();
  absl::Status Migrate(const Schema& schema, int64_t version);
  absl::StatusOr<int64_t> ReadInteger(std::string_view sql);
  absl::Status Busy() const;
  void Rollback();
  void Checkpoint();
  static int AfterCommit(void* self, sqlite3* handle, const char* name, int frames);

  const std::string path_;
  const std::string name_;  // "journal /var/lib/nestor/journal.db"
  sqlite3* handle_ = nullptr;
  std::map<std::string_view, sqlite3_stmt*> statements_;
  absl::Status failed_;  // not OK after an I/O error
};

// One run of a prepared statement; borrowed from its Database, which must outlive it. Views into a
// row are valid until the next call of Next() or the end of the Query.
class Query {
 public:
  Query(Database& database, sqlite3_stmt* statement, absl::Status status)
      : database_(database), statement_(statement), status_(std::move(status)) {}
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  // Binds the parameters from ?1 on. Text must stay valid until the Query ends.
  template <typename... Values>
  Query& Bind(const Values&... values) {
    (BindNext(values), ...);
    return *this;
  }

  // Binds the fields of a row and, last, their checksum.
  template <typename... Values>
  Query& BindRow(std::string_view table, const Values&... values) {
    (BindNext(values), ...);
    BindNext(SumOf(table, values...));
    return *this;
  }

  // Runs a statement that gives no rows.
  absl::Status Run();

  // True: a row is there.
  absl::StatusOr<bool> Next();

  int64_t Integer(int column) const;
  uint64_t Unsigned(int column) const { return static_cast<uint64_t>(Integer(column)); }
  bool Null(int column) const;
  std::string_view Bytes(int column) const;
  std::string Text(int column) const { return std::string(Bytes(column)); }

  // Compares the checksum in column `first` + `count` with the `count` columns before it; the
  // first of them names the row in the DataLoss.
  absl::Status Verify(std::string_view table, int first, int count) const;

 private:
  void BindInteger(int64_t value);
  void BindBytes(std::string_view value);
  template <typename Value>
  void BindNext(const Value& value) {
    if constexpr (std::integral<Value>) {
      BindInteger(static_cast<int64_t>(value));
    } else {
      BindBytes(value);
    }
  }

  Database& database_;
  sqlite3_stmt* statement_;
  absl::Status status_;
  int bound_ = 0;
};

}  // namespace nestor::store
