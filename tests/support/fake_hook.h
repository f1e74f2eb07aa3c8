#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <string_view>

#include "common/config/object_set.h"
#include "common/json/json.h"

namespace nestor::testing {

// What libdhcp_nestor.so of a Kea in memory knows of the configuration: the objects, the revision,
// what changed lately. From when it is loaded until it is unloaded. Texts are as docs/kea-hook.md
// says and as Kea writes them.
class FakeHook {
 public:
  // Loaded with `objects`. No two libraries have the same `instance`.
  FakeHook(std::string instance, config::ObjectSet objects);

  std::string revision() const;

  // The configuration became this one: another generation, unless nothing differs.
  void Change(config::ObjectSet objects);

  // The arguments of an answer to nestor-get, whose arguments are these; a slice has at most
  // `slice` objects. InvalidArgument: malformed.
  absl::StatusOr<std::string> Get(const json::Value& arguments, size_t slice) const;

  // The arguments of an answer that says of each of `ids` what `objects` has.
  std::string Answer(const std::set<config::ObjectId>& ids, const config::ObjectSet& objects) const;

  // What came of nestor-apply so far.
  uint64_t applied = 0, refused = 0;

 private:
  std::string Since(std::string_view revision) const;
  std::string OptionCodes(const json::Value& arguments) const;
  absl::StatusOr<std::string> After(std::string_view cursor, size_t slice) const;

  const std::string instance_;
  uint64_t generation_ = 1;
  config::ObjectSet objects_;
  std::deque<std::set<config::ObjectId>> changes_;  // the last of them led to generation_
};

// The arguments of one of the library's commands, unpacked where they came packed.
std::string HookArguments(std::string_view arguments);

// What nestor-apply is to change. InvalidArgument: malformed.
absl::StatusOr<config::ChangeSet> HookChange(const json::Value& arguments);

// {"kind", "key"} or, with a text, {"kind", "key", "text"}, as Kea writes it.
std::string HookId(const config::ObjectId& id, std::string_view text = {});

}  // namespace nestor::testing
