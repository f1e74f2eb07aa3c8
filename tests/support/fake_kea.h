#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/service.h"
#include "common/config/object_set.h"
#include "common/kea/kea_control.h"
#include "tests/support/fake_hook.h"

namespace nestor::testing {

// A Kea daemon in memory, behind its control channel: commands, texts and damage are those of a
// real Kea 2.2.0, down to the whole seconds of status-get.
//
// What was set comes back from config-get as it was set; Kea's defaults are not added. Which
// commands there are follows the hook libraries of the configuration, and so does the HA state:
// after each reconfiguration "waiting" for one heartbeat-delay, then the normal state of the mode.
// Where libdhcp_nestor.so is among them there are its commands, as docs/kea-hook.md says, but no
// notices; what config-set would refuse by the rules, so does nestor-apply, without any damage.
//
// Thread-safe: a test may act as operator while an agent's worker sends. Time passes on the clock
// only. A configuration is text throughout: {"Dhcp4": {...}}.
class FakeKea final : public kea::KeaControl {
 public:
  // How a command goes wrong. After kUnavailable and kHang Kea did nothing, after the others it did
  // what it was told. kHang and kLate take as long as the caller waits.
  enum class Fault { kNone, kUnavailable, kHang, kLate, kCutOff, kClosed };

  // What a refused config-set, or a reload that fails, leaves behind. All but kLockedOut are mended
  // by the next good configuration.
  enum class Damage {
    kNone,
    kDeaf,       // 2.2's: no DHCP is served, and nothing shows it
    kNoLeases,   // the lease database is gone: lease commands fail
    kNoHooks,    // the hooks' commands are gone
    kLockedOut,  // the control channel is gone, until a restart
  };

  // Kea's words against a configuration, or empty. `text` is all that Kea was sent, in which it
  // counts positions, or the whole file. Must not call this Kea.
  using Rule = std::function<std::string(std::string_view text)>;

  // Runs with `config`, which its file holds too. `clock` must outlive it.
  FakeKea(DhcpService service, Clock& clock, std::string config, std::string version = "2.2.0");

  absl::StatusOr<kea::Answer> Send(std::string_view command, std::string_view arguments,
                                   absl::Duration timeout) override;

  // ---- Set up before the first command.

  // Called on the sender's thread as a command arrives and as its answer is about to leave, with no
  // lock held: to let time pass, to act as operator, to choose a fault.
  std::function<Fault(std::string_view command)> before_command;
  std::function<void(std::string_view command)> before_answer;

  // ---- What goes wrong.

  // config-test goes by `test`; config-set and loading the file by both.
  void SetRules(Rule test, Rule set = {});
  // What a refusal leaves behind from now on; kDeaf unless told.
  void SetDamage(Damage damage);
  // At once. `lasting`: not mended by a good configuration, only by a restart.
  void Harm(Damage damage, bool lasting = false);
  // From now on `command` is answered with `result` and `text`; empty text: as ever.
  void Refuse(std::string_view command, std::string text, int result = 1);
  // The next `times` commands go wrong, or of those named `command`.
  void Fail(Fault fault, int times = 1, std::string_view command = {});
  void Hang(int times) { Fail(Fault::kHang, times); }
  // Changes every configuration on its way in, as Kea's normalisation may. Must not call this Kea.
  void SetNormalisation(std::function<std::string(std::string config)> normalise);
  // How many objects nestor-get gives after a cursor, at least 1; 100 unless told.
  void SetHookSlice(size_t objects);
  // As a hook library of version 0.1 does.
  void TakeNothingPacked() { hook_takes_packed_ = false; }

  // ---- What an operator does. False: Kea refused, with the damage that does.

  bool Set(std::string config);  // config-set, not written
  void EditFile(std::string config);
  bool Reload();  // config-reload, or SIGHUP
  bool EditAndReload(std::string config);
  // As hooks' commands do it (subnet4-add): nothing is reloaded.
  void ChangeInProcess(std::string config);
  void Crash();  // until Restart()
  // It answers, but has not read its file yet; as Kea 3.0.
  void SetStarting(bool starting);
  // Stops it, if it runs, and starts a new process from the file.
  bool Restart();
  bool RestartUnderTheSamePid();  // as in a container

