#include "common/store/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/store/lock_holder.h"

namespace nestor::store {
namespace {

constexpr int kBusyTimeoutMs = 500;
// Frames in the write-ahead log from which on it is copied into the file.
constexpr int kCheckpointFrames = 1000;

int PrimaryCode(int code) { return code & 0xff; }

bool IsDiskFailure(int code) {
  const int primary = PrimaryCode(code);
  return primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY;
}

// Created here and not by SQLite because of its mode. Never opened when it exists: closing any
// descriptor of a file would end this process's locks on it.
absl::Status CreateWithMode(const std::string& path) {
  const int file = open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) {
    close(file);
    return absl::OkStatus();
  }
  if (errno == EEXIST && chmod(path.c_str(), 0600) == 0) return absl::OkStatus();
  return Error(absl::StatusCode::kInternal, "cannot open: {}", std::strerror(errno));
}

}  // namespace

Database::Database(const OpenOptions& options, const Schema& schema)
    : path_(options.path), name_(fmt::format("{} {}", schema.what, options.path)) {}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  if (handle_ == nullptr) return;
  if (!failed_.ok()) sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_close_v2(handle_);
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const OpenOptions& options,
                                                         const Schema& schema) {
  std::unique_ptr<Database> database(new Database(options, schema));
  int64_t version = 0;
  RETURN_IF_ERROR(database->Connect(options));
  RETURN_IF_ERROR(database->Configure());
  RETURN_IF_ERROR(database->CheckKind(schema, version));
  RETURN_IF_ERROR(database->QuickCheck());
  // What a process that died in a commit left can be read, and is perhaps not on the disk yet.
  database->Checkpoint();
  RETURN_IF_ERROR(database->failed_);
  RETURN_IF_ERROR(database->Migrate(schema, version));
  return database;
}

absl::Status Database::Connect(const OpenOptions& options) {
  if (options.vfs.empty()) {
    if (absl::Status status = CreateWithMode(path_); !status.ok()) return Annotate(status, name_);
  }
  const int code = sqlite3_open_v2(path_.c_str(), &handle_,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                   options.vfs.empty() ? nullptr : options.vfs.c_str());
  if (code != SQLITE_OK) return Failure(code);
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, kBusyTimeoutMs);
  return absl::OkStatus();
}

absl::Status Database::Configure() {
  // Exclusive before the first access: then the log's index lies in this process's memory.
  RETURN_IF_ERROR(
      Execute("PRAGMA locking_mode = EXCLUSIVE;"
              "PRAGMA temp_store = MEMORY;"
              "PRAGMA foreign_keys = ON;"
              "PRAGMA secure_delete = OFF;"
              "PRAGMA cell_size_check = ON;"
              "PRAGMA journal_mode = WAL;"
              "PRAGMA synchronous = FULL;"
              "PRAGMA journal_size_limit = 16777216"));
  Query mode = Prepare("PRAGMA journal_mode");
  ASSIGN_OR_RETURN(const bool found, mode.Next());
  if (!found || mode.Bytes(0) != "wal") {
    return Error(absl::StatusCode::kInternal, "{}: the file system cannot hold a write-ahead log",
                 name_);
  }
  sqlite3_wal_hook(handle_, &Database::AfterCommit, this);
  return absl::OkStatus();
}

absl::Status Database::CheckKind(const Schema& schema, int64_t& version) {
  ASSIGN_OR_RETURN(version, ReadInteger("PRAGMA user_version"));
  ASSIGN_OR_RETURN(const int64_t kind, ReadInteger("PRAGMA application_id"));
  ASSIGN_OR_RETURN(const int64_t tables, ReadInteger("SELECT count(*) FROM sqlite_schema"));
  if (version == 0 && tables == 0) return absl::OkStatus();
  if (kind != schema.application_id) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 "{}: this is not a Nestor {}. It was left as it is; configure another state "
                 "directory, or move it away",
                 name_, schema.what);
  }
  const auto known = static_cast<int64_t>(schema.migrations.size());
  if (version >= 0 && version <= known) return absl::OkStatus();
  return Error(
      absl::StatusCode::kFailedPrecondition,
      "{}: a newer version of Nestor wrote it (schema {}, this program knows up to {}). It "
      "was left as it is; start the newer version",
      name_, version, known);
}

absl::Status Database::QuickCheck() {
  Query check = Prepare("PRAGMA quick_check(1)");
  ASSIGN_OR_RETURN(const bool found, check.Next());
  if (found && check.Bytes(0) == "ok") return absl::OkStatus();
  return Error(absl::StatusCode::kDataLoss, "{}: the file is damaged: {}", name_,
               found ? check.Bytes(0) : "it cannot be checked");
}

absl::Status Database::Migrate(const Schema& schema, int64_t version) {
  const auto known = static_cast<int64_t>(schema.migrations.size());
  if (version == known) return absl::OkStatus();
  return Transact([&]() -> absl::Status {
    for (int64_t step = version; step < known; ++step) {
      RETURN_IF_ERROR(Execute(schema.migrations[static_cast<size_t>(step)]));
    }
    return Execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                               schema.application_id, known));
  });
}

