#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/agent/agent_config.h"
#include "common/base/clock.h"
#include "common/base/service.h"
#include "common/ha/ha.h"
#include "common/kea/kea_control.h"
#include "common/keafile/config_files.h"
#include "common/keafile/config_writer.h"
#include "common/participant/draft.h"
#include "common/reach/reach.h"
#include "common/store/undo_log.h"
#include "nestor/v1/relationship.pb.h"

namespace nestor::participant {

// What a Participant reaches; all of it outlives it. The Kea is the worker's that runs it.
struct World {
  kea::KeaControl& kea;
  keafile::ConfigFiles& files;
  std::shared_ptr<keafile::ConfigWriter> writer;
  store::UndoLog& undo;
  reach::Reach& reach;
  Clock& clock;
};

struct Options {
  DhcpService service = DhcpService::kDhcp4;
  std::string server;  // this one's name
  std::string agent_version;
  agent::ServiceConfig config;  // of the agent's configuration
};

// Whether `request` is a Set by which the relationship ends: what it does to objects is not to be
// repaired by mirroring.
bool Ends(const v1::SiteRequest& request);

// One server's part in a change of a relationship, done to one local Kea as the coordinator asks.
// Kea is changed the way that keeps DHCP served: tested first, put back at once if Kea refuses
// nevertheless. What was before is durable before that, until Undo or Forget. Worker thread only.
class Participant : public std::enable_shared_from_this<Participant> {
 public:
  Participant(Options options, World world);

  using Done = std::function<void(v1::SiteReply)>;
  // Does what `request`, of the relationship `name`, asks; `done` runs on the worker, at once or,
  // after Write and Undo, later. Blocks for Kea, up to some minutes where it hangs.
  //
  // The reply's code: OK; InvalidArgument what is asked is not well formed; FailedPrecondition it
  // is refused, by Kea or by what this server is, and nothing has changed; Unavailable Kea, the
  // disk or the network does not let it be done now, and nothing has changed; any other: it may
  // have been done in part, so Undo.
  void Do(const std::string& name, const v1::SiteRequest& request, Done done);

  // A change that was begun and not ended yet, for people; empty: none.
  std::string Unfinished();
  // The HA that runs; nothing: none does. Quick where the hook library is loaded.
  absl::StatusOr<std::optional<ha::Found>> FindHa();
  // What would be mirrored by the draft that was tested last; null: none was.
  std::shared_ptr<const config::ObjectSet> tested() const { return tested_; }

 private:
  static constexpr absl::Duration kReadTimeout = absl::Seconds(60);

  struct Sent {
    std::string transaction;
    std::map<uint32_t, std::string> pieces;
    uint32_t count = 0;
    uint64_t unpacked_bytes = 0;
    std::shared_ptr<const config::ObjectSet> objects;  // once all are there
  };

  absl::Status DoNow(const std::string& name, const v1::SiteRequest& request, v1::SiteReply& reply);
  // -- inspect.cc
  v1::SiteFacts Inspect();
  v1::SiteFacts InspectKea();
  void InspectConfiguration(const watch::Running& running, v1::SiteFacts& facts);
  void InspectFile(v1::SiteFacts& facts);
  std::string ServerId(const json::Value& arguments);
  std::string KeaFile();
  std::string HooksDirectory(const json::Value& arguments) const;
  // Of those that HA needs, with their paths.
  std::vector<std::string> MissingLibraries(const std::string& directory) const;
  v1::Health Look();

  absl::Status Listen(const v1::Listen& listen);
  absl::Status Probe(const v1::Probe& probe);
  absl::Status Command(std::string_view action);
  absl::Status TakePiece(const std::string& transaction, const v1::Piece& piece);
  absl::StatusOr<Draft> Draw(const std::string& transaction, const v1::Draft& draft,
                             const watch::Running& running) const;

  // -- change.cc
  absl::Status Test(const v1::SiteRequest& request, v1::Tested& tested);
  absl::Status TestAtKea(const Draft& draft);
  absl::Status Set(const std::string& name, const v1::SiteRequest& request);
  absl::StatusOr<v1::UndoRecord> Remember(const std::string& name, const v1::SiteRequest& request,
                                          const watch::Running& running, const Draft& draft);
  // Sends `text`; where Kea refuses it, `good` at once. OK: Kea says that it took `text`. As
  // KeaControl::Send() where it says nothing.
  absl::Status Give(const std::string& text, const std::string& good);
  absl::Status CheckStillChanged(const v1::UndoRecord& record, const watch::Running& running) const;
  // Whether Kea reports what `draft` says. Waits for one that is away.
  absl::Status Verify(const Draft& draft);
  absl::StatusOr<watch::Running> ReadPatiently();
  void Write(const std::string& transaction, std::function<void(absl::Status)> done);
  void Undo(const std::string& transaction, std::function<void(absl::Status)> done);
  absl::Status PutKeaBack(const v1::UndoRecord& record);
  absl::Status PutFileBack(const v1::UndoRecord& record);
  absl::Status Forget(const std::string& transaction);
  // At once and for itself: what remove did to scopes is undone, say.
  absl::Status ChangeScopes(v1::Scopes scopes);

  const Options options_;
  World world_;
  Sent sent_;
  std::shared_ptr<const config::ObjectSet> tested_;
  std::string put_back_;  // the last change that Kea was put back from
};

}  // namespace nestor::participant
