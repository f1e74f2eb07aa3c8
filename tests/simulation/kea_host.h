#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/kea/kea_control.h"
#include "common/keafile/config_files.h"
#include "tests/simulation/chronicle.h"
#include "tests/simulation/process.h"
#include "tests/support/fake_kea.h"

namespace nestor::simulation {

// What an agent learnt from its Kea and did to it, and what others did; for the oracles. Digests
// are of what is mirrored, 32 bytes.
class KeaObserver {
 public:
  virtual ~KeaObserver() = default;
  // It was told the configuration, or the last of what had changed.
  virtual void OnKeaRead(std::string_view host, const std::string& digest) = 0;
  // An agent's config-set, or a nestor-apply that was accepted, was carried out: what it asked for,
  // and what runs now. What nestor-apply refuses does no harm.
  virtual void OnKeaSet(std::string_view host, const std::string& wanted,
                        const std::string& running, bool accepted) = 0;
  // An agent's config-write put `digest` into the file.
  virtual void OnKeaWrote(std::string_view host, const std::string& digest) = 0;
  // An agent put what is mirrored as `digest` into the file itself.
  virtual void OnFileWritten(std::string_view host, const std::string& digest) = 0;
  // Somebody else, or a restart, changed what runs and perhaps the file.
  virtual void OnKeaChanged(std::string_view host, const std::string& running,
                            const std::string& file) = 0;
};

// How a Kea behaves towards those who ask it; all zero: it answers at once.
struct KeaTemper {
  double unavailable = 0;     // nothing listens
  double cut_off = 0;         // the answer breaks off, though Kea did what it was told
  double refused = 0;         // a command that only reads is answered with an error
  double slow = 0;            // takes up to 8 s
  double file_full = 0;       // its file cannot be written now
  double file_forbidden = 0;  // its file may be written by Kea only
};

// A host's Kea: one daemon that outlives the agents, with a queue, as its commands are carried out
// one after another. What an agent sent is carried out even if the agent dies meanwhile.
class KeaHost {
 public:
  KeaHost(Scheduler& scheduler, Chronicle& chronicle, KeaObserver& observer, std::string name,
          uint64_t seed, const std::string& config);

  KeaTemper temper;
  // Called once, right after an agent's config-set or nestor-apply was carried out, before it is
  // answered.
  std::function<void()> after_set;

  const std::string& name() const { return name_; }
  testing::FakeKea& kea() { return kea_; }
  // Of what runs, and of what the file holds.
  const std::string& running() const { return running_; }
  const std::string& file() const { return file_; }
  bool up() const { return kea_.up(); }

  // The control channel for one start of an agent; the host must outlive it.
  std::unique_ptr<kea::KeaControl> Connect(std::shared_ptr<Process> process);

  // What one start of an agent sees of Kea's file; the host must outlive it.
  std::unique_ptr<keafile::ConfigFiles> OpenFiles(std::shared_ptr<Process> process);

  // Commands wait until then.
  void HangFor(absl::Duration d);
  bool hangs() const { return hung_until_ > scheduler_.Now(); }
  // It dies, and is back after `d`, with its file's configuration.
  void RestartAfter(absl::Duration d);
  // As an operator: sets `config`, and writes it into the file if `write`.
  void Edit(const std::string& config, bool write);

 private:
  // Kea's own clock.
  class HostClock final : public Clock {
   public:
    explicit HostClock(Scheduler& scheduler) : scheduler_(scheduler) {}
    Instant Now() const override { return {scheduler_.Now()}; }
    absl::Time Wall() const override { return absl::UnixEpoch() + scheduler_.Now(); }
    void Sleep(absl::Duration d) override { scheduler_.Spend(d); }

   private:
    Scheduler& scheduler_;
  };
  class Channel;
  class Files;
  // A command that changes something, from when it was sent until it was carried out.
  struct Order {
    std::string command, arguments;
    uint64_t start = 0;  // Kea's, to which it was sent
    bool done = false;
    absl::StatusOr<kea::Answer> answer = absl::UnavailableError("");
  };

  std::shared_ptr<Order> Enqueue(std::string_view command, std::string_view arguments,
                                 absl::Duration takes);
  void CarryOutAt(absl::Duration when, std::shared_ptr<Order> order);
  void CarryOut(Order& order);
  // What Kea would run after it, as a digest.
  std::string WantedBy(const Order& order);
  absl::Duration Takes(std::string_view command, size_t bytes);
  absl::Duration FreeAt() const;
  void Look(bool others);

  Scheduler& scheduler_;
  Chronicle& chronicle_;
  KeaObserver& observer_;
  std::string name_;
  Dice dice_;
  HostClock clock_;
  testing::FakeKea kea_;
  std::string running_, file_;
  absl::Duration busy_until_, hung_until_;
  uint64_t start_ = 0;  // what was queued at an earlier start of Kea is lost
};

}  // namespace nestor::simulation
