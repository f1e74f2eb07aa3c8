#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/ha/ha.h"
#include "common/ha/scopes.h"

namespace nestor::ha {

inline constexpr auto k4 = DhcpService::kDhcp4;
inline constexpr auto k6 = DhcpService::kDhcp6;

inline json::Document MustParse(std::string_view text) {
  auto document = json::Parse(std::string(text));
  EXPECT_TRUE(document.ok()) << text << ": " << Message(document.status());
  return document.ok() ? *std::move(document) : json::Document();
}

inline std::string Canonical(std::string_view text) {
  return json::Canonical(MustParse(text).root());
}

// A set with the subnet `json` as id 1.
inline config::ObjectSet OneSubnet(std::string_view json) {
  config::ObjectSet set;
  set.Put({config::Kind::kSubnet, "1"}, Canonical(json));
  return set;
}

// The text of an object, or "" where it is not.
inline std::string TextOf(const config::ObjectSet& set, config::Kind kind, std::string key) {
  const config::Object* object = set.Find({kind, std::move(key)});
  return object == nullptr ? std::string() : object->json;
}

inline std::string SubnetText(const config::ObjectSet& set) {
  return TextOf(set, config::Kind::kSubnet, "1");
}

// What `set` is if it is one.
inline config::ObjectSet Must(absl::StatusOr<config::ObjectSet> set) {
  EXPECT_TRUE(set.ok()) << Message(set.status());
  return set.ok() ? *std::move(set) : config::ObjectSet();
}

inline std::string ErrorOf(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(Message(status));
}

}  // namespace nestor::ha
