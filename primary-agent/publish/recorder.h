#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/base/service.h"
#include "common/config/object_set.h"
#include "common/protocol/join.h"
#include "common/store/journal.h"

namespace nestor::primary {

// A change that is durable in the journal and may be published.
struct Recorded {
  std::string relationship;
  uint64_t sequence = 0, term = 0;
  std::string digest;   // after it, 32 bytes
  std::string payload;  // the envelope to publish; a snapshot reference where it is large
  std::shared_ptr<const config::ObjectSet> set;  // the configuration after it
  uint64_t upserted = 0, removed = 0;
  std::string origin;
};

// Turns each configuration that Kea was seen to run into one change per relationship of the
// service, numbered and durable before anybody hears of it. Owned by the service's worker thread.
class Recorder {
 public:
  Recorder(DhcpService service, std::string server, store::Journal& journal, Clock& clock,
           Random& random)
      : service_(service),
        server_(std::move(server)),
        journal_(journal),
        clock_(clock),
        random_(random) {}

  struct Opened {
    protocol::StreamView stream;
    // The configuration at the head; null where nothing was journaled yet.
    std::shared_ptr<const config::ObjectSet> set;
    bool began_anew = false;  // what was journaled could not be read, so it is another stream
    bool unwritten = false;   // as SetUnwritten() said last
  };

  // Opens a relationship's stream: the term is raised and durable, the head's configuration
  // rebuilt from the base and the changes after it.
  absl::StatusOr<Opened> Open(const std::string& relationship);
  void Close(const std::string& relationship) { streams_.erase(relationship); }

  // Journals the difference between what each stream holds and `now`. Equal digests: no change.
  // On an error the changes in the result so far are durable, the others are not.
  absl::Status Record(const std::shared_ptr<const config::ObjectSet>& now, std::string_view origin,
                      std::vector<Recorded>& recorded);

  // The stream goes on under `term`, unless it is that far already: who asks to join asks again
  // while the disk is slow. Returns the stream's id.
  absl::StatusOr<std::string> RaiseTerm(const std::string& relationship, uint64_t term);
  // Another stream, at `term`; the next Record() makes its first change.
  absl::StatusOr<protocol::StreamView> BeginAnew(const std::string& relationship, uint64_t term);

  // As Journal's, for all that are open.
  absl::Status SetUnwritten(bool unwritten);
  absl::StatusOr<bool> Had(std::string_view digest);
  // What was recorded last; null: nothing was yet.
  std::shared_ptr<const config::ObjectSet> set() const;

 private:
  struct Stream {
    std::string stream_id;
    uint64_t term = 0;
    uint64_t head = 0;
    std::string head_digest;
    std::shared_ptr<const config::ObjectSet> set;
    uint64_t changes_since_base = 0;
    uint64_t bytes_since_base = 0;
    uint64_t base_bytes = 0;
  };

  absl::StatusOr<std::shared_ptr<const config::ObjectSet>> Rebuild(const std::string& relationship,
                                                                   uint64_t head,
                                                                   std::string_view head_digest,
                                                                   Stream& stream);
  absl::StatusOr<Recorded> Append(const std::string& relationship, Stream& stream,
                                  const std::shared_ptr<const config::ObjectSet>& now,
                                  std::string_view origin);
  absl::Status SaveBaseIfDue(const std::string& relationship, Stream& stream);

  DhcpService service_;
  std::string server_;
  store::Journal& journal_;
  Clock& clock_;
  Random& random_;
  std::map<std::string, Stream> streams_;
};

}  // namespace nestor::primary
