#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "common/keafile/config_files.h"
#include "tests/support/fake_kea.h"

namespace nestor::testing {

// The disk that a FakeKea's file is on, as its agent sees it.
class FakeKeaFiles final : public keafile::ConfigFiles {
 public:
  explicit FakeKeaFiles(FakeKea& kea) : kea_(kea) {}

  absl::Status fails;  // what Replace() answers, where that is not OK
  bool visible = true;
  int written = 0;  // how often

  std::string FileOf(int64_t pid) override {
    return visible && pid == kea_.pid() ? "/etc/kea/kea.conf" : std::string();
  }

  absl::Status Replace(const std::string& /*path*/, const hook::FileIdentity& identity,
                       std::string_view text) override {
    if (!fails.ok()) return fails;
    if (identity != hook::FileIdentity{FakeKea::kFileDevice, FakeKea::kFileInode}) {
      return absl::PermissionDeniedError("another file");
    }
    ++written;
    kea_.EditFile(std::string(text));
    return absl::OkStatus();
  }

  absl::StatusOr<File> Read(const std::string& /*path*/) override {
    if (!visible) return absl::NotFoundError("no such file");
    return File{kea_.file(), {FakeKea::kFileDevice, FakeKea::kFileInode}};
  }

  absl::Status Writable(const std::string& /*path*/) override { return fails; }

  bool Exists(const std::string& /*path*/) override { return visible; }

 private:
  FakeKea& kea_;
};

}  // namespace nestor::testing
