#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/base/service.h"
#include "common/json/json.h"

namespace nestor::ha {

// A subnet's canonical text, being changed in what says which clients its pools and it are for.
// What was before is kept in marks in the user-contexts of what is changed.
class SubnetEdit {
 public:
  // InvalidArgument: the text is no object.
  static absl::StatusOr<SubnetEdit> Of(const std::string& json);

  // The pools and prefix pools that are for every client, as texts.
  std::vector<std::string> PoolsOfEveryClass(DhcpService service) const;

  // Halves those, for two classes of clients. InvalidArgument: a pool is none.
  absl::Status Split(DhcpService service, std::string_view first_class,
                     std::string_view second_class);
  // Undoes it.
  void Join(DhcpService service);

  // Makes the subnet one for `name` only, the class that it was for kept under `mark`.
  void Guard(std::string_view name, std::string_view mark);
  void Unguard(std::string_view mark);

  bool changed() const { return changed_; }
  std::string Text() const { return json::Canonical(document_.root()); }

 private:
  explicit SubnetEdit(json::Document document) : document_(std::move(document)) {}

  json::Value* List(std::string_view name);
  absl::Status SplitList(std::string_view name, std::string_view first_class,
                         std::string_view second_class);
  void JoinList(std::string_view name);

  json::Document document_;
  bool changed_ = false;
};

}  // namespace nestor::ha