absl::StatusOr<int64_t> Database::ReadInteger(std::string_view sql) {
  Query query = Prepare(sql);
  ASSIGN_OR_RETURN(const bool found, query.Next());
  return found ? query.Integer(0) : 0;
}

Query Database::Prepare(std::string_view sql) {
  if (!failed_.ok()) return Query(*this, nullptr, failed_);
  auto [place, added] = statements_.try_emplace(sql, nullptr);
  if (!added) return Query(*this, place->second, absl::OkStatus());
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &place->second, nullptr);
  if (code == SQLITE_OK) return Query(*this, place->second, absl::OkStatus());
  statements_.erase(place);
  // The text is the program's own, so a table or column that it names must be missing.
  absl::Status status = PrimaryCode(code) == SQLITE_ERROR
                            ? Error(absl::StatusCode::kDataLoss, "{}: the schema is damaged: {}",
                                    name_, sqlite3_errmsg(handle_))
                            : Failure(code);
  return Query(*this, nullptr, std::move(status));
}

absl::Status Database::Execute(std::string_view sql) {
  RETURN_IF_ERROR(failed_);
  const int code = sqlite3_exec(handle_, std::string(sql).c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Failure(code);
}

void Database::Rollback() {
  if (failed_.ok() && sqlite3_get_autocommit(handle_) == 0) Execute("ROLLBACK").IgnoreError();
}

int Database::AfterCommit(void* self, sqlite3* /*handle*/, const char* /*name*/, int frames) {
  if (frames >= kCheckpointFrames) static_cast<Database*>(self)->Checkpoint();
  return SQLITE_OK;
}

// Makes durable what the log holds, then copies it. Without room for the copy the log stays, so
// only a failed disk is remembered.
void Database::Checkpoint() {
  const int code =
      sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (IsDiskFailure(code)) Failure(code).IgnoreError();
}

absl::Status Database::Failure(int code) {
  const char* text = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
  switch (PrimaryCode(code)) {
    case SQLITE_FULL:
      return Error(absl::StatusCode::kResourceExhausted,
                   "{}: the disk is full. Nothing was written; it goes on once there is space",
                   name_);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(absl::StatusCode::kDataLoss, "{}: the file is damaged: {}", name_, text);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Busy();
    default:
      break;
  }
  absl::Status status = Error(absl::StatusCode::kInternal, "{}: {} (SQLite {})", name_, text, code);
  if (IsDiskFailure(code) && failed_.ok()) {
    failed_ = Error(absl::StatusCode::kInternal,
                    "{}: the disk failed: {} (SQLite {}). Nothing more is read or written; repair "
                    "the disk and restart",
                    name_, text, code);
    return failed_;
  }
  return status;
}

absl::Status Database::Busy() const {
  return Error(absl::StatusCode::kFailedPrecondition,
               "{}: {} has it open. Stop that one, or configure another state directory", name_,
               LockHolder(path_));
}

absl::Status Database::Damaged(std::string_view table, std::string_view row,
                               std::string_view how) const {
  return Error(absl::StatusCode::kDataLoss, "{}: table {}, row {}: {}", name_, table, row, how);
}

absl::Status Database::Damaged(std::string_view table, int64_t row, std::string_view how) const {
  return Damaged(table, fmt::format("{}", row), how);
}

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Query::BindInteger(int64_t value) {
  if (statement_ != nullptr) sqlite3_bind_int64(statement_, ++bound_, value);
}

void Query::BindBytes(std::string_view value) {
  if (statement_ == nullptr) return;
  // An empty view may have no address, which SQLite would take for NULL.
  const char* data = value.data() == nullptr ? "" : value.data();
  if (sqlite3_bind_blob64(statement_, ++bound_, data, value.size(), nullptr) == SQLITE_TOOBIG) {
    status_ = absl::ResourceExhaustedError("a row of more than 1 GB cannot be kept");
  }
}

absl::Status Query::Run() {
  const absl::StatusOr<bool> more = Next();
  return more.ok() ? absl::OkStatus() : more.status();
}

absl::StatusOr<bool> Query::Next() {
  RETURN_IF_ERROR(status_);
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  status_ = database_.Failure(code);
  return status_;
}

int64_t Query::Integer(int column) const { return sqlite3_column_int64(statement_, column); }

bool Query::Null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::string_view Query::Bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data),
          static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

absl::Status Query::Verify(std::string_view table, int first, int count) const {
  RowSum sum(table);
  for (int column = first; column < first + count; ++column) {
    switch (sqlite3_column_type(statement_, column)) {
      case SQLITE_INTEGER:
        sum.AddInteger(Integer(column));
        break;
      case SQLITE_NULL:
        sum.AddNull();
        break;
      default:
        sum.Add(Bytes(column));
    }
  }
  if (sum.Value() == Integer(first + count)) return absl::OkStatus();
  const char* row = reinterpret_cast<const char*>(sqlite3_column_text(statement_, first));
  return database_.Damaged(table, row == nullptr ? "?" : row, "its checksum does not match");
}

}  // namespace nestor::store
