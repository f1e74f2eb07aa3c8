#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/base/service.h"
#include "common/config/object_set.h"
#include "common/hook/local.h"
#include "common/kea/kea_control.h"
#include "common/keafile/config_files.h"

namespace nestor::keafile {

// What came of making a configuration permanent.
struct Written {
  // Unavailable: not now, so try again later; the file is what it was. Others: as whoever refused
  // it said; the text is for people.
  absl::Status status;
  std::string why;      // of `status` only what stood in the way, not what that means for a mirror
  bool by_kea = false;  // by config-write, or that was tried
  std::string notice;   // why Kea, which has the hook library, had to write it itself; or empty
};

// Makes what a Kea runs permanent, in the file it starts from, as config-write does and without
// blocking Kea for it: what is mirrored the caller knows, the rest libdhcp_nestor.so tells at once.
// Where the library is not loaded, or the agent may not write the file, config-write does it.
//
// Any thread; one writing at a time. Kea is asked on `worker`, the file written on `disk`.
class ConfigWriter : public std::enable_shared_from_this<ConfigWriter> {
 public:
  // All of these must outlive it. `server` is this server's name, for texts.
  ConfigWriter(DhcpService service, std::string server, kea::KeaControl& kea, ConfigFiles& files,
               Executor& worker, Executor& disk, Clock& clock);

  using Done = std::function<void(const Written&)>;
  // `set` is all that is mirrored of what Kea runs, its digest filled in. `done` runs on `worker`;
  // never, where an executor has been stopped.
  void Write(std::shared_ptr<const config::ObjectSet> set, Done done);

  // Write() at once, on `worker`: for an agent that is about to end, say.
  Written WriteNow(const config::ObjectSet& set);

  // Runs `done` on `worker` once the writings that are under way have come to an end; never, where
  // an executor has been stopped.
  void AfterWritings(std::function<void()> done);

 private:
  // What is needed besides the objects.
  struct Draft {
    std::string path;
    hook::LocalPart local;
  };
  // Errors: Unavailable as Written's; NotFound no library; PermissionDenied only Kea may write.
  absl::StatusOr<Draft> Prepare();
  absl::Status WriteFile(const Draft& draft, const config::ObjectSet& set);
  // On `worker`: leaves it to Kea where `status` says so.
  Written Conclude(const absl::Status& status);
  absl::Status ConfigWrite();

  const DhcpService service_;
  const std::string server_;
  kea::KeaControl& kea_;
  ConfigFiles& files_;
  Executor& worker_;
  Executor& disk_;
  Clock& clock_;
  std::string logged_;  // the last reason to leave it to Kea; on `worker`
};

}  // namespace nestor::keafile
