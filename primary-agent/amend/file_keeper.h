#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/config/object_set.h"
#include "common/keafile/config_writer.h"

namespace nestor::primary {

// Has what an operator's file made a Kea run written into the file that this Kea starts from: at
// once, and of many changes in a row the newest each two seconds. What could not be written is
// tried again. Protocol thread only.
class FileKeeper : public std::enable_shared_from_this<FileKeeper> {
 public:
  // All referred to must outlive it. `told` hears why the file is not written, or only by Kea
  // itself; empty: it is as it should be.
  using Told = std::function<void(const std::string& notice)>;
  FileKeeper(std::shared_ptr<keafile::ConfigWriter> writer, Executor& worker, Executor& loop,
             Clock& clock, Told told);

  // Kea runs `set`, its digest filled in.
  void Keep(std::shared_ptr<const config::ObjectSet> set);
  void Tick();
  // The agent ends: what is not written yet is written by the worker.
  void Stop();

 private:
  void OnWritten(const keafile::Written& written);

  const std::shared_ptr<keafile::ConfigWriter> writer_;
  Executor& worker_;
  Executor& loop_;
  Clock& clock_;
  const Told told_;
  std::shared_ptr<const config::ObjectSet> wanted_;   // to be written; null: nothing is
  std::shared_ptr<const config::ObjectSet> writing_;  // null: no write is under way
  Instant next_;
  int failures_ = 0;  // in a row
};

}  // namespace nestor::primary
