#pragma once

#include <string>
#include <string_view>

#include "common/base/status.h"
#include "common/keafile/config_files.h"

namespace nestor::testing {

// A host on which no file of Kea's is seen.
class NoFiles final : public keafile::ConfigFiles {
 public:
  std::string FileOf(int64_t /*pid*/) override { return {}; }
  absl::Status Replace(const std::string& path, const hook::FileIdentity& /*identity*/,
                       std::string_view /*text*/) override {
    return Error(absl::StatusCode::kPermissionDenied, "{} is not to be seen", path);
  }
};

}  // namespace nestor::testing
