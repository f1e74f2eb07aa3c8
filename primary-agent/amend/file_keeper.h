#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/config/object_set.h"
#include "common/keafile/config_writer.h"

namespace nestor::primary {

// Has what an operator's file made a Kea run written into the file that this Kea starts from: at
// once, and of many changes in a row the newest each two seconds. What could not be written is
// tried again, and what was written is settled once Kea is seen to run it. Protocol thread only.
class FileKeeper : public std::enable_shared_from_this<FileKeeper> {
 public:
  // `told` hears why the file is not written, or only by Kea itself; empty: it is as it should be.
  using Told = std::function<void(const std::string& notice)>;
  // As ServiceWatch::Settle().
  using Settle = std::function<void(uint64_t order, std::function<void(bool settled)> done)>;
  // All referred to must outlive it.
  FileKeeper(std::shared_ptr<keafile::ConfigWriter> writer, Executor& worker, Executor& loop,
             Clock& clock, Told told, Settle settle);

  // Kea was made to run what `order` asked for, so what it runs from now on is to be in its file.
  void Owe(uint64_t order);
  // Kea was seen to run `set`, its digest filled in.
  void OnRunning(const std::shared_ptr<const config::ObjectSet>& set);
  void Tick();
  // The agent ends: what is not written yet is written by the worker.
  void Stop();

 private:
  void OnWritten(const keafile::Written& written);
  void TrySettle();
  void OnSettled(uint64_t order, bool settled);

  const std::shared_ptr<keafile::ConfigWriter> writer_;
  Executor& worker_;
  Executor& loop_;
  Clock& clock_;
  const Told told_;
  const Settle settle_;
  std::optional<uint64_t> owed_;                      // the newest order; none: all is settled
  std::shared_ptr<const config::ObjectSet> wanted_;   // to be written; null: nothing is
  std::shared_ptr<const config::ObjectSet> writing_;  // null: no write is under way
  std::shared_ptr<const config::ObjectSet> written_;  // and not settled yet
  bool settling_ = false;
  Instant next_;
  int failures_ = 0;  // in a row
};

}  // namespace nestor::primary