  // ---- What there is to see.

  // What names its file, whatever path is asked for.
  static constexpr int64_t kFileDevice = 1, kFileInode = 2;

  std::string running() const;
  std::string file() const;
  config::ObjectSet Objects() const;  // of running()
  // Of the hook library; empty: it is not loaded.
  std::string revision() const { return hook_ ? hook_->revision() : std::string(); }
  int64_t pid() const;
  bool up() const;
  // As clients see it: up, undamaged, HA not waiting.
  bool ServesDhcp() const;
  std::string HaState() const;  // empty: no HA
  size_t reconfigured() const;  // how often, starts included
  // How many of these commands Kea answered with result 0.
  size_t Accepted(std::string_view command) const;
  // The names of the last thousand commands that arrived since Forget().
  std::vector<std::string> arrived() const;
  void Forget();

 private:
  struct Reply {
    int result = 0;
    std::string text;
    std::string arguments;  // JSON, or empty
  };
  struct Planned {
    Fault fault;
    int times;
    std::string command;  // empty: any
  };

  // All of these with the lock held.
  Fault TakeFault(std::string_view command);
  std::string Execute(std::string_view command, std::string_view arguments);
  Reply Answer(std::string_view command, std::string_view arguments);
  Reply Configure(std::string_view command, std::string_view arguments);
  Reply ReloadFile();
  Reply WriteFile();
  Reply GetLease() const;
  Reply Status() const;
  Reply Running() const;
  // What Kea has against a configuration, or empty.
  std::string Objection(std::string_view config, std::string_view text, bool set) const;
  // The same, having loaded it if there is none, and damaged Kea if there is.
  std::string Load(std::string config, std::string_view text);
  void Take(std::string config);
  void Learn();
  // What is mirrored of a configuration; empty where it cannot be read.
  config::ObjectSet Mirrored(std::string config) const;
  bool Start(int64_t pid);
  std::vector<std::string> Commands() const;
  std::string HaStateNow() const;
  int64_t Seconds() const;

  // The same, of libdhcp_nestor.so, where it is loaded.
  Reply AnswerOfHook(std::string_view command, std::string_view arguments);
  std::string NewInstance() const;
  Reply HookStatus() const;
  Reply LocalPart() const;
  Reply ApplyByHook(const json::Value& arguments);
  // What would run after `change`; what Kea has against it is the error's text.
  absl::StatusOr<std::string> WithChange(const config::ChangeSet& change) const;
  // The first part of a refused change that Kea has something against; `change` is not empty.
  config::ObjectId Blamed(const config::ChangeSet& change) const;

  const DhcpService service_;
  Clock& clock_;
  const std::string version_;
  const bool has_hash_;

  mutable std::mutex mutex_;
  std::string running_, file_;
  bool up_ = true, starting_ = false;
  int64_t pid_ = 100;
  // In whole seconds of the clock, as Kea counts.
  int64_t started_ = 0, reconfigured_at_ = 0;
  size_t reconfigured_ = 0;

  // Of the running configuration.
  std::vector<std::string> hook_commands_;
  std::string ha_mode_;
  absl::Duration heartbeat_delay_;
  Instant ha_normal_;
  std::optional<FakeHook> hook_;

  Damage damage_ = Damage::kNone, damage_of_refusal_ = Damage::kDeaf;
  bool lasting_ = false;
  size_t hook_slice_ = 100;
  bool hook_takes_packed_ = true;
  Rule test_rule_, set_rule_;
  std::function<std::string(std::string)> normalise_;
  std::map<std::string, Reply, std::less<>> refused_;
  std::vector<Planned> planned_;
  std::map<std::string, size_t, std::less<>> accepted_;
  std::vector<std::string> arrived_;
};

}  // namespace nestor::testing
